"""What the engine tells the world: immutable facts, folded into the state by `reduce`.

`at` is Unix s. Texts are plain words, safe to show; where an event carries a `hint`, it is the next step.
"""

from __future__ import annotations

from dataclasses import dataclass

from websight_tui.metrics.model import TrainingLog
from websight_tui.projection.model import Forecast, Projection, Score
from websight_tui.runs.checks.finding import Doing, Finding
from websight_tui.runs.exploring import SiteOffer
from websight_tui.runs.pieces import Place
from websight_tui.runs.saved_work.checkpoints import Saved
from websight_tui.runs.saved_work.tasks import Task
from websight_tui.runs.state import Link, LogTail, Measured, Outcome, RunView, Sweep, Unwritten, VerdictChange
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.job_counts import JobCounts
from websight_tui.slurm_commands.model import Job
from websight_tui.slurm_commands.site import Layout


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The connection to a cluster changed.

    Args:
        error: why it is not online, and what to do.
        stage: what is done to get there. done, total: how many stages are over, of how many; 0 of 0 if not known.
        again_at: Unix s of the next try, where one is waited for.
        home: the account's home folder, once it is known.
        skew_s: by how much the cluster's clock is ahead of ours; None if it was not just measured.
    """

    cluster: str
    link: Link
    at: float
    address: str = ""
    error: str = ""
    stage: str = ""
    home: str = ""
    done: int = 0
    total: int = 0
    again_at: float | None = None
    skew_s: float | None = None


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """squeue answered: the user's live jobs on the cluster, foreign ones included."""

    cluster: str
    jobs: tuple[Job, ...]
    at: float


@dataclass(frozen=True, slots=True)
class LayoutSeen:
    """What the cluster's partitions allow and which reservations there are, asked once after a login."""

    cluster: str
    layout: Layout
    at: float


@dataclass(frozen=True, slots=True)
class SchedulerTrouble:
    """The scheduler did not answer or answered with an error; what is on the screen stays and ages."""

    cluster: str
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class HistoryTrouble:
    """What keeps the run history here from being written; None: it can be written again."""

    trouble: Unwritten | None
    at: float


@dataclass(frozen=True, slots=True)
class PollPlanned:
    """When the scheduler is asked next (None: not before something happens), and how often it was of late."""

    cluster: str
    next_poll_at: float | None
    calls_per_minute: float
    at: float


@dataclass(frozen=True, slots=True)
class RunLoaded:
    """A run out of the local history, with all that is known of it offline."""

    run: RunView


@dataclass(frozen=True, slots=True)
class SweepLoaded:
    """A sweep, out of the history or just begun; its runs come as events of their own."""

    sweep: Sweep


@dataclass(frozen=True, slots=True)
class RunMeasured:
    """What a run's output folder says of its result."""

    run_id: str
    measured: Measured


@dataclass(frozen=True, slots=True)
class JobCountsFound:
    """How many jobs the site lets the user have at once, as far as it says so; None where it could not be asked."""

    cluster: str
    counts: JobCounts | None


@dataclass(frozen=True, slots=True)
class RunHidden:
    """A run was taken off the list; its history and its files stay."""

    run_id: str
    at: float


@dataclass(frozen=True, slots=True)
class PreflightDone:
    """What the pre-flight of a launch found; belongs to no run yet, so that no state keeps it.

    Args:
        run_id: of the plan that was checked.
        findings: one of level "skip" says why nothing was looked at.
        train_rows: rows of the training data as counted there; None if they could not be.
    """

    run_id: str
    findings: tuple[Finding, ...]
    train_rows: int | None
    at: float


@dataclass(frozen=True, slots=True)
class SiteSeen:
    """What a new cluster offers; `offer` is None where it could not be asked, and `problem` says why and what to do."""

    cluster: str
    offer: SiteOffer | None
    problem: str
    at: float


@dataclass(frozen=True, slots=True)
class CheckMoved:
    """What a cluster's check or a launch's pre-flight is about now; `run_id` as in CheckMade."""

    run_id: str
    doing: Doing
    at: float


@dataclass(frozen=True, slots=True)
class CheckMade:
    """One finding of a cluster's check or of a launch's pre-flight, as it is made; None after a cluster's last one.

    Args:
        run_id: of the plan that is checked; belongs to no run, so that no state keeps it.
    """

    run_id: str
    finding: Finding | None
    at: float


