"""What goes wrong on real clusters, on demand: `pocketctl` for tests and for trying things out.

pocketctl preempt JOB            as if a more important job took the nodes (requeued, or PREEMPTED)
pocketctl fail-node NODE         NODE_FAIL for its jobs; `pocketctl resume-node NODE` brings it back
pocketctl controller up|down|hung [SECONDS]   what commands meet, and after how many real seconds they give up
pocketctl accounting on|off      without accounting sacct fails and every account is good
"""

from __future__ import annotations

import asyncio

from websight_tui.pocket.model import CommandError, Reply, Request
from websight_tui.pocket.scheduler import Scheduler
from websight_tui.pocket.shims.client import CONNECT_TEXT

_HUNG = "Socket timed out on send/recv operation"
_UNREACHABLE = "Unable to contact slurm controller (connect failure)"


def run(scheduler: Scheduler, request: Request) -> Reply:
    """The pocketctl command."""
    match list(request.args):
        case ["preempt", number] if number.isdigit() and int(number) in scheduler.jobs:
            job = scheduler.jobs[int(number)]
            scheduler.cancel(job, "PREEMPTED", "PREEMPTION", after="requeue" if job.requeue else "")
        case ["fail-node", node] if node in scheduler.cluster.nodes:
            scheduler.fail_node(node, "Not responding")
        case ["resume-node", node]:
            scheduler.down_nodes.pop(node, None)
            scheduler.wake()
        case ["controller", "up"]:
            scheduler.controller = ("up", 0.0)
        case ["controller", ("down" | "hung") as how, *seconds]:
            scheduler.controller = (how, float(seconds[0]) if seconds else 10.0)
        case ["accounting", ("on" | "off") as switch]:
            scheduler.accounting = switch == "on"
        case _:
            raise CommandError("pocketctl: no such fault; see websight_tui/pocket/commands/faults.py\n", 2)
    return Reply()


async def controller_fault(scheduler: Scheduler, request: Request) -> Reply | None:
    """What a command gets from a controller that is down or hung, in its own time; None if it is well.

    A hung controller still takes what sbatch sends: the caller runs it and throws its answer away.
    """
    how, delay = scheduler.controller
    if how == "up" or request.program in ("sacct", "sacctmgr", "pocketctl"):
        return None
    await asyncio.sleep(delay)
    if request.args[:1] == ("ping",):
        return Reply(1, "Slurmctld(primary) at localhost is DOWN\n")
    text = CONNECT_TEXT.get(request.program, "")
    if request.program == "scancel":
        text = f"scancel: error: Kill job error on job id {' '.join(request.args)}: {_UNREACHABLE}\n"
    if how == "hung":
        text = text.replace(_UNREACHABLE, _HUNG)
    return Reply(8 if request.program == "scancel" else 1, err=text)
