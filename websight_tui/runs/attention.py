"""What is worth telling a person who looks elsewhere: a changed verdict, the end of a run, a failure. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from websight_tui.projection.model import Verdict
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import AppState, RunView


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell.

    Args:
        kind: "verdict" or "end".
        word: the verdict or the phase.
        title: "rank32: will not fit". body: the reason in one line.
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
            reason = run.problems[-1] if run.problems else run.outcome_text or run_id
            found.append(_news(run, "end", run.phase.value, reason))
        elif (new := verdict_of(run)) is not None and new is not verdict_of(was):
            if verdict_of(was) is None and new is Verdict.FITS:
                continue  # a run that fits from the beginning is as it should be
            reason = run.projection.reasons[0] if run.projection and run.projection.reasons else run_id
            found.append(_news(run, "verdict", new.value, reason))
    return found


def _news(run: RunView, kind: str, word: str, body: str) -> News:
    return News(run.spec.run_id, run.spec.cluster, kind, word, f"{run.spec.preset.name}: {word}", body)


def verdict_of(run: RunView) -> Verdict | None:
    """The verdict of a run under way, None while there is none to give."""
    projection = run.projection
    return None if projection is None or projection.verdict is Verdict.TOO_EARLY else projection.verdict
