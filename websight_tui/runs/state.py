"""What the screens show: one immutable AppState, changed only by `reduce(state, event)`.

Worker threads make events, the controller folds them into the state, widgets render it. The headless commands fold
the same events and print what changed. Nothing here does I/O or looks at a clock: events carry their time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from websight_tui.metrics.model import TrainingLog
from websight_tui.slurm_commands.site import NOT_KNOWN, Layout

if TYPE_CHECKING:
    from websight_tui.metrics.ink import Span
    from websight_tui.projection.model import Forecast, Projection, Score, Verdict
    from websight_tui.runs.saved_work.checkpoints import Saved
    from websight_tui.runs.saved_work.tasks import Task
    from websight_tui.runspec import RunSpec
    from websight_tui.slurm_commands.model import Job


class Link(StrEnum):
    """The connection to a cluster."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    ONLINE = "online"
    RECONNECTING = "reconnecting"
    NEEDS_LOGIN = "needs login"
    FAILED = "failed"


class Outcome(StrEnum):
    """What became of a submission."""

    INTENT = "intent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class Phase(StrEnum):
    """Where a run is, in words for people; `runs.phase` derives it from jobs and events."""

    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    PENDING = "pending"
    STARTING = "starting"
    TRAINING = "training"
    EVALUATING = "evaluating"
    SAVING = "saving"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "saved and stopped"
    TIMEOUT = "time limit"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LogTail:
    """The last lines of a job's output, already safe to show.

    Args:
        lines: rendered lines (carriage returns applied, control sequences removed), oldest first, bounded.
        dropped: lines that were shown before and fell out of the bound.
        size: bytes of the remote file when last read.
        inks: the coloured pieces of lines, by the line's number.
        marks: (number of a line, look): that line and those after it came with that look, until the next mark.
        numbers: of the lines; () if they follow each other from `dropped` on. See `runs.together`.
        since: where in the remote file they begin: (a byte, lines after it that are not held any more).
    """

    lines: tuple[str, ...] = ()
    dropped: int = 0
    size: int = 0
    inks: Mapping[int, tuple[Span, ...]] = field(default_factory=lambda: MappingProxyType({}))
    marks: tuple[tuple[int, int], ...] = ()
    numbers: tuple[int, ...] = ()
    since: tuple[int, int] = (0, 0)

    @property
    def whole(self) -> bool:
        """Whether these are all lines of the file."""
        return self.since == (0, 0)

    def number(self, index: int) -> int:
        """The number of `lines[index]`, which stays the same while older lines fall out."""
        return self.numbers[index] if self.numbers else self.dropped + index

    def index(self, number: int) -> int:
        """Where the line of that number is now; the nearest one that is left, if it fell out."""
        if not self.numbers:
            return max(0, min(number - self.dropped, len(self.lines) - 1))
        return self.numbers.index(number) if number in self.numbers else 0


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """A verdict that took the place of another one (or was the first of its job).

    Args:
        at: Unix s by this machine's clock.
        job_id: the job that it was about.
        step, total_steps: where the run was then.
        finish_at, deadline: Unix s as projected then; None if unknown.
        reason: the first of the projection's reasons.
    """

    at: float
    verdict: Verdict
    job_id: str = ""
    step: int = 0
    total_steps: int = 0
    finish_at: float | None = None
    deadline: float | None = None
    reason: str = ""


