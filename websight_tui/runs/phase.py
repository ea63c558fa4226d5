"""Where a run is, derived from its submission, its newest job and the trainer's own words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from websight_tui.metrics.model import Segment, TrainingLog
from websight_tui.runs.state import Outcome, Phase

if TYPE_CHECKING:
    from websight_tui.slurm_commands.model import Job

SAVED_AND_STOPPED: Final = "saved-and-stopped"
FINISHED: Final = "finished"
_EXIT_SAVED: Final = "85:0"
"""Exit status with which the job script says that the run saved and stopped."""

OVER: Final = frozenset({Phase.REJECTED, Phase.FINISHED, Phase.STOPPED, Phase.TIMEOUT, Phase.CANCELLED, Phase.FAILED})
"""Phases that nothing leaves by itself."""
DIED: Final = frozenset({Phase.FAILED, Phase.TIMEOUT})
"""Phases with a reason that has to be found out."""
RESUMABLE: Final = frozenset({Phase.STOPPED, Phase.TIMEOUT, Phase.CANCELLED, Phase.FAILED})
"""Phases from which another job can carry on."""


def phase_of(outcome: Outcome, jobs: Sequence[Job], log: TrainingLog) -> Phase:
    """The phase of a run whose jobs are `jobs` (oldest first)."""
    if outcome is Outcome.INTENT:
        return Phase.SUBMITTING
    if outcome is Outcome.UNKNOWN:
        return Phase.UNKNOWN
    if not jobs:
        return Phase.REJECTED if outcome is Outcome.REJECTED else Phase.PENDING
    job = jobs[-1]
    segment = segment_of(job, log)
    if job.final:
        return _ended(job, segment)
    if job.state == "COMPLETING" and (segment is None or not segment.end):
        return Phase.STOPPING
    if job.state in ("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"):
        return _running(segment)
    return Phase.STARTING if job.state == "CONFIGURING" else Phase.PENDING


def segment_of(job: Job, log: TrainingLog) -> Segment | None:
    """The newest segment that `job` has trained; None if it has not begun (or nothing says so)."""
    last = log.last
    if last is None or (last.job_id and last.job_id != job.job_id):
        return None
    if job.restarts and last.ended_at is not None and job.start_time is not None and job.start_time > last.ended_at:
        return None  # the segment of the same job before its requeue
    if not last.job_id and last.started_at is not None and job.start_time is not None:
        return last if last.started_at >= job.start_time - 120 else None
    return last


def _running(segment: Segment | None) -> Phase:
    if segment is None:
        return Phase.STARTING
    if segment.end == FINISHED:
        return Phase.SAVING  # the last model, the plots, the bookkeeping
    if segment.end or segment.stop_requested_at is not None:
        return Phase.STOPPING
    if segment.save_begun_at is not None:
        return Phase.SAVING
    if segment.eval_begun_at is not None:
        return Phase.EVALUATING
    return Phase.TRAINING if len(segment.columns) else Phase.STARTING


def _ended(job: Job, segment: Segment | None) -> Phase:
    said = segment.end if segment is not None else ""
    if job.state == "CANCELLED":  # also where the trainer could still save
        return Phase.CANCELLED
    if said == SAVED_AND_STOPPED or job.exit_code == _EXIT_SAVED:
        return Phase.STOPPED
    if said == FINISHED and job.state in ("COMPLETED", "ENDED", "TIMEOUT"):
        return Phase.FINISHED
    if job.state == "COMPLETED":
        return Phase.FINISHED if not said else Phase.FAILED
    if job.state in ("TIMEOUT", "DEADLINE"):
        return Phase.TIMEOUT
    return Phase.FAILED
