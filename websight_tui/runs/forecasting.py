"""Forecasts for a cluster, from this user's own runs there, and how good those have been: pure, over runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

from websight_tui.config import Cluster
from websight_tui.presets import Preset
from websight_tui.projection.forecast import forecast, score
from websight_tui.projection.history import PastRun, past_run
from websight_tui.projection.known import RunFacts
from websight_tui.projection.model import Forecast, Score
from websight_tui.runs.bounds import limit_asked, partition_max
from websight_tui.runs.probing import is_probe
from websight_tui.runs.state import Phase, RunView
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.model import Job
from websight_tui.slurm_commands.site import NOT_KNOWN, Layout


def history_of(runs: Iterable[RunView]) -> tuple[PastRun, ...]:
    """What the runs of the local history teach about step times; runs with too few lines teach nothing."""
    found = []
    for run in runs:
        started = run.job.start_time if run.job and len(run.log.segments) <= 1 else None
        past = past_run(
            run.log, run.spec.preset, cluster=run.spec.cluster, job_started_at=started, run_id=run.spec.run_id
        )
        if past is not None:
            found.append(past)
    return tuple(found)


def forecast_for(
    cluster: Cluster,
    preset: Preset,
    history: Sequence[PastRun] = (),
    *,
    samples: int | None = None,
    layout: Layout = NOT_KNOWN,
) -> Forecast:
    """The forecast of `preset` in one job on `cluster`, against the preset's limit or else the cluster's.

    Where the partition allows less than that, its maximum counts.

    Args:
        history: from `history_of`.
        samples: true rows of the training data; None takes what an earlier run there counted, else the preset's
            assumption.
        layout: what is known of the cluster's partitions.
    """
    limits = [s for s in (limit_asked(cluster, preset), partition_max(cluster, layout)) if s is not None]
    if samples is None:
        samples = rows_of(cluster.name, preset, history)
    gpus = cluster.gpus_per_node if preset.gpus_per_node is None else preset.gpus_per_node
    return forecast(
        preset,
        world_size=preset.world_size(cluster.gpus_per_node),
        gpu=cluster.gpu if gpus else "cpu",
        limit_s=min(limits, default=None),
        cluster=cluster.name,
        samples=samples,
        history=history,
    )


def rows_of(cluster: str, preset: Preset, history: Sequence[PastRun]) -> int | None:
    """Rows of `preset`'s training data as the newest run on `cluster` counted them; None if none did.

    A run with `max_samples` that were all used does not know how many there are beyond them.

    Args:
        history: oldest first.
    """
    for past in reversed(history):
        was, rows = past.preset, past.train_rows
        same = (past.cluster, was.dataset_dir, was.dataset) == (cluster, preset.dataset_dir, preset.dataset)
        if not same or rows is None:
            continue
        if was.max_samples is None or rows < was.max_samples:
            return rows
        if preset.max_samples is not None and preset.max_samples <= was.max_samples:
            return rows
    return None


def pauses_known(spec: RunSpec, history: Sequence[PastRun]) -> RunFacts:
    """How long an evaluation, a save and the end took in earlier runs of that model on that cluster, as medians.

    Args:
        history: from `history_of`; the run itself says nothing of itself here.
    """
    alike = [
        past
        for past in history
        if past.run_id != spec.run_id
        and past.cluster == spec.cluster
        and past.preset.model_name_or_path == spec.preset.model_name_or_path
    ]
    rows = (spec.preset.eval_dataset, spec.preset.max_eval_samples)
    evaluated = [past for past in alike if (past.preset.eval_dataset, past.preset.max_eval_samples) == rows]
    eval_s, save_s = _median(past.eval_s for past in evaluated), _median(past.save_s for past in alike)
    tail_s = _median(past.tail_s for past in alike)
    # the last checkpoint is counted among the saves
    return RunFacts(eval_s=eval_s, save_s=save_s, tail_s=max(0.0, (tail_s or 0.0) - (save_s or 0.0)))


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value) and value >= 0]
    return median(known) if known else None


def score_of(run: RunView) -> Score | None:
    """How the forecast of a run did; None until it has finished, or where the comparison would say nothing."""
    if run.forecast is None or run.phase is not Phase.FINISHED or is_probe(run.spec.preset):
        return None
    seconds = job_seconds(run.jobs)
    return None if seconds is None else score(run.forecast, seconds)


def job_seconds(jobs: Sequence[Job]) -> float | None:
    """Seconds that `jobs` ran, from each one's start to its end; None if that is not known of all that ran."""
    total = 0.0
    for job in jobs:
        if job.start_time is None and job.state == "CANCELLED":
            continue  # never ran
        if not job.final or job.start_time is None or job.end_time is None or job.restarts:
            return None  # of a requeued job only the last start is on record
        total += max(0.0, job.end_time - job.start_time)
    return total or None


def scores_of(runs: Iterable[RunView]) -> list[Score]:
    """The scores of all forecasts whose runs have finished, for `track_record`."""
    return [run.score for run in runs if run.score is not None]
