"""How jobs ended: asks sacct about jobs that left the queue, and copes where there is no accounting."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from websight_tui.runs import events as e
from websight_tui.runs.scheduler import Scheduler
from websight_tui.runs.store import Store
from websight_tui.runs.track import RunTrack
from websight_tui.slurm_commands import merge
from websight_tui.slurm_commands.model import Job

TRIES: Final = 6
"""Questions after which an exit code that sacct does not have is given up."""
_FIRST_WAIT_S: Final = 4.0
_LONGEST_WAIT_S: Final = 60.0


class Ends:
    """Finds out how the jobs of runs ended, over one connection.

    `open` tells whether some end was still to be found out after the last look.
    """

    def __init__(self, scheduler: Scheduler, store: Store, emit: Callable[[e.Event], None]) -> None:
        self._scheduler = scheduler
        self._store = store
        self._emit = emit
        self.open = False
        self._accounting = True
        self._asked: dict[tuple[str, str], tuple[int, float]] = {}

    def look(self, tracks: Sequence[RunTrack], listed: Mapping[str, Job], now: float, there: float) -> None:
        """Asks, at most once, about all jobs that are over or have left the queue.

        Args:
            listed: what squeue has just listed.
            now, there: Unix s by our clock and by the cluster's.

        Raises: SchedulerError, RemoteTimeout, ConnectionLost.
        """
        over = self._over(tracks, listed)
        self.open = bool(over)
        due = [(t, j) for t, j in over if self._asked.get((t.spec.run_id, j.job_id), (0, 0.0))[1] <= now]
        if not due:
            return
        for track, job in due:
            key = (track.spec.run_id, job.job_id)
            count = self._asked.get(key, (0, 0.0))[0] + 1
            self._asked[key] = (count, now + min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 1.5**count))
        rows: dict[str, Job] = {}
        if self._accounting:
            answer = self._scheduler.accounting(sorted({job.job_id for _, job in due}))
            if answer is None:
                self._accounting = False
                self._emit(
                    e.Notice(
                        "This cluster keeps no accounting: the queue and the runs themselves tell how jobs ended",
                        now,
                    )
                )
            else:
                rows = {row.job_id: row for row in answer}
        for track, job in due:
            self._settle(track, job, rows.get(job.job_id), job.job_id in listed, now, there)
        self.open = bool(self._over(tracks, listed))

    def _over(self, tracks: Sequence[RunTrack], listed: Mapping[str, Job]) -> list[tuple[RunTrack, Job]]:
        return [
            (track, job)
            for track in tracks
            for job in list(track.jobs)
            if (job.job_id not in listed or job.state in merge.ENDED) and self._wanted(track, job)
        ]

    def _settle(self, track: RunTrack, job: Job, row: Job | None, listed: bool, now: float, there: float) -> None:
        if row is not None:
            new = merge.accounted(job, row, there)
        elif listed:
            new = job if self._accounting else self._from_controller(job)
        else:
            new = job
        if not listed and not new.final and (row is None or row.state not in merge.ENDED):
            with track.lock:
                new = merge.departed(new, there, last_seen=track.last_seen.get(job.job_id), own_end=track.own_end(job))
        if new == job:
            return
        with track.lock:
            if track.foreign is None:
                self._store.save_job(track.spec.run_id, new, track.last_seen.get(job.job_id))
            track.put_job(new)
            self._emit(e.JobsChanged(track.spec.run_id, tuple(track.jobs), now))

    def _from_controller(self, job: Job) -> Job:
        fields = self._scheduler.show(job.job_id)
        code = fields.get("ExitCode", "")
        return dataclasses.replace(job, exit_code=code) if code else job

    def _wanted(self, track: RunTrack, job: Job) -> bool:
        if not job.final:
            return True
        asked = self._asked.get((track.spec.run_id, job.job_id), (0, 0.0))[0]
        return not job.exit_code and job.job_id not in track.settled and asked < TRIES
