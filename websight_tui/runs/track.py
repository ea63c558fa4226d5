"""What the engine holds of one run while it is at work: jobs, readers, tails. Used under its lock."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from typing import Final, NamedTuple, Protocol

from websight_tui.metrics.events import EventsReader
from websight_tui.metrics.job_output import JobOutputReader
from websight_tui.metrics.model import TrainingLog
from websight_tui.metrics.terminal_text import TerminalText
from websight_tui.projection.known import NOTHING_KNOWN
from websight_tui.projection.model import Forecast, Projection, Score
from websight_tui.runs.measuring import kept
from websight_tui.runs.phase import phase_of, segment_of
from websight_tui.runs.projecting import projection_of
from websight_tui.runs.scoring import load_forecast
from websight_tui.runs.state import LogTail, Measured, Outcome, RunView, VerdictChange
from websight_tui.runs.store import Store, StoredRun
from websight_tui.runs.tail import Tail
from websight_tui.runs.verdict_history import verdicts_of
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.model import Job
from websight_tui.words import sentences

STREAMS: Final = {"stdout": "out", "stderr": "err"}
"""Outputs of a job and the endings of their files."""
LINES: Final = 5000
"""Lines of a job's output that are kept."""
FIRST_LOOK: Final = 256 * 1024
"""Bytes of a long output that are read first, from its end."""
EVENTS: Final = "events"
_STRIDE: Final = 64 * 1024
"""Bytes after which it is noted where a line of the output stands in the file."""


@dataclass
class Stream:
    """One output of the newest job."""

    tail: Tail
    text: TerminalText = field(default_factory=lambda: TerminalText(LINES))
    size: int = 0
    shown: tuple[int, int] = (-1, -1)
    marks: list[tuple[int, int]] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    """(number of a line, byte of the file that was read while it was the newest one), oldest first."""

    def feed(self, data: bytes, look: int, *, offset: int = 0) -> None:
        """Takes the next bytes.

        Args:
            look: counts the looks at the job's files; bytes of one look came at about the same time.
            offset: of `data` in the file; where the first bytes do not begin it, a line says so.
        """
        if offset and not self.text.version:
            self.text.feed(f"[… {offset:,} bytes before this are on the cluster alone …]\n".encode())
        first = self.text.number
        for start in range(0, len(data), _STRIDE):
            if self.places and self.places[-1][0] == self.text.number and len(self.places) > 1:
                self.places.pop()
            self.places.append((self.text.number, offset + start))
            self.text.feed(data[start : start + _STRIDE])
        while len(self.places) > 1 and self.places[1][0] < self.text.dropped:
            del self.places[0]
        self._mark(first, look)

    def skip(self, skipped: int, look: int) -> None:
        """So many bytes are left out, which a line says; what is held of the file begins after them."""
        first = self.text.number
        self.text.feed(f"\n[… {skipped:,} bytes came at once and are not shown …]\n".encode())
        self.places = []
        self._mark(first, look)

    def _mark(self, first: int, look: int) -> None:
        while self.marks and self.marks[-1][0] >= first:
            self.marks.pop()
        self.marks.append((first, look))
        while len(self.marks) > 1 and self.marks[1][0] <= self.text.dropped:
            del self.marks[0]

    def begin_anew(self) -> None:
        """The file began anew: what was shown belongs to another one."""
        self.text, self.marks, self.places = TerminalText(LINES), [], []

    def view(self) -> LogTail:
        text = self.text
        number, offset = self.places[0] if self.places else (text.dropped, 0)
        since = (offset, max(0, text.dropped - number))
        return LogTail(tuple(text.lines), text.dropped, self.size, dict(text.inks), tuple(self.marks), since=since)


class Reader(Protocol):
    """Reads one format of a training log."""

    @property
    def log(self) -> TrainingLog: ...

    def feed(self, data: bytes) -> None: ...


class Found(NamedTuple):
    """A file that was found: when it was changed (Unix s, the cluster's clock), its bytes, its path."""

    at: float
    size: int
    path: str


@dataclass
class Search:
    """What is known so far of where a foreign job keeps its metrics (see runs.foreign_log).

    Args:
        folder: its output folder; "" while not known.
        next_at, wide_at: Unix s before which nothing is looked for, and nothing below the whole working folder.
        misses: how often the whole working folder was searched.
        saves: step of each checkpoint that was seen → (when it was saved, its folder).
        read: the trainer_state.json that was read last.
    """

    folder: str = ""
    next_at: float = 0.0
    wide_at: float = 0.0
    misses: int = 0
    saves: dict[int, tuple[float, str]] = field(default_factory=dict)
    read: Found | None = None


@dataclass
class Output:
    """Where a foreign job writes, and the reader that finds metrics in it.

    Args:
        paths: "stdout" and "stderr" → absolute path.
        first_look: bytes that are read first, from the end.
        search: for metrics that it keeps elsewhere.
    """

    paths: dict[str, str]
    first_look: int
    reader: JobOutputReader
    search: Search