@dataclass(frozen=True, slots=True)
class SubmitBegan:
    """A submission's intent is on record; a run's second and later jobs begin so too (and bring no new forecast)."""

    spec: RunSpec
    at: float
    forecast: Forecast | None = None


@dataclass(frozen=True, slots=True)
class SubmitProgress:
    """What the submission is doing, with bytes done and in all where it uploads (else 0 of 0)."""

    run_id: str
    stage: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class SubmitSettled:
    """What became of a submission (also later, when an unknown one has been found out)."""

    run_id: str
    outcome: Outcome
    at: float
    text: str = ""
    hint: str = ""
    job_id: str = ""


@dataclass(frozen=True, slots=True)
class JobsChanged:
    """A run's jobs, oldest first."""

    run_id: str
    jobs: tuple[Job, ...]
    at: float


@dataclass(frozen=True, slots=True)
class LogMoved:
    """A run's training log grew to `version` (the log itself is append-only and shared).

    `unread` bytes of its file are there and have not come yet.
    """

    run_id: str
    log: TrainingLog
    version: int
    at: float
    unread: int = 0


@dataclass(frozen=True, slots=True)
class TailMoved:
    """The tail of a job's stdout or stderr moved."""

    run_id: str
    stream: str
    tail: LogTail
    at: float


@dataclass(frozen=True, slots=True)
class Projected:
    """A new projection; None where there is no ground for one."""

    run_id: str
    projection: Projection | None
    at: float


@dataclass(frozen=True, slots=True)
class VerdictChanged:
    """A run's verdict is another one than before, and stands in the history."""

    run_id: str
    change: VerdictChange


@dataclass(frozen=True, slots=True)
class Scored:
    """A run has finished: how its forecast did."""

    run_id: str
    score: Score
    at: float


@dataclass(frozen=True, slots=True)
class ProblemsFound:
    """All that is wrong with a run at the moment, newest last; empty once nothing is."""

    run_id: str
    problems: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class ActionMoved:
    """Something that a person asked for on a cluster is under way, or (`over`) is not any more, however it ended."""

    cluster: str
    action: str
    at: float
    over: bool = False


@dataclass(frozen=True, slots=True)
class SavedSeen:
    """Which of a run's checkpoints are on the cluster, and how whole each is."""

    run_id: str
    saved: tuple[Saved, ...]
    at: float


@dataclass(frozen=True, slots=True)
class TaskMoved:
    """Something that is done with a checkpoint (fetch, try, merge), or a download of a log, went on or ended."""

    run_id: str
    task: Task
    at: float


@dataclass(frozen=True, slots=True)
class LookMoved:
    """How far somebody's look through a whole log is (runs.looking_through).

    Args:
        number: of the wish.
        done, total: bytes looked through, and in all.
        place: what was found.
        over: whether it has ended; `complete`: by finding something or by having seen all.
    """

    run_id: str
    number: int
    done: int
    total: int
    at: float
    place: Place | None = None
    over: bool = False
    complete: bool = False


@dataclass(frozen=True, slots=True)
class ActionDone:
    """The end of something a person asked for (cancel, hold, …).

    Args:
        target: a run id, or "cluster/job id".
    """

    action: str
    target: str
    ok: bool
    message: str
    at: float
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know that belongs to no run ("the history was damaged …")."""

    message: str
    at: float
    hint: str = ""


Event = (
    LinkChanged
    | QueueSeen
    | LayoutSeen
    | SchedulerTrouble
    | HistoryTrouble
    | PollPlanned
    | RunLoaded
    | SweepLoaded
    | RunMeasured
    | JobCountsFound
    | RunHidden
    | PreflightDone
    | SiteSeen
    | CheckMoved
    | CheckMade
    | SubmitBegan
    | SubmitProgress
    | SubmitSettled
    | JobsChanged
    | LogMoved
    | TailMoved
    | Projected
    | VerdictChanged
    | Scored
    | ProblemsFound
    | ActionMoved
    | SavedSeen
    | TaskMoved
    | LookMoved
    | ActionDone
    | Notice
)


def told(run_id: str, item: Doing | Finding, at: float) -> CheckMoved | CheckMade:
    """What a check tells, as an event."""
    return CheckMoved(run_id, item, at) if isinstance(item, Doing) else CheckMade(run_id, item, at)
