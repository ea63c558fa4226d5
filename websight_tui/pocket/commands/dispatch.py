"""Finds the command that a request names, and turns its outcome into what the shim prints."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping

from websight_tui.pocket.commands import sacct, sbatch, scancel, squeue
from websight_tui.pocket.model import CommandError, Job, NeedStdin, Reply, Request
from websight_tui.pocket.scheduler import Scheduler

Command = Callable[[Scheduler, Request], Reply]
_COMMANDS: Mapping[str, Command] = {
    "sacct": sacct.run,
    "sbatch": sbatch.run,
    "scancel": scancel.run,
    "squeue": squeue.run,
}
Answer = tuple[str, str, bytes, bytes, Job | None]
"""(kind: exit, stdin or run; exit status; standard output; standard error; the job of a step)."""


async def answer(scheduler: Scheduler, request: Request) -> Answer:
    """Runs the command."""
    command = _COMMANDS.get(request.program)
    if command is None:
        return "exit", "127", b"", f"{request.program}: not on this cluster\n".encode(), None
    try:
        reply = command(scheduler, request)
    except NeedStdin:
        return "stdin", "0", b"", b"", None
    except CommandError as error:
        reply = Reply(error.exit, err=error.err)
    await asyncio.sleep(0)
    return "exit", str(reply.exit), os.fsencode(reply.out), os.fsencode(reply.err), None


def step_ended(scheduler: Scheduler, job: Job, last: str) -> None:
    """Notes how a step ended."""