class RunTrack:
    """One run.

    Args:
        spec: as of its newest submission.
    """

    def __init__(self, spec: RunSpec) -> None:
        self.lock = threading.RLock()
        self.spec = spec
        self.outcome = Outcome.INTENT
        self.text = ""
        self.jobs: list[Job] = []
        self.last_seen: dict[str, float] = {}
        self.reader: Reader = EventsReader()
        self.events = Tail(spec.events_path)
        self.foreign: Output | None = None
        self.streams: dict[str, Stream] = {}
        self.stream_job = ""
        self.told_log: TrainingLog | None = None
        self.told_version = -1
        self.unread = 0
        self.projected_at = self.judged_at = self.judging_s = 0.0
        self.unjudged = False
        self.projection: Projection | None = None
        self.verdicts: tuple[VerdictChange, ...] = ()
        self.measured: Measured | None = None
        self.forecast: Forecast | None = None
        self.earlier = NOTHING_KNOWN
        self.score: Score | None = None
        self.problems: tuple[str, ...] = ()
        self.problems_ground: tuple[object, ...] = ()
        self.over_at: float | None = None
        self.read_at = 0.0
        self.looks = 0
        self.settled: set[str] = set()

    @property
    def job(self) -> Job | None:
        return self.jobs[-1] if self.jobs else None

    def put_job(self, job: Job) -> bool:
        """Adds or replaces a job; False if nothing changed."""
        for index, known in enumerate(self.jobs):
            if known.job_id == job.job_id:
                self.jobs[index] = job
                return known != job
        self.jobs.append(job)
        return True

    def own_end(self, job: Job) -> str:
        """How the trainer said that `job` ended; "" if it did not."""
        segment = segment_of(job, self.log)
        return segment.end if segment is not None else ""

    def follow_newest(self) -> None:
        """Points the streams at the newest job's output."""
        job = self.job
        if job is None or job.job_id == self.stream_job:
            return
        self.stream_job = job.job_id
        output = f"{self.spec.run_dir}/job-{job.job_id}"
        paths = {name: f"{output}.{ending}" for name, ending in STREAMS.items()}
        self.streams = {name: Stream(Tail(path, last=FIRST_LOOK)) for name, path in paths.items()}

    def watch_foreign(self, output: Output) -> None:
        """Makes this the track of a job that another program submitted."""
        self.foreign = output
        self.stream_job = self.jobs[-1].job_id
        self.streams = {name: Stream(Tail(path, last=output.first_look)) for name, path in output.paths.items()}

    def read_log_from(self, path: str, reader: Reader) -> None:
        """Takes the training log from a file of another format."""
        self.reader, self.events = reader, Tail(path)

    @property
    def log(self) -> TrainingLog:
        """The training log: the trainer's own words; of a foreign job what tells more and sooner.

        A trainer_state.json is as old as its checkpoint, so it counts only where the output tells no loss.
        """
        kept = self.reader.log
        if self.foreign is None:
            return kept
        told = self.foreign.reader.log
        late = kept.source == "trainer_state" and told.last is not None and any(map(isfinite, told.last.columns.loss))
        return told if late or not kept.segments else kept

    def restart_log(self) -> None:
        """Begins the training log anew: the remote file did."""
        self.reader = type(self.reader)()
        self.events = Tail(self.events.path)

    def tails(self) -> Iterable[tuple[str, Tail]]:
        """(name in the store, follower) of every file of the run."""
        yield EVENTS, self.events
        for name, stream in self.streams.items():
            yield f"{name}:{self.stream_job}", stream.tail

    def view(self) -> RunView:
        """The run as the screens show it."""
        log = self.log
        jobs = tuple(self.jobs)
        shown = {name: stream.view() for name, stream in self.streams.items()}
        return RunView(
            self.spec,
            self.outcome,
            self.text,
            phase_of(self.outcome, jobs, log),
            jobs,
            log,
            log.version,
            shown.get("stdout", LogTail()),
            shown.get("stderr", LogTail()),
            self.projection,
            self.problems,
            seen_at=max(self.last_seen.values(), default=None),
            forecast=self.forecast,
            score=self.score,
            verdicts=self.verdicts,
            measured=self.measured,
        )


def load_track(stored: StoredRun, store: Store) -> RunTrack:
    """A run out of the history, with the copies of its files.

    Raises: StoreError.
    """
    track = RunTrack(stored.spec)
    if stored.submissions:
        last = stored.submissions[-1]
        track.outcome = last.outcome
        track.text = sentences(last.text, last.hint)
    for row in stored.jobs:
        track.jobs.append(row.job)
        if row.last_seen is not None:
            track.last_seen[row.job.job_id] = row.last_seen
    track.forecast, track.score = load_forecast(store, stored.spec.run_id)
    track.verdicts = verdicts_of(store, stored.spec.run_id)
    track.measured = kept(store, stored.spec.run_id)
    track.follow_newest()
    for name, tail in track.tails():
        cached = store.cached(stored.spec.run_id, name)
        if cached is None or (name == EVENTS and cached.start):
            continue
        tail.go_on(cached.start + len(cached.data), cached.identity, cached.data)
        if name == EVENTS:
            track.reader.feed(cached.data)
        else:
            stream = track.streams[name.partition(":")[0]]
            stream.feed(cached.data, 0, offset=cached.start)
            stream.size = cached.start + len(cached.data)
    if track.jobs and all(job.final for job in track.jobs):
        track.settled = {job.job_id for job in track.jobs}
        track.over_at = track.jobs[-1].end_time or 0.0
    track.projection = projection_of(track.spec, track.job, track.log, None)
    return track
