"""What a pending job waits for before nodes are looked for, and how one that has ended comes back; only jobs change."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from websight_tui.pocket.dependencies import Answer, judge
from websight_tui.pocket.model import REQUEUE_DELAY_S, Job


def may_run(job: Job, find: Callable[[int], list[Job]], jobs: Iterable[Job], now: float) -> bool:
    """Whether only nodes are missing; if not, `job.reason` says what else is.

    Args:
        find: the known jobs with an id, or of an array.
        jobs: all of the cluster.
        now: the cluster's Unix time.
    """
    if job.hold:
        return False
    if job.dependency:
        answer = judge(job, find, jobs, now)
        if answer is not Answer.MET:
            job.reason = "DependencyNeverSatisfied" if answer is Answer.NEVER else "Dependency"
            return False
        job.dependency, job.eligible = "", now
    if job.begin is not None and job.begin > now:
        job.reason = "BeginTime"
        return False
    return True


def throttled(able: Iterable[Job], jobs: Iterable[Job]) -> list[Job]:
    """Those of `able` that may start where arrays keep to their %N tasks at a time."""
    running: dict[int, int] = {}
    for job in jobs:
        if job.array_job_id is not None and (job.state == "RUNNING" or job.completing):
            running[job.array_job_id] = running.get(job.array_job_id, 0) + 1
    kept = []
    for job in able:
        if job.array_job_id is not None and job.array_throttle:
            count = running.get(job.array_job_id, 0)
            if count >= job.array_throttle:
                job.reason = "JobArrayTaskLimit"
                continue
            running[job.array_job_id] = count + 1
        kept.append(job)
    return kept


def back_into_queue(job: Job, now: float) -> None:
    """Makes a job that has ended pending again, held if `job.after_end` says so; what it was is kept in `job.past`."""
    keys = ("state", "submit", "eligible", "start", "end", "batch_end", "exit_code", "exit_signal", "batch_exit")
    job.past.append({key: getattr(job, key) for key in (*keys, "node_list", "steps", "reason", "cancelled_by")})
    held = job.after_end == "hold"
    job.restarts += 1
    job.state, job.after_end, job.hold = "PENDING", "", "requeue" if held else ""
    job.reason = "job requeued in held state" if held else "BeginTime"
    job.submit = job.eligible = now
    job.begin = None if held else now + REQUEUE_DELAY_S
    job.start = job.end = job.batch_end = job.batch_exit = job.cancelled_by = None
    job.exit_code = job.exit_signal = 0
    job.signal_sent = False
    job.node_list, job.steps = [], []
