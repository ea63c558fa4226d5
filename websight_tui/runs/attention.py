"""What is worth telling a person who looks elsewhere: a changed verdict, the end of a run, a failure. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from websight_tui.projection.model import Verdict
from websight_tui.runs.phase import DIED, OVER
from websight_tui.runs.state import AppState, Phase, RunView

LAST_WORDS_S: Final = 6.0
"""Seconds after a run's end in which its last output, and so the reason of its end, is read."""


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell.

    Args:
        kind: "verdict" or "end".
        word: the verdict or the phase.
        title: "rank32: will not fit". body: what happened, why, and the next step.
    """

    run_id: str
    cluster: str
    kind: str
    word: str
    title: str
    body: str


def news(before: AppState, after: AppState) -> list[News]:
    """Each change from `before` to `after` that deserves attention; what was loaded from the history is no news."""
    found = []
    for run_id, run in after.runs.items():
        was = before.runs.get(run_id)
        if was is None or was is run:
            continue
        if run.phase in OVER and was.phase not in OVER:
            found.append(_end(run))
        elif (new := verdict_of(run)) is not None and new is not verdict_of(was):
            if verdict_of(was) is None and new is Verdict.FITS:
                continue  # a run that fits from the beginning is as it should be
            reasons = run.projection.reasons if run.projection is not None else ()
            found.append(_news(run, "verdict", new.value, reasons[0] if reasons else "Open it for what can be done."))
    return found


class Attention:
    """`news` of an app that goes on: a run that died is told of once the reason has been read, or a moment later."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, tuple[str, ...]]] = {}

    def look(self, before: AppState, after: AppState, now: float) -> list[News]:
        """What is to be told now (Unix s); called with every change, and now and then."""
        found = []
        for item in news(before, after):
            if item.kind == "end" and after.runs[item.run_id].phase in DIED:
                self._held[item.run_id] = (now + LAST_WORDS_S, before.runs[item.run_id].problems)
            else:
                found.append(item)
        for run_id, (until, known) in list(self._held.items()):
            run = after.runs.get(run_id)
            if run is None or run.phase not in DIED:
                del self._held[run_id]  # requeued, or taken off the list
            elif now >= until or (run.problems and run.problems != known):
                del self._held[run_id]
                found.append(_end(run))
        return found


def _end(run: RunView) -> News:
    return _news(run, "end", run.phase.value, f"{_happened(run)} {_next_step(run)}".strip())


def _happened(run: RunView) -> str:
    """What became of a run, in a sentence or two; why, and what to do, where it died."""
    last = run.log.last
    far = f"step {last.last_step:,}" + (f" of {total:,}" if (total := run.total_steps) else "") if last else ""
    match run.phase:
        case Phase.REJECTED:
            return run.outcome_text or "Slurm did not accept it."
        case Phase.FINISHED:
            loss = (
                next((value for value in reversed(last.columns.loss) if math.isfinite(value)), None) if last else None
            )
            steps = f"{last.last_step:,} steps" if last else "All steps"
            return f"{steps} trained{f', loss {loss:.4f}' if loss is not None else ''}."
        case Phase.STOPPED:
            return f"A checkpoint is saved{f' at {far}' if far else ''}."
        case Phase.CANCELLED:
            return f"Cancelled{f' at {far}' if far else ''}."
        case _ if run.problems:
            return run.problems[-1]
    return f"Job {run.job.job_id} ended{f' at {far}' if far else ''}." if run.job is not None else "It ended."


def _next_step(run: RunView) -> str:
    """The command for what comes next; "" where the reason says it, and for jobs that were not submitted here."""
    if not run.spec.token or run.phase is Phase.REJECTED or (run.phase in DIED and run.problems):
        return ""
    command = {Phase.FINISHED: "fetch", Phase.STOPPED: "resume", Phase.CANCELLED: "resume"}.get(run.phase, "logs")
    return f"Next: websight-tui {command} {run.spec.run_id}"


def _news(run: RunView, kind: str, word: str, body: str) -> News:
    name = run.job.name if not run.spec.token and run.job is not None else run.spec.preset.name
    return News(run.spec.run_id, run.spec.cluster, kind, word, f"{name}: {word}", body)


def verdict_of(run: RunView) -> Verdict | None:
    """The verdict of a run under way, None while there is none to give."""
    projection = run.projection
    return None if projection is None or projection.verdict is Verdict.TOO_EARLY else projection.verdict
