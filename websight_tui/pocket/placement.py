"""Which nodes a job gets, and when it can expect them: first come, first served, with backfill."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from websight_tui.pocket.model import Cluster, Job
from websight_tui.pocket.times import UNLIMITED

FOREVER = float("inf")


@dataclass(slots=True)
class Free:
    """What one node has left."""

    cpus: int
    memory_mb: int
    gpus: int
    jobs: int = 0
    exclusive: bool = False


def free_nodes(cluster: Cluster, running: Iterable[Job], down: Iterable[str] = ()) -> dict[str, Free]:
    """What is left of each node that is up while `running` (jobs that hold nodes) are there."""
    gone = set(down)
    free = {name: Free(cluster.cpus, cluster.memory_mb, cluster.gpus) for name in cluster.nodes if name not in gone}
    for job in running:
        for name in job.node_list:
            if name in free:
                _take(free[name], job)
    return free


def _take(node: Free, job: Job) -> None:
    node.cpus -= job.cpus_per_node
    node.memory_mb -= job.memory_mb
    node.gpus -= job.gpus
    node.jobs += 1
    node.exclusive = node.exclusive or job.exclusive


def fits(job: Job, node: Free) -> bool:
    """Whether one of the job's nodes may be this one."""
    if node.exclusive or (job.exclusive and node.jobs):
        return False
    return job.cpus_per_node <= node.cpus and job.memory_mb <= node.memory_mb and job.gpus <= node.gpus


def choose(job: Job, free: dict[str, Free]) -> list[str]:
    """The nodes for `job`, or none if there are not enough; those asked for with --nodelist come first."""
    wanted = set(job.node_names)
    able = [name for name, node in free.items() if fits(job, node)]
    if not wanted <= set(able) or len(able) < job.nodes:
        return []
    able.sort(key=lambda name: (name not in wanted, -free[name].jobs, name))
    return sorted(able[: job.nodes])


def could_ever_run(job: Job, cluster: Cluster) -> bool:
    """Whether an empty cluster could hold `job`."""
    return bool(choose(job, free_nodes(cluster, ())))


def expected_start(job: Job, cluster: Cluster, running: Sequence[Job], now: float, down: Iterable[str] = ()) -> float:
    """When `job` could start if running jobs use all their time; FOREVER if that cannot be said."""
    return expected_place(job, cluster, running, now, down)[0]


def expected_place(
    job: Job, cluster: Cluster, running: Sequence[Job], now: float, down: Iterable[str] = ()
) -> tuple[float, list[str]]:
    """(when `job` could start if running jobs use all their time, where); (FOREVER, []) if that cannot be said."""
    left = list(running)
    moment = now
    while True:
        nodes = choose(job, free_nodes(cluster, left, down))
        if nodes:
            return moment, nodes
        if not left:
            return FOREVER, []
        first = min(left, key=lambda other: other.deadline or FOREVER)
        if first.deadline is None:
            return FOREVER, []
        moment = max(now, first.deadline)
        left.remove(first)


def plan(
    waiting: Sequence[Job], cluster: Cluster, running: Sequence[Job], now: float, down: Iterable[str] = ()
) -> tuple[list[tuple[Job, list[str]]], dict[int, str]]:
    """Who starts now and where, and why the others wait.

    Args:
        waiting: jobs that may run, most important first. A job behind a blocked one of its partition starts only if
            its limit ends before that one can expect its nodes.

    Returns: ([(job, nodes)], {job id: reason}).
    """
    starts: list[tuple[Job, list[str]]] = []
    reasons: dict[int, str] = {}
    barrier: dict[str, float] = {}
    free = free_nodes(cluster, running, down)
    for job in waiting:
        until = barrier.get(job.partition)
        if until is not None and (job.time_limit == UNLIMITED or now + job.time_limit * 60 > until):
            reasons[job.job_id] = "Priority"
            continue
        nodes = choose(job, free)
        if nodes:
            starts.append((job, nodes))
            for name in nodes:
                _take(free[name], job)
            continue
        if until is not None:
            reasons[job.job_id] = "Priority"
            continue
        reasons[job.job_id] = "Resources"
        barrier[job.partition] = expected_start(job, cluster, running, now, down) if not starts else now
    return starts, reasons
