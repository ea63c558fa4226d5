"""Forecasts for a cluster, from this user's own runs there: what the pure forecast needs, gathered in one place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from websight_tui.config import Cluster
from websight_tui.presets import Preset
from websight_tui.projection.forecast import forecast
from websight_tui.projection.history import PastRun, past_run
from websight_tui.projection.model import Forecast
from websight_tui.runs.state import RunView
from websight_tui.slurm_commands.times import parse_duration


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
    cluster: Cluster, preset: Preset, history: Sequence[PastRun] = (), *, samples: int | None = None
) -> Forecast:
    """The forecast of `preset` in one job on `cluster`, against the preset's limit or else the cluster's.

    Args:
        history: from `history_of`.
        samples: true rows of the training data; None takes the preset's assumption.
    """
    gpus = cluster.gpus_per_node if preset.gpus_per_node is None else preset.gpus_per_node
    return forecast(
        preset,
        world_size=preset.world_size(cluster.gpus_per_node),
        gpu=cluster.gpu if gpus else "cpu",
        limit_s=parse_duration(preset.time_limit or cluster.time_limit),
        cluster=cluster.name,
        samples=samples,
        history=history,
    )
