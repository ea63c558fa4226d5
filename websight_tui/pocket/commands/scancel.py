"""scancel: ends jobs or sends them a signal; silent about jobs that are not there."""

from __future__ import annotations

import re

from websight_tui.pocket.commands.columns import COMPACT
from websight_tui.pocket.commands.job_options import signal_number
from websight_tui.pocket.getopt_long import Options, table
from websight_tui.pocket.model import VERSION, Job, Reply, Request
from websight_tui.pocket.scheduler import Scheduler

_TABLE = table(
    "batch/b ctld full/f help hurry/H interactive/i me quiet/Q usage verbose/v version/V",
    "account/A clusters/M jobname/n name nodelist/w partition/p qos/q reservation/R signal/s sibling/S state/t user/u "
    "wckey",
)
_OPTIONS = Options("scancel", *_TABLE)


def run(scheduler: Scheduler, request: Request) -> Reply:
    """The scancel command."""
    found, operands = _OPTIONS.parse(request.args)
    given = dict(found)
    if "version" in given:
        return Reply(out=f"slurm-wlm {VERSION}\n")
    filters = {"account", "jobname", "name", "nodelist", "partition", "qos", "state", "user", "me"} & given.keys()
    if not operands and not filters:
        return Reply(1, err="scancel: error: No job identification provided\n")
    err, exit_status = "", 0
    jobs: list[Job] = []
    for word in [w for operand in operands for w in re.split(r"[,\s]+(?![^\[]*\])", operand) if w]:
        match = re.fullmatch(r"(\d+)(?:_(\d+|\[[\d,-]+\]))?(?:\.\w+)?", word)
        if not match:
            err, exit_status = f"{err}scancel: error: Invalid job id {word}\n", 1
            continue
        chosen = _targets(scheduler, int(match[1]), match[2])
        if "verbose" in given:
            err += f"scancel: Terminating job {word}\n"
            if not chosen:
                err += f"scancel: error: Kill job error on job id {word}: Invalid job id specified\n"
        jobs += chosen
    if not operands:
        jobs = scheduler.known()
    try:
        number = signal_number(given["signal"] or "") if "signal" in given else None
    except ValueError:
        return Reply(1, err=f"scancel: error: Unknown job signal: {given['signal']}\n")
    for job in [job for job in jobs if _wanted(scheduler, job, given)]:
        if number is None or (number == 9 and not given.keys() & {"batch", "full"}):
            scheduler.cancel(job, by=scheduler.user.uid)
        elif job.state == "RUNNING":
            scheduler.signal(job, number, "batch" if "batch" in given else "full" if "full" in given else "steps")
    return Reply(exit_status, err=err)


def _targets(scheduler: Scheduler, number: int, tasks: str | None) -> list[Job]:
    return of_tasks([job for job in scheduler.find(number) if job.live], tasks or "")


def of_tasks(jobs: list[Job], tasks: str) -> list[Job]:
    """Those of an array's `jobs` that `tasks` names: "3", "[0,2-9]"; all for "". Like Slurm's, it takes no steps."""
    if not tasks:
        return jobs
    wanted: set[int] = set()
    for part in tasks.strip("[]").split(","):
        low, _, high = part.partition("-")
        if low.isdigit() and (high or low).isdigit():
            wanted |= set(range(int(low), int(high or low) + 1))
    return [job for job in jobs if job.array_task_id in wanted]


def _wanted(scheduler: Scheduler, job: Job, given: dict[str, str | None]) -> bool:
    name = given.get("jobname") or given.get("name")
    state = (given.get("state") or "").upper()
    return (
        (not name or job.name in name.split(","))
        and given.get("user") in (None, scheduler.user.name, str(scheduler.user.uid))
        and given.get("partition") in (None, job.partition)
        and given.get("account") in (None, job.account)
        and given.get("qos") in (None, job.qos)
        and (not state or state in (job.shown_state, COMPACT[job.shown_state]))
        and (not given.get("nodelist") or given["nodelist"] in job.node_list)
    )
