"""How a run's verdict changed, as a table: when, what, how long it stood, and against what. Pure."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from websight_tui import words
from websight_tui.metrics.terminal_text import plain
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import RunView, VerdictChange
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import foreign, verdict_text
from websight_tui.tui.widgets.table import Column

COLUMNS: Final = (
    Column("when", "since", 11, 10),
    Column("verdict", "verdict", 15, 9),
    Column("held", "for", 12, 6, right=True),
    Column("step", "at step", 14, 5, right=True),
    Column("margin", "to its deadline", 20, 7),
    Column("finish", "finish then", 12, 4),
    Column("why", "why", 20, 3, flex=True),
)
NOTHING: Final = "No verdict yet. What is said while this machine watches is kept here."
NOT_KEPT: Final = "Of a job that was submitted elsewhere no history is kept."


def verdict_rows(run: RunView, now: float, palette: Palette) -> list[tuple[str, dict[str, Text | str]]]:
    """A row for each change, newest first; the last one still stands while the run is under way.

    Args:
        now: Unix s.
    """
    changes, job = run.verdicts, run.job
    if not changes:
        return []
    over = job.end_time if run.phase in OVER and job is not None else None
    ends = [*(change.at for change in changes[1:]), over if run.phase in OVER else now]
    rows = [
        (f"{change.at}-{index}", _cells(change, end, now, palette))
        for index, (change, end) in enumerate(zip(changes, ends, strict=True))
    ]
    return rows[::-1]


def _cells(change: VerdictChange, end: float | None, now: float, palette: Palette) -> dict[str, Text | str]:
    step = f"{change.step:,}" + (f" ({change.step / change.total_steps:.0%})" if change.total_steps else "")
    return {
        "when": words.time_of_day(change.at, now),
        "verdict": verdict_text(change.verdict, palette),
        "held": words.duration(max(0.0, end - change.at)) if end is not None else glyph("dash"),
        "step": step,
        "margin": margin(change),
        "finish": words.time_of_day(change.finish_at, now) if change.finish_at is not None else glyph("dash"),
        "why": plain(change.reason, 200),
    }


def margin(change: VerdictChange) -> str:
    """How far the finish was from the deadline then: "1 h 20 min to spare"."""
    if change.finish_at is None or change.deadline is None:
        return glyph("dash")
    spare = change.deadline - change.finish_at
    return f"{words.duration(abs(spare))} {'to spare' if spare >= 0 else 'over'}"


def reason_of(run: RunView, key: str | None, palette: Palette) -> Text:
    """Why the verdict of a row was reached, in full; what the pane is for where there is none."""
    if not run.verdicts:
        return Text(NOT_KEPT if foreign(run) else NOTHING, style=palette.faint)
    found = next((c for i, c in enumerate(run.verdicts) if f"{c.at}-{i}" == key), run.verdicts[-1])
    return Text(plain(found.reason, 300), style=palette.faint)
