"""What is worth telling a person who looks elsewhere: a changed verdict, the end of a run."""

from __future__ import annotations

from websight_tui.projection.model import Verdict
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import AppState, RunView
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.ports import Notifier


def changes(before: AppState, after: AppState) -> list[tuple[str, str]]:
    """(title, body) of each change from `before` to `after` that deserves attention."""
    found = []
    for run_id, run in after.runs.items():
        was = before.runs.get(run_id)
        if was is None or was is run:
            continue
        if run.phase in OVER and was.phase not in OVER:
            found.append((f"{run.spec.preset.name}: {run.phase.value}", run.problems[-1] if run.problems else run_id))
        elif (new := _verdict(run)) is not None and (old := _verdict(was)) is not None and new is not old:
            reason = run.projection.reasons[0] if run.projection and run.projection.reasons else ""
            found.append((f"{run.spec.preset.name}: {new.value}", reason))
    return found


def _verdict(run: RunView) -> Verdict | None:
    projection = run.projection
    return None if projection is None or projection.verdict is Verdict.TOO_EARLY else projection.verdict


def report(before: AppState, after: AppState, notifier: Notifier) -> None:
    """Tells the notifier what has changed, and keeps the terminal's title on the newest live run."""
    if before is after:
        return
    for title, body in changes(before, after):
        notifier.tell(title, body)
    live = [run for run in after.runs.values() if run.phase not in OVER]
    if not live:
        notifier.set_title("websight-tui")
        return
    run = max(live, key=lambda run: run.spec.created_at)
    verdict = _verdict(run)
    word = verdict.value if verdict is not None else run.phase.value
    notifier.set_title(f"{glyph(verdict or run.phase)} {run.spec.preset.name} {word}")
