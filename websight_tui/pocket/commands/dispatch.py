"""Finds the command that a request names, and turns its outcome into what the shim prints."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping

from websight_tui.pocket.commands import faults, sacct, sacctmgr, sbatch, scancel, scontrol, sinfo, squeue, srun
from websight_tui.pocket.model import CommandError, Job, NeedStdin, Reply, Request
from websight_tui.pocket.scheduler import Scheduler

Command = Callable[[Scheduler, Request], Reply]
_COMMANDS: Mapping[str, Command] = {
    "pocketctl": faults.run,
    "sacct": sacct.run,
    "sacctmgr": sacctmgr.run,
    "sbatch": sbatch.run,
    "scancel": scancel.run,
    "scontrol": scontrol.run,
    "sinfo": sinfo.run,
    "squeue": squeue.run,
}
Answer = tuple[str, str, bytes, bytes, Job | None]
"""(kind: exit, stdin or run; exit status or a step's plan; standard output; standard error; the job of a step)."""


async def answer(scheduler: Scheduler, request: Request) -> Answer:
    """Runs the command."""
    try:
        hung = scheduler.controller[0] == "hung" and request.program == "sbatch"
        reply = _run(scheduler, request) if hung else None
        reply = await faults.controller_fault(scheduler, request) or reply
        if reply is None:
            if request.program == "srun":
                plan, job = srun.plan(scheduler, request)
                return "run", plan, b"", b"", job
            reply = _run(scheduler, request)
    except NeedStdin:
        return "stdin", "0", b"", b"", None
    except CommandError as error:
        reply = Reply(error.exit, err=error.err)
    except Exception:  # a mistake of ours: one command fails, with a name for it, and the jobs go on
        traceback.print_exc()
        log = scheduler.folder / "daemon.log"
        reply = Reply(1, err=f"{request.program}: error: the pocket cluster made a mistake; see {log}\n")
    return "exit", str(reply.exit), os.fsencode(reply.out), os.fsencode(reply.err), None


def _run(scheduler: Scheduler, request: Request) -> Reply:
    command = _COMMANDS.get(request.program)
    if command is None:
        raise CommandError(f"{request.program}: not on this cluster\n", 127)
    return command(scheduler, request)
