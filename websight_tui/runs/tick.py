"""One step of a watcher: is it time to ask the scheduler, to read files, to look for a lost submission?"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from websight_tui.config import Cluster
from websight_tui.errors import RemoteError, RemoteFileError, RemoteTimeout, SchedulerError
from websight_tui.metrics.lines import count
from websight_tui.remote.port import Transport
from websight_tui.runs import events as e
from websight_tui.runs.ends import Ends
from websight_tui.runs.files import read_files, tell
from websight_tui.runs.foreign_log import look
from websight_tui.runs.poll import Situation, next_files_s, next_poll_s
from websight_tui.runs.reconcile import Reconciler
from websight_tui.runs.scheduler import Scheduler
from websight_tui.runs.scoring import score_if_finished
from websight_tui.runs.store import Store
from websight_tui.runs.track import RunTrack
from websight_tui.runs.verdict_history import keep_verdict
from websight_tui.slurm_commands import merge
from websight_tui.slurm_commands.model import Job
from websight_tui.slurm_commands.site import NOT_KNOWN

_HOME_TIMEOUT_S: Final = 20.0
_LEAST_AFTER_ERROR_S: Final = 5.0
_REFUSED_FILES_S: Final = 15.0
_LATE_BYTES_S: Final = 120.0
"""Seconds for which an ended job's files are read on: shared file systems show bytes up to 90 s late."""


class Wishes(Protocol):
    """What other threads may change while the watcher works."""

    cluster: Cluster
    visible: bool
    focused: str
    in_progress: set[str]

    @property
    def stopping(self) -> bool: ...


