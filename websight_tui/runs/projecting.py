"""A run's projection: joins its log with its job's deadline and its preset."""

from __future__ import annotations

from dataclasses import replace

from websight_tui.metrics.model import TrainingLog
from websight_tui.projection.finish import project
from websight_tui.projection.known import NOTHING_KNOWN, RunFacts
from websight_tui.projection.model import Projection
from websight_tui.runs.phase import segment_of
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.model import Job


def deadline_of(spec: RunSpec, job: Job) -> float | None:
    """Unix s by which the run must have saved: the job's end by Slurm less the lead of the save-and-stop signal."""
    if job.start_time is None or job.time_limit_s is None or job.state == "PENDING":
        return None
    return job.start_time + job.time_limit_s - spec.preset.signal_lead_s


def projection_of(
    spec: RunSpec, job: Job | None, log: TrainingLog, now: float | None, earlier: RunFacts = NOTHING_KNOWN
) -> Projection | None:
    """The projection of the segment that `job` trains; None before its first words.

    Args:
        now: Unix s by the cluster's clock; None leaves out what depends on it (offline).
        earlier: how long pauses and the end took in runs before it (`forecasting.pauses_known`).
    """
    if job is None or segment_of(job, log) is None:
        return None
    preset = spec.preset
    known = replace(
        earlier,
        eval_steps=preset.eval_steps if preset.eval_dataset else 0,
        save_steps=preset.save_steps,
        eval_samples=preset.max_eval_samples if preset.eval_dataset else 0,
        step_samples=preset.effective_batch(preset.world_size()),
    )
    return project(
        log,
        limit_s=None,
        now=now if job.live else None,
        job_started_at=None if job.state == "PENDING" else job.start_time,
        deadline=deadline_of(spec, job),
        known=known,
    )
