"""Finds out what became of submissions whose answer was lost: by receipt, then by token. Never submits anything."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection, Sequence
from typing import Final

from websight_tui.remote.port import Transport
from websight_tui.runs import events as e
from websight_tui.runs.scheduler import Scheduler
from websight_tui.runs.state import Outcome
from websight_tui.runs.store import Store, Submission, this_process
from websight_tui.runs.submit import Search, Settled, conclude, find_job, read_receipt
from websight_tui.runs.track import RunTrack
from websight_tui.slurm_commands import parse
from websight_tui.slurm_commands.model import Job
from websight_tui.words import sentences

_REMEMBERED_S: Final = 14 * 86400.0
_OWNER_TRUSTED_S: Final = 900.0
"""Seconds for which a submission is left to another app that has begun it and still lives."""
_SEARCH_EVERY_S: Final = 10.0


class Reconciler:
    """Looks for one cluster's lost submissions, over one connection.

    `open` tells whether some were left after the last look.
    """

    def __init__(
        self,
        cluster: str,
        transport: Transport,
        scheduler: Scheduler,
        store: Store,
        emit: Callable[[e.Event], None],
    ) -> None:
        self.open = False
        self._cluster = cluster
        self._transport = transport
        self._scheduler = scheduler
        self._store = store
        self._emit = emit
        self._searches: dict[str, tuple[Search | None, float]] = {}

    def look(self, tracks: Sequence[RunTrack], queue: Sequence[Job], now: float, in_progress: Collection[str]) -> None:
        """One look, after squeue has answered with `queue`.

        Args:
            in_progress: tokens that this app is submitting at the moment.

        Raises: RemoteError, StoreError.
        """
        self.open = False
        runs = {track.spec.run_id: track for track in tracks}
        for submission in self._store.submissions(self._cluster, since=now - _REMEMBERED_S):
            track = runs.get(submission.run_id)
            if submission.outcome is Outcome.ACCEPTED or submission.token in in_progress or track is None:
                continue
            found = parse.named(queue, submission.token)
            if found is not None:
                self._settle(track, submission, Settled(Outcome.ACCEPTED, job_id=found.job_id), now)
            elif submission.outcome is not Outcome.REJECTED and not _left_to_its_owner(submission, now):
                self._search(track, submission, queue, now)

    def _search(self, track: RunTrack, submission: Submission, queue: Sequence[Job], now: float) -> None:
        spec = dataclasses.replace(track.spec, token=submission.token)
        search, next_at = self._searches.get(submission.token, (None, 0.0))
        age = now - submission.at
        settled: Settled | None = None
        if search is None or not search.sbatch_over:
            settled, fresh = read_receipt(spec, self._transport, age_s=age)
            search = dataclasses.replace(fresh, missed_at=search.missed_at if search else None)
        if settled is None and now >= next_at:
            next_at = now + _SEARCH_EVERY_S
            job, trusted = find_job(spec, self._scheduler, queue, age_s=age)
            if job is not None:
                settled = Settled(Outcome.ACCEPTED, job_id=job.job_id)
            elif trusted:
                settled, search = conclude(search, now)
        self._searches[submission.token] = (search, next_at)
        if settled is None:
            self.open = True
            if submission.outcome is Outcome.INTENT:
                self._settle(
                    track,
                    submission,
                    Settled(
                        Outcome.UNKNOWN,
                        "The answer to sbatch was lost",
                        "Whether the job exists is being looked up; do not submit it again yet.",
                    ),
                    now,
                )
        else:
            self._settle(track, submission, settled, now)

    def _settle(self, track: RunTrack, submission: Submission, settled: Settled, now: float) -> None:
        if not self._store.settle(
            submission.token, settled.outcome, now, text=settled.text, hint=settled.hint, job_id=settled.job_id
        ):
            return
        record(track, submission.token, settled, now, self._emit)


def record(
    track: RunTrack, token: str, settled: Settled, now: float, emit: Callable[[e.Event], None], name: str = ""
) -> None:
    """Puts the outcome of a submission into its run and tells of it.

    Only the run's newest submission decides the run's outcome; a job that is found counts in any case.
    """
    run_id = track.spec.run_id
    with track.lock:
        if track.spec.token == token:
            track.outcome = settled.outcome
            track.text = sentences(settled.text, settled.hint)
        if settled.job_id and track.put_job(Job(settled.job_id, name=name, submit_time=now)):
            emit(e.JobsChanged(run_id, tuple(track.jobs), now))
        if track.spec.token == token:
            emit(e.SubmitSettled(run_id, settled.outcome, now, settled.text, settled.hint, settled.job_id))


def _left_to_its_owner(submission: Submission, now: float) -> bool:
    """Whether the app that began the submission is another one, lives on this machine, and may still be at it."""
    host, _, pid = submission.owner.rpartition(":")
    mine = this_process()
    if submission.outcome is not Outcome.INTENT or submission.owner == mine or now - submission.at > _OWNER_TRUSTED_S:
        return False
    if host != mine.rpartition(":")[0] or not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