class Tick:
    """The work on one connection.

    Args:
        wishes: the watcher.
        calls: times of the last scheduler calls; outlives the connection.

    Attributes:
        skew_s: by how much the other side's clock is ahead of ours, as `begin` measured it; 0 below two seconds.
    """

    def __init__(
        self,
        wishes: Wishes,
        transport: Transport,
        store: Store,
        tracks: Callable[[], list[RunTrack]],
        emit: Callable[[e.Event], None],
        clock: Callable[[], float],
        calls: deque[float],
    ) -> None:
        self.home = ""
        self.polls = 0
        self.scheduler = Scheduler(transport, clock, calls)
        self._wishes = wishes
        self._transport = transport
        self._store = store
        self._tracks = tracks
        self._emit = emit
        self._clock = clock
        self.skew_s = 0.0
        self._errors = 0
        self._polled_at: float | None = None
        self._queue: list[Job] = []
        self._ends = Ends(self.scheduler, store, emit)
        self._reconciler = Reconciler(wishes.cluster.name, transport, self.scheduler, store, emit)
        self._delay: float | None = 0.0
        self._planned: tuple[float | None, float] | None = None
        self._files_refused_until = 0.0
        self._layout_wanted = True

    @property
    def queue(self) -> tuple[Job, ...]:
        """The user's jobs as squeue listed them last, ended ones included."""
        return tuple(self._queue)

    def begin(self) -> None:
        """Learns the home folder and the clock of the other side. Raises ConnectionLost, RemoteTimeout."""
        result = self._transport.exec('printf "%s\\n" "$HOME"; date +%s', timeout=_HOME_TIMEOUT_S)
        home, _, clock = result.stdout.strip().partition("\n")
        self.home = home if home.startswith("/") else ""
        if (told := count(clock)) is not None:
            skew = told + 0.5 - self._clock()
            self.skew_s = skew if abs(skew) > 2 else 0.0

    def step(self, *, poll_wanted: bool, changed_at: float | None) -> float | None:
        """Does what is due. Returns the time (Unix s) of the next step, None if only a wish can bring one.

        Raises: ConnectionLost, StoreError.
        """
        now = self._clock()
        if self._poll_due(now, poll_wanted):
            self._poll()
            now = self._clock()
            self._plan_poll(now, changed_at)
        elif poll_wanted:
            self._plan_poll(now, changed_at)
            if self._polled_at is not None:  # the floor forbids it for a moment
                least = self._least_s()
                self._delay = least if self._delay is None else min(self._delay, least)
        elif not self._wishes.visible:
            self._delay = None
        elif self._delay is None:
            self._plan_poll(now, changed_at)
        files_due = self._files(now)
        poll_due = None if self._delay is None or self._polled_at is None else self._polled_at + self._delay
        self._tell_plan(poll_due)
        times = [moment for moment in (poll_due, files_due) if moment is not None]
        return min(times) if times else None

    # the scheduler

    def _poll_due(self, now: float, wanted: bool) -> bool:
        if self._polled_at is None:
            return self._wishes.visible or wanted
        since = now - self._polled_at
        if since < 0:  # the clock was set back
            self._polled_at, since = now, 0.0
        if wanted and since >= self._least_s():
            return True
        return self._delay is not None and since >= self._delay and self._wishes.visible

    def _least_s(self) -> float:
        """Seconds between two calls that even a person's wish keeps to."""
        return max(self._wishes.cluster.poll_floor_s, _LEAST_AFTER_ERROR_S if self._errors else 0.0)

    def _poll(self) -> None:
        self._polled_at = self._clock()
        try:
            rows = self.scheduler.queue()
        except (SchedulerError, RemoteTimeout) as exc:
            self._errors += 1
            self._trouble(exc)
            self.polls += 1
            return
        now = self._clock()
        self._errors = 0
        self._queue = rows
        self._emit(e.QueueSeen(self._wishes.cluster.name, tuple(job for job in rows if _listed_live(job)), now))
        tracks = self._tracks()
        try:
            self._reconciler.look(tracks, rows, now, self._wishes.in_progress)
            self._read_or_say([track for track in tracks if _has_just_ended(track, rows)], now)
            self._merge(tracks, rows, now)
        except (SchedulerError, RemoteTimeout, RemoteFileError) as exc:
            self._trouble(exc)
        self._learn_layout(now)
        self.polls += 1

    def _learn_layout(self, now: float) -> None:
        """Once a connection: what the partitions allow, and which reservations there are."""
        if not self._layout_wanted:
            return
        self._layout_wanted = False
        try:
            layout = self.scheduler.layout()
        except (SchedulerError, RemoteTimeout):
            layout = NOT_KNOWN  # forecasts are held against the job's own limit then
        self._emit(e.LayoutSeen(self._wishes.cluster.name, layout, now))

    def _merge(self, tracks: Sequence[RunTrack], rows: Sequence[Job], now: float) -> None:
        listed = {job.job_id: job for job in rows}
        there = now + self.skew_s
        for track in tracks:
            with track.lock:
                changed = False
                for known in track.jobs:
                    row = listed.get(known.job_id)
                    if row is None or (known.final and _other_job(known, row)):
                        continue
                    track.last_seen[known.job_id] = now
                    job = merge.seen(known, row, there)
                    if job != known:
                        if track.foreign is None:
                            self._store.save_job(track.spec.run_id, job, now)
                        changed = track.put_job(job)
                if changed:
                    self._emit(e.JobsChanged(track.spec.run_id, tuple(track.jobs), now))
        self._ends.look(tracks, listed, now, there)
        for track in tracks:
            tell(track, self._emit, now, self.skew_s)
            keep_verdict(track, self._store, self._emit, now, self.skew_s)
            score_if_finished(track, self._store, self._emit, now)

    def _plan_poll(self, now: float, changed_at: float | None) -> None:
        live = [job for job in self._queue if _listed_live(job)]
        situation = Situation(
            visible=self._wishes.visible,
            running=any(job.state != "PENDING" for job in live),
            pending=any(job.state == "PENDING" for job in live),
            unsettled=self._reconciler.open or self._ends.open,
            since_change_s=None if changed_at is None else max(0.0, now - changed_at),
            errors=self._errors,
        )
        self._delay = next_poll_s(situation, self._wishes.cluster.poll_floor_s, random.random())

    def _trouble(self, exc: RemoteError) -> None:
        text = " ".join(part for part in (exc.message.rstrip(".") + ".", exc.hint) if part)
        self._emit(e.SchedulerTrouble(self._wishes.cluster.name, text, self._clock()))

    def _tell_plan(self, due: float | None) -> None:
        plan = (due, self.scheduler.calls_per_minute())
        if plan != self._planned:
            self._planned = plan
            self._emit(e.PollPlanned(self._wishes.cluster.name, due, plan[1], self._clock()))

    # files

    def _files(self, now: float) -> float | None:
        """Reads what is due; returns when the next reading is."""
        due: list[RunTrack] = []
        soonest: float | None = None
        for track in self._tracks():
            wait = next_files_s(
                visible=self._wishes.visible,
                focused=track.spec.run_id == self._wishes.focused,
                live=self._may_grow(track, now),
                floor_s=self._wishes.cluster.poll_floor_s,
            )
            if wait is None:
                continue
            at = max(track.read_at + wait, self._files_refused_until)
            if at <= now or track.read_at > now:
                due.append(track)
                at = now + wait
            soonest = at if soonest is None else min(soonest, at)
        self._read_or_say(due, now)
        for track in due:
            if track.spec.run_id == self._wishes.focused and self._wishes.visible:
                self._look_or_say(track, now)
        return soonest

    def _look_or_say(self, track: RunTrack, now: float) -> None:
        try:
            look(track, self._transport, now)
        except (RemoteFileError, RemoteTimeout) as exc:
            self._trouble(exc)

    def _read_or_say(self, tracks: Sequence[RunTrack], now: float) -> None:
        if not tracks:
            return
        try:
            read_files(
                tracks,
                self._transport,
                self._store,
                self._emit,
                now,
                skew_s=self.skew_s,
                stopping=lambda: self._wishes.stopping,
            )
        except (RemoteFileError, RemoteTimeout) as exc:
            self._files_refused_until = now + _REFUSED_FILES_S
            self._trouble(exc)

    def _may_grow(self, track: RunTrack, now: float) -> bool:
        with track.lock:
            if not track.jobs:
                return False
            if any(not job.final and job.state != "PENDING" for job in track.jobs):
                track.over_at = None
                return True
            if track.jobs[-1].live and track.log.last is None:
                return False
            if track.over_at is None:
                track.over_at = now
            if not track.read_at:
                return track.spec.run_id == self._wishes.focused or now - track.over_at < _LATE_BYTES_S
            said = track.job is not None and bool(track.own_end(track.job))
            return track.read_at < track.over_at + (5.0 if said else _LATE_BYTES_S) and track.job is not None


def _has_just_ended(track: RunTrack, rows: Sequence[Job]) -> bool:
    """Whether squeue says for the first time that a job is over: its last words are read before that is told."""
    over = {job.job_id for job in rows if job.state in merge.ENDED}
    with track.lock:
        return any(job.live and job.job_id in over for job in track.jobs)


def _listed_live(job: Job) -> bool:
    return job.state not in merge.ENDED


def _other_job(known: Job, row: Job) -> bool:
    """Whether Slurm has begun to count anew and gave `known`'s id to another job."""
    return known.name != "" and row.name != known.name
