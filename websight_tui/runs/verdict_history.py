"""Keeps each change of a run's verdict, with its time: what was said when, for the report afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from websight_tui.projection.model import Verdict
from websight_tui.runs import events as e
from websight_tui.runs.state import VerdictChange
from websight_tui.runs.store import Store

if TYPE_CHECKING:
    from websight_tui.runs.track import RunTrack


def keep_verdict(
    track: RunTrack, store: Store, emit: Callable[[e.Event], None], now: float, skew_s: float = 0.0
) -> None:
    """Adds the verdict of the newest projection to the history if it differs from the last one there.

    Only what this machine sees is kept: while nobody watches, nothing is projected. Jobs that were not submitted here
    have no history.

    Args:
        now: Unix s by this machine's clock.
        skew_s: the cluster's clock less ours, seconds.

    Raises: StoreError.
    """
    with track.lock:
        projection, job = track.projection, track.job
        if projection is None or job is None or track.foreign is not None:
            return
        change = VerdictChange(
            now,
            projection.verdict,
            job.job_id,
            projection.step,
            projection.total_steps,
            None if projection.finish_at is None else projection.finish_at - skew_s,
            None if projection.deadline is None else projection.deadline - skew_s,
            projection.reasons[0] if projection.reasons else "",
        )
        last = track.verdicts[-1] if track.verdicts else None
        if last is not None and (last.verdict, last.job_id) == (change.verdict, change.job_id):
            return
        known = len(track.verdicts)
        add_verdict(store, track.spec.run_id, change)
        track.verdicts = verdicts_of(store, track.spec.run_id)  # with what another app has seen meanwhile
        for added in track.verdicts[known:]:
            emit(e.VerdictChanged(track.spec.run_id, added))


def add_verdict(store: Store, run_id: str, change: VerdictChange) -> bool:
    """Adds to a run's verdict history; False if it ends with that verdict for that job already.

    Raises: StoreError.
    """
    with store.transaction() as db:
        last = db.execute(
            "SELECT verdict, job_id FROM verdicts WHERE run_id = ? ORDER BY at DESC, rowid DESC LIMIT 1", (run_id,)
        ).fetchone()
        if last == (change.verdict.value, change.job_id):
            return False
        db.execute(
            "INSERT INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run_id,
                change.at,
                change.verdict.value,
                change.job_id,
                change.step,
                change.total_steps,
                change.finish_at,
                change.deadline,
                change.reason,
            ),
        )
    return True


def verdicts_of(store: Store, run_id: str) -> tuple[VerdictChange, ...]:
    """A run's verdict history, oldest first. A verdict that this version does not know is left out.

    Raises: StoreError.
    """
    rows = store.rows(
        "SELECT at, verdict, job_id, step, total_steps, finish_at, deadline, reason FROM verdicts"
        " WHERE run_id = ? ORDER BY at, rowid",
        run_id,
    )
    known = set(Verdict)
    return tuple(VerdictChange(at, Verdict(word), *rest) for at, word, *rest in rows if word in known)
