"""One truth about a job from three witnesses: squeue (live), sacct (final), and what was known before.

squeue is right about jobs that it lists, at the moment it lists them. sacct is right about jobs that left the queue,
after a few seconds of lag. A job that was preempted, lost its node or was requeued has not ended while squeue can
still bring it back. A question that got no answer says nothing: then nothing is merged.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from websight_tui.slurm_commands.model import LIVE, Job

ENDED: Final = frozenset(
    {"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "OUT_OF_MEMORY", "DEADLINE", "BOOT_FAIL", "NODE_FAIL", "PREEMPTED"}
)
"""States in which a job can end."""
MAY_RETURN: Final = frozenset({"PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "REQUEUED"})
"""States after which Slurm may put the job back into the queue by itself."""
SETTLE_S: Final = 20.0
"""Seconds after which a job in a MAY_RETURN state that squeue has not brought back is over."""
LAG_S: Final = 10.0
"""Seconds for which sacct may still be wrong about a job that just ended."""
GIVE_UP_S: Final = 120.0
"""Seconds after which a job that left the queue, and of whose end nobody can tell, is called ENDED."""


def seen(known: Job | None, row: Job, now: float) -> Job:
    """`known` after squeue listed the job as `row`.

    Args:
        now: Unix s on the cluster's clock (or ours, they need agree only within seconds).
    """
    before = known or Job(row.job_id)
    restarts = before.restarts
    came_back = row.state in ("PENDING", "CONFIGURING", "RUNNING") and (
        (before.state in ("RUNNING", "COMPLETING", *MAY_RETURN) and row.state == "PENDING")
        or (before.state == "RUNNING" == row.state and _later(row.start_time, before.start_time))
    )
    if came_back:
        restarts += 1
    final = row.state in ENDED and (row.state not in MAY_RETURN or _settled(row, now))
    return dataclasses.replace(
        row,
        restarts=restarts,
        exit_code="" if row.state in LIVE else before.exit_code,
        submit_time=row.submit_time if before.submit_time is None else min(before.submit_time, row.submit_time or 1e18),
        final=final,
    )


def accounted(known: Job, row: Job, now: float) -> Job:
    """`known`, which squeue did not list (or listed as over), after sacct answered with `row`.

    Not final where sacct still calls it live (its lag), where its row is only half written (no limit yet), or where it
    may yet return.
    """
    if row.state not in ENDED and row.state != "REQUEUED":
        return known
    if known.final and known.state in ENDED and known.state != row.state and row.state in MAY_RETURN:
        return known
    half_written = row.time_limit_s is None and not row.partition and not _older(row.end_time, now, LAG_S)
    if half_written:
        return known
    state = known.state if known.final and known.state in ENDED else row.state
    final = known.final or row.state not in MAY_RETURN or _settled(row, now)
    return dataclasses.replace(
        known,
        state=state,
        reason=known.reason if row.reason in ("", "None", *_WAITING) else row.reason,
        exit_code=row.exit_code or known.exit_code,
        start_time=row.start_time or known.start_time,
        end_time=row.end_time or known.end_time,
        elapsed_s=row.elapsed_s if row.elapsed_s is not None else known.elapsed_s,
        node_list=row.node_list or known.node_list,
        final=final,
    )


_WAITING: Final = ("Priority", "Resources", "Dependency", "BeginTime", "JobHeldUser")


def departed(known: Job, now: float, *, last_seen: float | None, own_end: str = "") -> Job:
    """`known`, which left the queue and about which sacct has nothing (no accounting, or purged).

    Args:
        last_seen: Unix s at which squeue listed it last; None if it never did.
        own_end: how the trainer said it ended (finished, saved-and-stopped, failed); "" if it did not.
    """
    if known.final:
        return known
    if own_end:
        state = "FAILED" if own_end == "failed" else "COMPLETED"
        return dataclasses.replace(known, state=state, reason="", final=True)
    if last_seen is not None and now - last_seen < GIVE_UP_S:
        return known
    if known.state == "RUNNING" and known.end_time is not None and last_seen is not None and now >= known.end_time:
        return dataclasses.replace(known, state="TIMEOUT", reason="", final=True)
    return dataclasses.replace(known, state="ENDED", reason="", final=True)


def _later(new: float | None, old: float | None) -> bool:
    return new is not None and old is not None and new > old + 1


def _older(moment: float | None, now: float, seconds: float) -> bool:
    return moment is not None and now - moment >= seconds


def _settled(row: Job, now: float) -> bool:
    return _older(row.end_time, now, SETTLE_S)
