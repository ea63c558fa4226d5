"""scontrol: looking at and changing jobs, partitions, nodes and the configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from websight_tui.pocket.commands import show
from websight_tui.pocket.commands.scancel import of_tasks
from websight_tui.pocket.dependencies import is_valid
from websight_tui.pocket.getopt_long import Options, table
from websight_tui.pocket.launch import kept_script
from websight_tui.pocket.model import VERSION, CommandError, Job, Reply, Request
from websight_tui.pocket.scheduler import Scheduler
from websight_tui.pocket.times import UNLIMITED, parse_limit, parse_moment

_TABLE = table(
    "all/a details/d federation/F future/f help/h hide local/L oneliner/o quiet/Q sibling/S usage verbose/v version/V",
    "clusters/M uid/u",
)
_OPTIONS = Options("scontrol", *_TABLE)
_DENIED = "Access/permission denied"
_UNSUPPORTED = "Requested operation not supported on this system"
_LIMIT = "Requested time limit is invalid (missing or exceeds some limit)"


def run(scheduler: Scheduler, request: Request) -> Reply:
    """The scontrol command."""
    found, words = _OPTIONS.parse(request.args)
    flags = {name for name, _ in found}
    if "version" in flags or words[:1] == ["version"]:
        return Reply(out=f"slurm-wlm {VERSION}\n")
    if not words:
        return Reply(1, err="scontrol: error: no command given\n")
    command, rest = words[0].lower(), words[1:]
    if command == "show":
        return show.run(scheduler, request, rest, one_line="oneliner" in flags)
    if command == "ping":
        return Reply(out="Slurmctld(primary) at localhost is UP\n")
    if command == "update":
        return _update(scheduler, request, rest)
    if command == "write" and rest[:1] == ["batch_script"]:
        return _write_script(scheduler, request, rest[1:])
    actions = {
        "hold": _hold,
        "uhold": _hold,
        "release": _release,
        "requeue": _requeue,
        "requeuehold": _requeue_hold,
        "suspend": _denied,
        "resume": _denied,
    }
    if command not in actions:
        return Reply(1, err=f"invalid keyword: {words[0]}\n")
    if not rest:
        return Reply(1, err=f"too few arguments for keyword:{words[0]}\n")
    problems = []
    for word in [w for part in rest for w in re.split(r",(?![^\[]*\])", part) if w]:
        jobs = _jobs(scheduler, word)
        if not jobs:
            problems.append(f"Invalid job id specified for job {word}\n")
        for job in jobs:
            problem = actions[command](scheduler, job)
            if problem:
                problems.append(f"{problem} for job {word}\n")
    return Reply(1 if problems else 0, err="".join(problems))


def _jobs(scheduler: Scheduler, word: str) -> list[Job]:
    number, _, task = word.removeprefix("jobid=").removeprefix("JobId=").partition("_")
    found = scheduler.find(int(number)) if number.isdigit() else []
    return of_tasks(found, task)


def _hold(scheduler: Scheduler, job: Job) -> str:
    if not job.live:
        return "Job/step already completing or completed"
    job.hold, job.reason = "user", "JobHeldUser"
    scheduler.save(job)
    return ""


def _release(scheduler: Scheduler, job: Job) -> str:
    if not job.live:
        return "Job/step already completing or completed"
    job.hold, job.reason = "", "None"
    scheduler.save(job)
    return ""


def _requeue(scheduler: Scheduler, job: Job, after: str = "requeue") -> str:
    if not job.requeue:
        return "Requested operation is presently disabled"
    if job.state == "PENDING":
        if after == "hold":
            return _hold(scheduler, job)
        return "Job is pending execution"
    if job.completing:
        return "Job/step already completing or completed"
    if job.live:
        scheduler.cancel(job, "REQUEUED", "JOB REQUEUE", after=after)
    else:
        scheduler.requeue_ended(job, after)
    return ""


def _requeue_hold(scheduler: Scheduler, job: Job) -> str:
    return _requeue(scheduler, job, "hold")


def _denied(_scheduler: Scheduler, _job: Job) -> str:
    return _DENIED


def _write_script(scheduler: Scheduler, request: Request, rest: list[str]) -> Reply:
    jobs = _jobs(scheduler, rest[0]) if rest else []
    if not jobs:
        return Reply(1, err="job script retrieval failed: Invalid job id specified\n")
    text = kept_script(scheduler.folder, jobs[0])
    if rest[1:] == ["-"]:
        return Reply(out=text)
    path = Path(request.cwd, rest[1] if rest[1:] else f"slurm-{jobs[0].job_id}.sh")
    path.write_text(text)
    return Reply(out=f"batch script for job {jobs[0].job_id} written to {path}\n")


def _update(scheduler: Scheduler, request: Request, words: list[str]) -> Reply:
    """update JobId=… Key=Value…, as far as users may."""
    pairs: list[tuple[str, str]] = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            return Reply(1, err=f"Invalid input: {word}\nRequest aborted\n")
        pairs.append((key.lower(), value))
    given = dict(pairs)
    number = given.get("jobid") or given.get("job") or ""
    if not number:
        return Reply(1, err="slurm_update error: Access/permission denied\n")
    jobs = _jobs(scheduler, number)
    if not jobs:
        return Reply(1, err=f"Invalid job id specified for job {number}\n")
    changes = [(key, value) for key, value in pairs if key not in ("jobid", "job")]
    for key, _ in changes:
        if key not in _CHANGES:
            return Reply(1, err=f"Update of this parameter is not supported: {key}\nRequest aborted\n")
    for job in jobs:
        for key, value in changes:
            problem = _change(scheduler, request.env, job, key, value)
            if problem:
                return Reply(1, err=f"{problem} for job {number}\n")
        scheduler.save(job)
    return Reply()


_CHANGES = frozenset(
    {"timelimit", "comment", "jobname", "name", "starttime", "numnodes", "dependency", "partition", "requeue"}
)


def _change(scheduler: Scheduler, env: Mapping[str, str], job: Job, key: str, value: str) -> str:
    """Makes one change; returns Slurm's words if it may not be."""
    if not job.live:
        return "Job/step already completing or completed"
    pending = job.state == "PENDING"
    if key == "timelimit":
        return _change_limit(scheduler, job, value)
    if key == "comment":
        job.comment = value
    elif key in ("jobname", "name"):
        job.name = value
    elif key == "requeue":
        job.requeue = value not in ("0", "no")
    elif not pending:
        return _UNSUPPORTED if key == "numnodes" else "Job is no longer pending execution"
    elif key == "starttime":
        job.begin = parse_moment(value, scheduler.now(), env)
    elif key == "dependency":
        if value and not is_valid(value):
            return "Job dependency problem"
        job.dependency = value
    elif key == "partition":
        partition = scheduler.cluster.partition(value)
        if partition is None:
            return "Invalid partition name specified"
        job.partition, job.exclusive = partition.name, partition.exclusive
    elif key == "numnodes":
        if not value.isdigit() or not 1 <= int(value) <= len(scheduler.cluster.nodes):
            return "Node count specification invalid"
        job.nodes = int(value)
    else:
        return _DENIED
    return ""


def _change_limit(scheduler: Scheduler, job: Job, value: str) -> str:
    """Users may lower a limit, and raise it while the job waits, up to the partition's."""
    try:
        minutes = parse_limit(value.lstrip("+-"))
    except ValueError:
        raise CommandError("Invalid TimeLimit value\nRequest aborted\n") from None
    if value[:1] in "+-" and job.time_limit != UNLIMITED:
        minutes = job.time_limit + (minutes if value[0] == "+" else -minutes)
    partition = scheduler.cluster.partition(job.partition)
    if minutes <= 0 or (partition is not None and minutes > partition.max_minutes):
        return _LIMIT if job.state == "PENDING" else _DENIED
    if job.state != "PENDING" and minutes > job.time_limit:
        return _DENIED
    job.time_limit = minutes
    return ""
