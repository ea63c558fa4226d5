"""sbatch: reads the command line and the script's #SBATCH lines, checks them as Slurm does, and queues the job."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from websight_tui.pocket.commands.job_options import BATCH, Wishes, read_wishes
from websight_tui.pocket.dependencies import is_valid
from websight_tui.pocket.environment import compress_nodes, expand_nodes
from websight_tui.pocket.getopt_long import Found
from websight_tui.pocket.model import (
    ACCOUNTS,
    MAX_ARRAY_SIZE,
    QOS,
    VERSION,
    CommandError,
    Job,
    NeedStdin,
    Reply,
    Request,
)
from websight_tui.pocket.placement import FOREVER, could_ever_run, expected_place
from websight_tui.pocket.scheduler import Scheduler
from websight_tui.pocket.times import UNLIMITED, stamp

NODE_CONFIGURATION = "Requested node configuration is not available"


class Refused(Exception):
    """The controller says no.

    Args:
        text: its reason.
        before: lines that sbatch prints first.
        recorded: whether it took a job id and shows up in sacct.
    """

    def __init__(self, text: str, before: str = "", *, recorded: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.before = before
        self.recorded = recorded


def run(scheduler: Scheduler, request: Request) -> Reply:
    """The sbatch command."""
    found, operands = BATCH.parse(request.args)
    flags = {name for name, _ in found}
    if "version" in flags:
        return Reply(out=f"slurm-wlm {VERSION}\n")
    if "help" in flags or "usage" in flags:
        return Reply(out="Usage: sbatch [OPTIONS(0)...] [ : [OPTIONS(N)...]] script(0) [args(0)...]\n")
    command, script, arguments = _script(request, found, operands)
    lines, _ = BATCH.parse(_script_options(script))
    wishes = read_wishes("sbatch", lines + _from_environment(request.env) + found)
    default_name = "wrap" if wishes.wrap is not None else PurePosixPath(command).name if operands else "sbatch"
    job = _job(scheduler, request, wishes, default_name, command if operands else "(null)", arguments)
    try:
        _check(scheduler, wishes, job)
    except Refused as refused:
        return _refusal(scheduler, refused, job, wishes)
    if wishes.test_only:
        return _test_only(scheduler, job)
    tasks = _array(scheduler, job, wishes)
    scheduler.add(tasks, script, _exported(request, wishes), request_umask(request))
    number = tasks[-1].array_key
    if wishes.parsable:
        return Reply(out=f"{number};{scheduler.cluster.name}\n" if wishes.clusters else f"{number}\n")
    where = f" on cluster {scheduler.cluster.name}" if wishes.clusters else ""
    return Reply(out=f"Submitted batch job {number}{where}\n")


def request_umask(request: Request) -> int:
    """The caller's umask, which the job inherits."""
    return int(request.env.get("_POCKET_UMASK", "18"))


def _script(request: Request, found: Found, operands: list[str]) -> tuple[str, bytes, list[str]]:
    """(path, text, arguments) of the batch script, from the file, --wrap or standard input."""
    wrap = next((value for name, value in found if name == "wrap"), None)
    if wrap is not None:
        if operands:
            raise CommandError("sbatch: fatal: Script arguments not permitted with --wrap option\n")
        text = f"#!/bin/sh\n# This script was created by sbatch --wrap.\n\n{wrap}\n"
        return "wrap", text.encode(), []
    if operands:
        path = Path(request.cwd, operands[0])
        if "/" not in operands[0] and not path.exists():
            folders = (Path(p) for p in request.env.get("PATH", "").split(":") if p)
            path = next((f / operands[0] for f in folders if (f / operands[0]).is_file()), path)
        try:
            text_bytes = path.read_bytes()
        except OSError:
            raise CommandError(f"sbatch: error: Unable to open file {operands[0]}\n") from None
        command, arguments = str(path), operands[1:]
    else:
        if request.stdin is None:
            raise NeedStdin
        command, text_bytes, arguments = "sbatch", request.stdin, []
    if not text_bytes:
        raise CommandError("sbatch: error: Batch script is empty!\n")
    if not text_bytes.startswith(b"#!"):
        raise CommandError(
            "sbatch: error: This does not look like a batch script.  The first\n"
            "sbatch: error: line must start with #! followed by the path to an interpreter.\n"
            "sbatch: error: For instance: #!/bin/sh\n"
        )
    if b"\r\n" in text_bytes:
        raise CommandError(
            "sbatch: error: Batch script contains DOS line breaks (\\r\\n)\n"
            "sbatch: error: instead of expected UNIX line breaks (\\n).\n"
        )
    return command, text_bytes, arguments


