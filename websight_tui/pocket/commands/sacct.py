"""sacct: what has become of jobs, from the cluster's whole memory."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from websight_tui.pocket.commands.columns import COMPACT, tres_text
from websight_tui.pocket.environment import compress_nodes
from websight_tui.pocket.getopt_long import Options, table
from websight_tui.pocket.model import VERSION, CommandError, Job, Reply, Request
from websight_tui.pocket.scheduler import Scheduler
from websight_tui.pocket.times import long_duration, parse_moment, stamp, zone_of

_TABLE = table(
    "allocations/X allusers/a array batch-script/B brief/b completion/c duplicates/D env-vars federation helpformat/e "
    "help/h local/L long/l noconvert noheader/n parsable/p parsable2/P truncate/T usage use-local-uid verbose/v "
    "version/V",
    "accounts/A clusters/M constraints/C delimiter endtime/E flags/F format/o gid/g group jobs/j name ncpus/I nnodes/i "
    "nodelist/N partition/r qos/q reason/R starttime/S state/s timelimit-max timelimit-min timelimit/k uid/u user "
    "units wckeys/W whole-hetjob",
)
_OPTIONS = Options("sacct", *_TABLE, hint=False)
_DEFAULT = "JobID,JobName,Partition,Account,AllocCPUS,State,ExitCode"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of sacct: an allocation, or a step of it.

    Args:
        step: "" for the allocation, else "batch", "0", …
        step_end: when the step ended.
    """

    scheduler: Scheduler
    env: Mapping[str, str]
    now: float
    job: Job
    state: str
    exit_text: str
    step: str = ""
    name: str = ""

    def stamp(self, moment: float | None, none: str) -> str:
        return none if moment is None else stamp(moment, self.env)


def _only(value: Callable[[Row], str]) -> Callable[[Row], str]:
    """A column that steps leave empty."""
    return lambda row: "" if row.step else value(row)


def _id(row: Row) -> str:
    return row.job.shown_id + (f".{row.step}" if row.step else "")


def _start(row: Row) -> str:
    job = row.job
    return row.stamp(job.start, "None" if job.state == "CANCELLED" else "Unknown")


def limit_text(row: Row) -> str:
    """The time limit as sacct prints it."""
    return "UNLIMITED" if row.job.limit_s is None else long_duration(row.job.limit_s)


def _tres(row: Row) -> str:
    return ",".join(sorted(tres_text(row.job, row.scheduler.cluster.gpu_type).split(",")))


def _memory(row: Row) -> str:
    megabytes = row.job.memory_mb
    return f"{megabytes // 1024}G" if megabytes % 1024 == 0 else f"{megabytes}M"


