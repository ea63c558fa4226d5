"""The few things that a running job asks Slurm, or asks of it. Every answer may be missing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from enum import StrEnum
from typing import Final

_PATIENCE_S: Final = 30.0
"""A controller that hangs must not keep a checkpoint waiting."""


def job_id() -> str:
    """Slurm's id of the job that this process runs in; "" outside of one."""
    return os.environ.get("SLURM_JOB_ID", "")


def end_time() -> float | None:
    """Unix s at which the limit ends the job, by Slurm's newest word; None if there is none or it is not known.

    Asks the controller first: a limit that was raised or lowered under way counts. SLURM_JOB_END_TIME (newer versions)
    is what the limit was at the start.
    """
    value = _fields().get("EndTime", "") or os.environ.get("SLURM_JOB_END_TIME", "")
    return float(value) if re.fullmatch(r"\d{9,}", value) else None


class Fate(StrEnum):
    """What Slurm has in mind for a job that got a TERM."""

    ENDS = "ends"  # cancelled, or not known
    REQUEUED = "requeued"  # it is back in the queue already; this is its old self, about to be killed
    MAKES_ROOM = "makes room"  # chosen for preemption, with some grace left


_KILLED: Final = tuple(status for n in (signal.SIGTERM, signal.SIGKILL) for status in (-n, 128 + n))
"""Statuses of a command that was killed (128 + n: of a shell that saw its command killed)."""


def fate() -> Fate:
    """Of this job. Slurm requeues a preempted job by itself only if it has not ended within its grace time."""
    fields = _fields()
    state = fields.get("JobState", "")
    if restarts(fields.get("Restarts", "")) > restarts(os.environ.get("SLURM_RESTART_COUNT", "")):
        return Fate.REQUEUED  # its state says COMPLETING, as for a job that was cancelled
    chosen = fields.get("PreemptTime", "None") not in ("None", "Unknown", "N/A", "0", "")
    return Fate.MAKES_ROOM if state == "PREEMPTED" or (state == "RUNNING" and chosen) else Fate.ENDS


def restarts(text: str) -> int:
    """How often a job was requeued, from Slurm's text for it; "" is never."""
    return int(text) if text.isdigit() else 0


def requeue() -> str:
    """Puts the job back into the queue; it ends now and begins again from its script. Returns Slurm's error, or ""."""
    done = _scontrol("requeue", job_id())
    if done is None:
        return "scontrol did not answer"
    if done.returncode == 0 or done.returncode in _KILLED:
        return ""  # killed: by the end of this job, which is what it had asked for
    return (done.stderr or done.stdout).strip()[-500:] or f"scontrol failed with status {done.returncode}"


def _fields() -> dict[str, str]:
    """`scontrol show job -o` as {key: value}, with times in Unix seconds; empty if there is no answer."""
    done = _scontrol("show", "job", "-o", job_id())
    if done is None or done.returncode != 0:
        return {}
    return dict(re.findall(r"(?:^|\s)([A-Za-z:/]+)=(\S*)", done.stdout))


def _scontrol(*arguments: str) -> subprocess.CompletedProcess[str] | None:
    if not job_id():
        return None
    environment = {**os.environ, "SLURM_TIME_FORMAT": "%s", "LC_ALL": "C"}
    try:
        return subprocess.run(
            ["scontrol", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