def _script_options(script: bytes) -> list[str]:
    """The words of the #SBATCH lines, which count up to the first command."""
    words: list[str] = []
    for line in script.decode(errors="surrogateescape").splitlines():
        if line.startswith("#SBATCH"):
            lexer = shlex.shlex(line[7:], posix=True)
            lexer.whitespace_split = True
            try:
                words += list(lexer)
            except ValueError:
                raise CommandError(f"sbatch: fatal: Unmatched quote in [{line[7:].strip()}]\n") from None
        elif line.strip() and not line.lstrip().startswith("#"):
            break
    return words


_BASICS = frozenset({"HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG"})
_OF_A_JOB = tuple(
    f"SLURM_{word}"
    for word in (
        *("ARRAY", "CPUS", "GPUS", "GTIDS", "JOB", "LOCALID", "MEM", "NNODES", "NODE", "NPROCS", "NTASKS", "PRIO"),
        *("PROCID", "RESTART", "STEP", "SUBMIT", "TASK", "TOPOLOGY"),
    )
)
"""Variables of the job in which sbatch was called; the new job has its own."""
_ENVIRONMENT = {
    "SBATCH_ACCOUNT": "account",
    "SBATCH_COMMENT": "comment",
    "SBATCH_EXPORT": "export",
    "SBATCH_GRES": "gres",
    "SBATCH_JOB_NAME": "job-name",
    "SBATCH_OPEN_MODE": "open-mode",
    "SBATCH_OUTPUT": "output",
    "SBATCH_PARTITION": "partition",
    "SBATCH_QOS": "qos",
    "SBATCH_SIGNAL": "signal",
    "SBATCH_TIMELIMIT": "time",
    "SBATCH_REQUEUE": "requeue",
    "SBATCH_NO_REQUEUE": "no-requeue",
}


def _from_environment(env: Mapping[str, str]) -> Found:
    return [(option, env[name]) for name, option in _ENVIRONMENT.items() if name in env]


