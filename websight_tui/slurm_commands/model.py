"""A Slurm job as the app knows it, merged from squeue (live) and sacct (final)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LIVE: Final = frozenset(
    {
        "PENDING",
        "CONFIGURING",
        "RUNNING",
        "SUSPENDED",
        "STOPPED",
        "COMPLETING",
        "RESIZING",
        "SIGNALING",
        "STAGE_OUT",
        "REQUEUED",
        "REQUEUE_FED",
        "REQUEUE_HOLD",
        "RESV_DEL_HOLD",
        "SPECIAL_EXIT",
        "EXPEDITING",
        "POWER_UP_NODE",
    }
)
"""States of a job that is still in the queue."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job (one array task, where the job is an array).

    Args:
        job_id: as Slurm prints it ("1234", "1234_7").
        state: Slurm's long form, upper case, without suffixes ("CANCELLED", never "CANCELLED by 0").
        reason: Slurm's reason word; "" if none.
        submit_time, start_time, end_time: Unix s; None if unknown. For a pending job `start_time` is Slurm's estimate;
            for a running one `end_time` is when the limit ends it.
        time_limit_s, elapsed_s: seconds; None for UNLIMITED or unknown.
        exit_code: "code:signal" from sacct; "" before the end.
        final: True once sacct (or the job's absence with an end event) has confirmed the state.
    """

    job_id: str
    name: str = ""
    user: str = ""
    account: str = ""
    partition: str = ""
    state: str = ""
    reason: str = ""
    comment: str = ""
    submit_time: float | None = None
    start_time: float | None = None
    end_time: float | None = None
    time_limit_s: int | None = None
    elapsed_s: int | None = None
    nodes: int = 0
    node_list: str = ""
    gres: str = ""
    work_dir: str = ""
    dependency: str = ""
    restarts: int = 0
    exit_code: str = ""
    final: bool = False

    @property
    def live(self) -> bool:
        """Whether the job is still in the queue (pending, running, completing, requeued)."""
        return not self.final and (self.state in LIVE or not self.state)
