"""A cluster's times by this machine's clock, for those who show them: "finishes 09:31" is about the clock on the wall.

Slurm and the trainer write the cluster's clock. All that is computed from them stays with it; the state is translated
only where it is looked at. Where clocks agree nothing is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from websight_tui.runs.state import AppState, ClusterView, RunView

if TYPE_CHECKING:
    from websight_tui.slurm_commands.model import Job

V = TypeVar("V", ClusterView, RunView)


class OurClock:
    """Translates one state after the other; what has not changed since the last one is the same object again."""

    def __init__(self) -> None:
        self._runs: dict[str, tuple[RunView, float, RunView]] = {}
        self._clusters: dict[str, tuple[ClusterView, float, ClusterView]] = {}

    def __call__(self, state: AppState) -> AppState:
        """`state` with the times of jobs, projections and reservations by this machine's clock."""
        skews = {name: view.skew_s for name, view in state.clusters.items() if view.skew_s}
        if not skews:
            return state
        return replace(
            state,
            clusters=_each(state.clusters, self._clusters, cluster_here, lambda view: view.skew_s),
            runs=_each(state.runs, self._runs, run_here, lambda run: skews.get(run.spec.cluster, 0.0)),
        )


def _each(
    known: Mapping[str, V],
    kept: dict[str, tuple[V, float, V]],
    here: Callable[[V, float], V],
    skew_of: Callable[[V], float],
) -> Mapping[str, V]:
    made = {}
    for key, value in known.items():
        skew = skew_of(value)
        last = kept.get(key)
        if last is None or last[0] is not value or last[1] != skew:
            last = kept[key] = (value, skew, here(value, skew) if skew else value)
        made[key] = last[2]
    return MappingProxyType(made)


def cluster_here(view: ClusterView, skew_s: float) -> ClusterView:
    """A cluster whose clock is `skew_s` ahead, its times by ours."""
    reservations = tuple(replace(r, start=r.start - skew_s, end=r.end - skew_s) for r in view.layout.reservations)
    queue = tuple(job_here(job, skew_s) for job in view.queue)
    return replace(view, queue=queue, layout=replace(view.layout, reservations=reservations))


def run_here(run: RunView, skew_s: float) -> RunView:
    """A run on a cluster whose clock is `skew_s` ahead, its times by ours."""
    projection = run.projection
    if projection is not None:
        projection = replace(
            projection, finish_at=_less(projection.finish_at, skew_s), deadline=_less(projection.deadline, skew_s)
        )
    return replace(run, jobs=tuple(job_here(job, skew_s) for job in run.jobs), projection=projection)


def job_here(job: Job, skew_s: float) -> Job:
    """A job of a cluster whose clock is `skew_s` ahead, its times by ours."""
    return replace(
        job,
        submit_time=_less(job.submit_time, skew_s),
        start_time=_less(job.start_time, skew_s),
        end_time=_less(job.end_time, skew_s),
    )


def _less(moment: float | None, skew_s: float) -> float | None:
    return None if moment is None else moment - skew_s