_FIELDS: Mapping[str, tuple[str, int, Callable[[Row], str]]] = {
    # lower case: (name, width, value); a negative width is left-justified
    "account": ("Account", 10, lambda r: r.job.account),
    "alloccpus": ("AllocCPUS", 10, lambda r: str(r.job.cpus)),
    "allocnodes": ("AllocNodes", 10, lambda r: str(r.job.nodes if r.job.node_list else 0)),
    "alloctres": ("AllocTRES", 10, lambda r: _tres(r) if r.job.node_list else ""),
    "avecpu": ("AveCPU", 10, lambda r: "00:00:00" if r.step else ""),
    "cluster": ("Cluster", 10, lambda r: r.scheduler.cluster.name),
    "comment": ("Comment", 14, _only(lambda r: r.job.comment)),
    "cputimeraw": ("CPUTimeRAW", 10, lambda r: str(int(r.job.elapsed(r.now)) * r.job.cpus)),
    "derivedexitcode": ("DerivedExitCode", 15, _only(lambda _: "0:0")),
    "elapsed": ("Elapsed", 10, lambda r: long_duration(r.job.elapsed(r.now))),
    "elapsedraw": ("ElapsedRaw", 10, lambda r: str(int(r.job.elapsed(r.now)))),
    "eligible": ("Eligible", 19, lambda r: r.stamp(r.job.eligible, "Unknown")),
    "end": ("End", 19, lambda r: r.stamp(r.job.end, "Unknown")),
    "exitcode": ("ExitCode", 8, lambda r: r.exit_text),
    "group": ("Group", 9, _only(lambda r: r.scheduler.user.group)),
    "jobid": ("JobID", -12, _id),
    "jobidraw": ("JobIDRaw", -12, lambda r: str(r.job.job_id) + (f".{r.step}" if r.step else "")),
    "jobname": ("JobName", 10, lambda r: r.name or r.job.name),
    "maxrss": ("MaxRSS", 10, lambda _: ""),
    "ncpus": ("NCPUS", 10, lambda r: str(r.job.cpus)),
    "nnodes": ("NNodes", 8, lambda r: str(r.job.nodes)),
    "nodelist": ("NodeList", 15, lambda r: compress_nodes(r.job.node_list) or "None assigned"),
    "ntasks": ("NTasks", 8, lambda r: str(r.job.ntasks) if r.step else ""),
    "partition": ("Partition", 10, _only(lambda r: r.job.partition)),
    "priority": ("Priority", 10, _only(lambda r: str(r.scheduler.priority(r.job)))),
    "qos": ("QOS", 10, _only(lambda r: r.job.qos)),
    "reason": ("Reason", 22, _only(lambda r: r.job.reason if r.job.state == "PENDING" else "None")),
    "reqcpus": ("ReqCPUS", 8, lambda r: str(r.job.cpus)),
    "reqmem": ("ReqMem", 10, _only(_memory)),
    "reqtres": ("ReqTRES", 10, _only(_tres)),
    "start": ("Start", 19, _start),
    "state": ("State", 10, lambda r: r.state),
    "submit": ("Submit", 19, lambda r: r.stamp(r.job.start if r.step else r.job.submit, "Unknown")),
    "submitline": ("SubmitLine", 20, _only(lambda r: r.job.submit_line)),
    "timelimit": ("Timelimit", 10, _only(limit_text)),
    "timelimitraw": ("TimelimitRaw", 10, _only(lambda r: "" if r.job.limit_s is None else str(r.job.time_limit))),
    "totalcpu": ("TotalCPU", 10, lambda _: "00:00:00"),
    "uid": ("UID", 6, _only(lambda r: str(r.scheduler.user.uid))),
    "user": ("User", 9, _only(lambda r: r.scheduler.user.name)),
    "workdir": ("WorkDir", 20, _only(lambda r: r.job.work_dir)),
}


def run(scheduler: Scheduler, request: Request) -> Reply:
    """The sacct command."""
    found, _ = _OPTIONS.parse(request.args)
    given = dict(found)
    if "version" in given:
        return Reply(out=f"slurm-wlm {VERSION}\n")
    if "helpformat" in given:
        return Reply(out=" ".join(name for name, _, _ in _FIELDS.values()) + "\n")
    if not scheduler.accounting:
        raise CommandError("Slurm accounting storage is disabled\n")
    columns = _columns(given.get("format") or request.env.get("SACCT_FORMAT") or _DEFAULT)
    now = scheduler.now()
    rows = [
        row
        for job in _select(scheduler, given, request, now)
        for row in _rows(scheduler, request.env, now, job, steps="allocations" not in given)
    ]
    if given.keys() & {"parsable", "parsable2"}:
        separator = given.get("delimiter") or "|"
        end = separator if "parsable" in given else ""
        lines = [] if "noheader" in given else [separator.join(name for name, _, _ in columns) + end]
        lines += [separator.join(value(row) for _, _, value in columns) + end for row in rows]
        return Reply(out="".join(f"{line}\n" for line in lines))
    return Reply(out=_table(columns, rows, header="noheader" not in given))


def _columns(text: str) -> list[tuple[str, int, Callable[[Row], str]]]:
    columns = []
    for word in [w for w in text.split(",") if w]:
        asked, percent, width = word.partition("%")
        key = asked.strip().lower()
        if key not in _FIELDS:
            raise CommandError(f'sacct: error: Invalid field requested: "{asked.strip()}"\n')
        name, usual, value = _FIELDS[key]
        columns.append((name, int(width) if percent and width.lstrip("-").isdigit() else usual, value))
    return columns


def _cell(text: str, width: int) -> str:
    room = abs(width)
    cut = text if len(text) <= room else text[: room - 1] + "+"
    return (cut.ljust(room) if width < 0 else cut.rjust(room)) + " "


