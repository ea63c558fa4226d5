"""A Slurm command's exit status and words into one of our errors."""

from __future__ import annotations

import re
from typing import Final

from websight_tui.errors import SchedulerError, SchedulerUnreachable, SubmitRejected, SubmitUnknown
from websight_tui.metrics.terminal_text import plain
from websight_tui.slurm_commands.words import error_words, last_line

_NO_ANSWER: Final = re.compile(
    r"Socket timed out|Unable to contact slurm controller|Zero Bytes were transmitted|Unexpected message received"
    r"|Connection refused|Connection reset|Connection timed out|connection failure|connect failure|standby mode"
    r"|Transport endpoint|authentication error|Munge|[Mm]unged|Problem talking to the database|persistent connection"
)
_KILLED: Final = frozenset({124, 129, 130, 137, 141, 143})
_NO_ACCOUNTING: Final = re.compile(r"accounting storage is disabled|not running a supported accounting_storage")


def _words(stderr: str, fallback: str) -> tuple[str, str]:
    known = error_words(stderr)
    said = plain(last_line(stderr))
    if known is None:
        return (f"{fallback}: {said}" if said else fallback), ""
    words = known[0][0].upper() + known[0][1:]
    return f"{words} (Slurm: {said})" if said else words, known[1]


def submit_failure(exit_status: int, stderr: str) -> SubmitRejected | SubmitUnknown:
    """Why sbatch failed.

    SubmitUnknown where the controller may have taken the job although no answer came (a hung controller runs the job
    of an sbatch that "timed out"), or where sbatch itself was killed. SubmitRejected everywhere else.
    """
    if _NO_ANSWER.search(stderr) or exit_status in _KILLED:
        words, _ = _words(stderr, "sbatch was broken off")
        return SubmitUnknown(words, "Whether the job exists is being looked up; do not submit it again yet.")
    if exit_status == 127:
        return SubmitRejected(
            "sbatch was not found on this cluster",
            "Set login_shell = true for this cluster, or check that its host is a login node.",
        )
    return SubmitRejected(*_words(stderr, f"sbatch refused the job (exit {exit_status})"))


def query_failure(program: str, exit_status: int, stderr: str) -> SchedulerError:
    """Why squeue, sacct, scontrol, scancel or sinfo failed: SchedulerUnreachable where asking later can help."""
    words, step = _words(stderr, f"{program} failed (exit {exit_status})")
    if _NO_ANSWER.search(stderr):
        return SchedulerUnreachable(words, step)
    return SchedulerError(words, step)


def no_accounting(stderr: str) -> bool:
    """Whether sacct says that this cluster keeps no accounting at all."""
    return _NO_ACCOUNTING.search(stderr) is not None