class Evaluation(StrEnum):
    """How the job stands that measures the clicks of a finished run."""

    NONE = ""
    WAITING = "in the queue"
    RUNNING = "being measured"
    FAILED = "failed"
    DONE = "measured"


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found in a run's folder; None is what is not there.

    Args:
        adapter_bytes: size of adapter_model.safetensors.
        accuracy: share of answers that click inside the target, from the newest evaluation. low, high: its 95 %
            interval. rows: how many were asked.
        dataset: what was asked of, as the evaluation's folder is named.
        evaluation: how the newest evaluation job stands, of which `attempt` counts from 1 (0: there is none).
        asked, to_ask: rows that it has asked and asks in all; 0 of 0 while that is not known.
        why: what went wrong with it; `refused`: it was Slurm that did not take it.
    """

    adapter_bytes: int | None = None
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    rows: int | None = None
    dataset: str = ""
    evaluation: Evaluation = Evaluation.NONE
    attempt: int = 0
    asked: int = 0
    to_ask: int = 0
    why: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Sweep:
    """Runs that were launched together.

    Args:
        created_at: Unix s.
        specs: as planned, in the order of the table; each run's id and token stand from the beginning.
    """

    sweep_id: str
    cluster: str
    created_at: float
    specs: tuple[RunSpec, ...]

    @property
    def run_ids(self) -> tuple[str, ...]:
        return tuple(spec.run_id for spec in self.specs)


@dataclass(frozen=True, slots=True)
class RunView:
    """Everything known of one run.

    Args:
        spec: as submitted.
        outcome, outcome_text: of the submission; the text is Slurm's reason or the plan for an unknown one.
        jobs: its chain, oldest first.
        log: its training log (append-only; compare `log_version` to see whether it moved), of which `log_unread` bytes
            are still to come.
        stdout, stderr: tails of the newest job's output.
        projection: the newest; None before the first step.
        measured: what its output folder says of the result, where somebody looked.
        verdicts: how its verdict changed, as this machine has seen it, oldest first.
        problems: findings in plain words with a next step (reason of death, divergence, stall), newest last.
        forecast, score: what was forecast before the launch, and how that did once the run has finished.
        saved: its checkpoints on the cluster; None until somebody looked.
        tasks: what was last done with its checkpoints, one of a kind.
        stage, stage_done, stage_total: what a submission is doing and how far it is (bytes; 0 of 0 if unknown).
    """

    spec: RunSpec
    outcome: Outcome = Outcome.INTENT
    outcome_text: str = ""
    phase: Phase = Phase.SUBMITTING
    jobs: tuple[Job, ...] = ()
    log: TrainingLog = field(default_factory=TrainingLog)
    log_version: int = 0
    stdout: LogTail = LogTail()
    stderr: LogTail = LogTail()
    projection: Projection | None = None
    problems: tuple[str, ...] = ()
    seen_at: float | None = None
    stage: str = ""
    stage_done: int = 0
    stage_total: int = 0
    forecast: Forecast | None = None
    score: Score | None = None
    verdicts: tuple[VerdictChange, ...] = ()
    measured: Measured | None = None
    saved: tuple[Saved, ...] | None = None
    tasks: tuple[Task, ...] = ()
    log_unread: int = 0

    @property
    def job(self) -> Job | None:
        """The newest job of the chain."""
        return self.jobs[-1] if self.jobs else None

    @property
    def total_steps(self) -> int:
        """Where its newest segment goes: its epochs' end, or as far as it gets if it uses its time; 0 if unknown."""
        segment, projection = self.log.last, self.projection
        if segment is None:
            return 0
        if projection is None:
            return segment.total_steps
        from websight_tui.projection.reach import uses_the_time

        reaches = uses_the_time(segment) and projection.segment_start == segment.start_step
        return projection.total_steps if reaches else segment.total_steps


@dataclass(frozen=True, slots=True)
class ClusterView:
    """One cluster's connection and queue.

    Args:
        queue: the user's live jobs, as squeue gave them (runs of this app and foreign ones).
        queue_at: Unix s at which `queue` was true; its age is shown.
        home: the account's home folder there; "" while it is not known.
        error: why the link is not online, with the next step; "" if it is.
        stage, stage_done, stage_total: what connecting is about now, and how many stages are over, of how many.
        since: Unix s since when it connects. again_at: when it is tried again; None unless that is waited for.
        busy: (what a person asked for and is under way, since when).
        calls_per_minute: scheduler calls over the last minute.
        next_poll_at: Unix s of the next scheduler call, None if none is planned.
        layout: its partitions and reservations as of the last login; empty while not known.
        skew_s: by how much its clock is ahead of this machine's, seconds; times in `queue`, `layout` and its runs are
            by its clock (see our_clock).
    """

    name: str
    address: str = ""
    home: str = ""
    link: Link = Link.OFFLINE
    error: str = ""
    stage: str = ""
    stage_done: int = 0
    stage_total: int = 0
    since: float = 0.0
    again_at: float | None = None
    busy: tuple[tuple[str, float], ...] = ()
    queue: tuple[Job, ...] = ()
    queue_at: float | None = None
    scheduler_error: str = ""
    calls_per_minute: float = 0.0
    next_poll_at: float | None = None
    layout: Layout = NOT_KNOWN
    skew_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Unwritten:
    """Why the run history on this machine cannot be written.

    Args:
        word: in two words ("disk full").
        message: in a sentence.
        hint: the next step.
    """

    word: str
    message: str
    hint: str

    @property
    def text(self) -> str:
        """Both sentences."""
        return f"{self.message.rstrip('.')}. {self.hint}"


@dataclass(frozen=True, slots=True)
class AppState:
    """All that is shown, newest run first in `runs`' order of insertion reversed.

    Args:
        clusters: by the name in the configuration.
        runs: by run id.
        sweeps: by sweep id, oldest first.
        unwritten: what keeps the run history on this machine from being written; None if nothing does.
    """

    clusters: Mapping[str, ClusterView] = field(default_factory=lambda: MappingProxyType({}))
    runs: Mapping[str, RunView] = field(default_factory=lambda: MappingProxyType({}))
    sweeps: Mapping[str, Sweep] = field(default_factory=lambda: MappingProxyType({}))
    unwritten: Unwritten | None = None