def _job(
    scheduler: Scheduler, request: Request, wishes: Wishes, default_name: str, command: str, arguments: list[str]
) -> Job:
    now = scheduler.now()
    partition = scheduler.cluster.partition(wishes.partition.split(",")[0])
    nodes = wishes.nodes or 1
    per_node = wishes.ntasks_per_node
    ntasks = wishes.ntasks or (per_node or 1) * nodes
    usual = partition.default_minutes if partition else UNLIMITED
    limit = usual if wishes.time is None else wishes.time
    if wishes.nodes is None and per_node and wishes.ntasks:
        nodes = -(-wishes.ntasks // per_node)
    cpus_per_node = (per_node or -(-ntasks // nodes)) * (wishes.cpus_per_task or 1)
    memory = wishes.memory_mb or (wishes.memory_per_cpu_mb or 1000) * cpus_per_node
    return Job(
        job_id=0,
        name=wishes.job_name or default_name,
        account=wishes.account or ACCOUNTS[0],
        partition=partition.name if partition else wishes.partition,
        work_dir=str(PurePosixPath(request.cwd, wishes.chdir or "")),
        command=command,
        submit_line=shlex.join(["sbatch", *request.args]),
        qos=wishes.qos or "normal",
        comment=wishes.comment,
        args=arguments,
        stdout=wishes.output,
        stderr=wishes.error,
        stdin=wishes.input or "/dev/null",
        open_mode=wishes.open_mode,
        nodes=nodes,
        ntasks=ntasks,
        ntasks_per_node=per_node,
        cpus_per_task=wishes.cpus_per_task,
        memory_mb=memory,
        gpus=wishes.gpus,
        gres=wishes.gres,
        node_names=expand_nodes(wishes.nodelist),
        exclusive=wishes.exclusive or bool(partition and partition.exclusive),
        time_limit=limit,
        signal=wishes.signal,
        requeue=wishes.requeue,
        hold="user" if wishes.hold else "",
        reason="JobHeldUser" if wishes.hold else "None",
        begin=wishes.begin(now, request.env),
        dependency=wishes.dependency,
        kill_on_invalid_dep=wishes.kill_on_invalid_dep,
        submit=now,
        eligible=now,
    )


def _check(scheduler: Scheduler, wishes: Wishes, job: Job) -> None:
    """Slurm's own checks, in its order. Raises Refused."""
    cluster = scheduler.cluster
    partition = cluster.partition(wishes.partition.split(",")[0])
    if partition is None:
        raise Refused(
            "Invalid partition name specified", f"sbatch: error: invalid partition specified: {wishes.partition}\n"
        )
    if scheduler.accounting and wishes.account and wishes.account not in ACCOUNTS:
        raise Refused("Invalid account or account/partition combination specified")
    if job.qos not in QOS:
        raise Refused("Invalid qos specification")
    if wishes.reservation:
        raise Refused("Requested reservation is invalid")
    if wishes.constraint:
        raise Refused("Invalid feature specification")
    if job.time_limit == UNLIMITED or job.time_limit > partition.max_minutes:
        raise Refused("Requested time limit is invalid (missing or exceeds some limit)")
    if wishes.dependency and not is_valid(wishes.dependency):
        raise Refused("Job dependency problem")
    if any(name not in cluster.nodes for name in job.node_names):
        raise Refused("Invalid node name specified")
    if job.nodes > len(cluster.nodes):
        raise Refused("Node count specification invalid")
    if job.cpus > cluster.cpus * len(cluster.nodes):
        raise Refused("More processors requested than permitted")
    if job.memory_mb > cluster.memory_mb:
        raise Refused(NODE_CONFIGURATION, "sbatch: error: Memory specification can not be satisfied\n", recorded=True)
    if wishes.gpu_type not in ("", cluster.gpu_type) or not could_ever_run(job, cluster):
        raise Refused(NODE_CONFIGURATION, recorded=True)


def _refusal(scheduler: Scheduler, refused: Refused, job: Job, wishes: Wishes) -> Reply:
    if refused.recorded and not wishes.test_only:
        job.job_id, job.rejected, job.state, job.exit_code = scheduler.take_id(), True, "FAILED", 1
        job.start = job.end = job.submit
        scheduler.record(job)
    if wishes.test_only:
        return Reply(1, err=f"{refused.before}allocation failure: {refused.text}\n")
    return Reply(1, err=f"{refused.before}sbatch: error: Batch job submission failed: {refused.text}\n")


def _test_only(scheduler: Scheduler, job: Job) -> Reply:
    running = [other for other in scheduler.jobs.values() if other.state == "RUNNING" or other.completing]
    start, names = expected_place(job, scheduler.cluster, running, scheduler.now(), scheduler.down_nodes)
    nodes = compress_nodes(names or list(scheduler.cluster.nodes[: job.nodes]))
    moment = stamp(start if start < FOREVER else scheduler.now(), {})
    return Reply(
        err=f"sbatch: Job {scheduler.take_id()} to start at {moment} using {job.cpus} processors "
        f"on nodes {nodes} in partition {job.partition}\n"
    )


def _array(scheduler: Scheduler, job: Job, wishes: Wishes) -> list[Job]:
    """The job itself, or one job for each task of --array; the array's own id belongs to its last task."""
    if not wishes.array:
        job.job_id = scheduler.take_id()
        return [job]
    indices, throttle = _indices(wishes.array)
    number = scheduler.take_id()
    tasks = []
    for index in indices:
        values = {field: getattr(job, field) for field in job.__slots__}
        task = Job(**{**values, "steps": [], "past": [], "node_list": []})
        task.job_id = number if index == indices[-1] else scheduler.take_id()
        task.array_job_id, task.array_task_id = number, index
        task.array_text, task.array_throttle = wishes.array, throttle
        tasks.append(task)
    return tasks


def _indices(text: str) -> tuple[list[int], int]:
    bad = CommandError("sbatch: error: Batch job submission failed: Invalid job array specification\n")
    spec, _, limit = text.partition("%")
    found: set[int] = set()
    for part in spec.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", part)
        if not match or (limit and not limit.isdigit()):
            raise bad
        low, high, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
        if high >= MAX_ARRAY_SIZE or low > high or step < 1:
            raise bad
        found.update(range(low, high + 1, step))
    return sorted(found), int(limit or 0)


def _exported(request: Request, wishes: Wishes) -> dict[str, str]:
    """The part of the caller's environment that --export lets through."""
    foreign = (*_OF_A_JOB, "_POCKET_UMASK")
    own = {key: value for key, value in request.env.items() if not key.startswith(foreign)}
    always = {"SLURM_SUBMIT_DIR": request.cwd}
    choice = wishes.export
    if choice in ("", "ALL"):
        return {**own, **always}
    basics = {key: value for key, value in own.items() if key in _BASICS}
    if choice == "NONE":
        return {**basics, **always}
    result = dict(basics)
    for part in choice.split(","):
        name, equals, value = part.partition("=")
        if name == "ALL":
            result = {**own, **result}
        elif equals:
            result[name] = value
        elif name in own:
            result[name] = own[name]
    return {**result, **always}
