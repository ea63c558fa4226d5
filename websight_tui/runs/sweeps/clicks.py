"""How far the measuring of clicks is in a sweep, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from websight_tui.runs.state import Evaluation
from websight_tui.runs.sweeps.row import SweepRow

_STATES: Final = (Evaluation.DONE, Evaluation.RUNNING, Evaluation.WAITING, "to come", Evaluation.FAILED)


def accuracy_words(row: SweepRow) -> str:
    """ "61% (52–69)": click accuracy with its 95 % interval; else how it is being measured, "–" if it is not."""
    if row.accuracy is not None:
        band = "" if row.low is None or row.high is None else f" ({row.low * 100:.0f}–{row.high * 100:.0f})"
        return f"{row.accuracy:.0%}{band}"
    if row.clicks is Evaluation.RUNNING:
        return f"measuring {row.asked / row.to_ask:.0%}" if row.asked and row.to_ask else "measuring"
    if row.clicks is Evaluation.FAILED:
        return "failed"
    return "queued" if row.clicks is Evaluation.WAITING or row.open else "–"


def clicks_state(row: SweepRow) -> str | None:
    """How far the measurement of its clicks is, in words for scripts; None where none is meant."""
    if row.accuracy is not None:
        return Evaluation.DONE.value
    if row.clicks is not Evaluation.NONE:
        return row.clicks.value
    return "to come" if row.expected and (row.open or not row.over) else None


def clicks_words(rows: Sequence[SweepRow]) -> str:
    """ "Clicks: 2 measured (500 rows each), 1 being measured (120 of 500)"; "" where none are meant."""
    asked = sorted({row.asked for row in rows if row.accuracy is not None})
    states = [state for row in rows if (state := clicks_state(row)) is not None]
    said = []
    for state in dict.fromkeys((*_STATES, *states)):
        if not (count := states.count(state)):
            continue
        if state == Evaluation.DONE and asked[-1]:
            span = f"{asked[0]:,}" if asked[0] == asked[-1] else f"{asked[0]:,} to {asked[-1]:,}"
            state = f"{state} ({span} rows{' each' if count > 1 else ''})"
        elif state == Evaluation.RUNNING and count == 1:
            one = next(row for row in rows if clicks_state(row) == state)
            state += f" ({one.asked:,} of {one.to_ask:,})" if one.to_ask else ""
        said.append(f"{count} {state}")
    return f"Clicks: {', '.join(said)}" if said else ""


def clicks_failures(rows: Sequence[SweepRow]) -> list[str]:
    """A line for each run whose clicks could not be measured, with the reason."""
    failed = [row for row in rows if row.accuracy is None and row.clicks is Evaluation.FAILED]
    return [f"{row.preset.name}: clicks not measured: {row.why}" for row in failed]