def _table(columns: list[tuple[str, int, Callable[[Row], str]]], rows: Iterable[Row], header: bool) -> str:
    lines = []
    if header:
        lines.append("".join(_cell(name, width) for name, width, _ in columns))
        lines.append("".join("-" * abs(width) + " " for _, width, _ in columns))
    lines += ["".join(_cell(value(row), width) for _, width, value in columns) for row in rows]
    return "".join(f"{line}\n" for line in lines)


def _rows(scheduler: Scheduler, env: Mapping[str, str], now: float, job: Job, steps: bool) -> Iterable[Row]:
    state = (
        f"CANCELLED by {job.cancelled_by}" if job.state == "CANCELLED" and job.cancelled_by is not None else job.state
    )
    yield Row(scheduler, env, now, job, state, f"{job.exit_code}:{job.exit_signal}")
    if not steps or job.start is None or job.rejected:
        return
    if job.batch_exit is None:
        yield Row(scheduler, env, now, job, "RUNNING", "0:0", "batch", "batch")
    else:
        code, number = job.batch_exit
        word = "CANCELLED" if number or job.state in ("TIMEOUT", "NODE_FAIL") else "FAILED" if code else "COMPLETED"
        yield Row(scheduler, env, now, job, word, f"{code}:{number}", "batch", "batch")
    for step in job.steps:
        exit_text = f"{step.get('code', 0)}:{step.get('signal', 0)}"
        yield Row(scheduler, env, now, job, str(step["state"]), exit_text, str(step["id"]), str(step["name"]))


def _incarnations(job: Job) -> list[Job]:
    """Earlier starts of a requeued job, as jobs of their own."""
    return [dataclasses.replace(job, **past, past=[]) for past in job.past]


def _select(scheduler: Scheduler, given: dict[str, str | None], request: Request, now: float) -> list[Job]:
    jobs: list[Job] = []
    for job in sorted(scheduler.jobs.values(), key=lambda j: (j.array_key, j.array_task_id or 0, j.job_id)):
        if "duplicates" in given:
            jobs += _incarnations(job)
        jobs.append(job)
    if given.get("jobs"):
        wanted = {re.sub(r"\..*", "", word) for word in (given["jobs"] or "").split(",")}
        jobs = [job for job in jobs if {str(job.job_id), str(job.array_job_id), job.shown_id} & wanted]
    for option, field in (("name", "name"), ("partition", "partition"), ("accounts", "account"), ("qos", "qos")):
        if given.get(option):
            jobs = [job for job in jobs if getattr(job, field) in (given[option] or "").split(",")]
    users = given.get("user") or given.get("uid")
    if users:
        jobs = jobs if {scheduler.user.name, str(scheduler.user.uid)} & set(users.split(",")) else []
    start, end = _window(given, request, now)
    states = {word.strip().upper() for word in (given.get("state") or "").split(",") if word.strip()}
    return [job for job in jobs if _in_window(job, states, start, end, now)]


def _window(given: dict[str, str | None], request: Request, now: float) -> tuple[float, float]:
    """From -S (today's midnight; with -j the beginning of time) to -E (now; with -s and -S no time at all)."""
    try:
        start = parse_moment(given["starttime"] or "", now, request.env) if "starttime" in given else None
        end = parse_moment(given["endtime"] or "", now, request.env) if "endtime" in given else None
    except ValueError:
        raise CommandError("sacct: error: Invalid time specification\n") from None
    if end is None:
        end = start if start is not None and given.get("state") else now + 1
    if start is None:
        here = datetime.fromtimestamp(now, tz=UTC).astimezone(zone_of(request.env))
        start = 0.0 if given.get("jobs") else here.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    return start, end


def _in_window(job: Job, states: set[str], start: float, end: float, now: float) -> bool:
    over = job.end if job.end is not None else now + 1
    if not states:
        return job.submit <= end and over >= start
    if start == end:
        return False
    if states & {"PD", "PENDING"} and job.submit <= end and (job.start or over) >= start:
        return True
    if states & {"R", "RUNNING"} and job.start is not None and job.start <= end and over >= start:
        return True
    return job.end is not None and start <= job.end <= end and bool({job.state, COMPACT[job.state]} & states)
