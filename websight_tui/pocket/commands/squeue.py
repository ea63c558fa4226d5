"""squeue: the queue in any columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from websight_tui.pocket.commands.columns import COLUMNS, COMPACT, LETTERS, Value, View, fit
from websight_tui.pocket.getopt_long import Options, table
from websight_tui.pocket.model import VERSION, CommandError, Job, Reply, Request
from websight_tui.pocket.scheduler import Scheduler

_TABLE = table(
    "all/a array/r federation help hide noheader/h local long/l me start usage verbose/v version/V",
    "account/A clusters/M format/o Format/O iterate/i jobs/j licenses/L name/n node nodelist/w noconvert "
    "partition/p priority qos/q reservation/R sort/S states/t steps/s user/u users",
)
_OPTIONS = Options("squeue", *_TABLE)
_DEFAULT = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R"
_LONG = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R"
_START = "%.18i %.9P %.8j %.8u %.2t %.19S %.6D %20Y %R"

Column = tuple[str, Value, Callable[[str], str]]


def run(scheduler: Scheduler, request: Request) -> Reply:
    """The squeue command."""
    found, _ = _OPTIONS.parse(request.args)
    given = dict(found)
    if "version" in given:
        return Reply(out=f"slurm-wlm {VERSION}\n")
    columns = _columns(given, request)
    jobs, err = _select(scheduler, given)
    now = scheduler.now()
    views = [View(scheduler, now, request.env, job, group) for job, group in _grouped(jobs, "array" in given)]
    if "start" in given:
        views.sort(key=lambda v: (v.job.begin or v.job.expected_start or float("inf"), v.job.job_id))
    elif given.get("sort"):
        _sort(views, given["sort"] or "")
    else:
        views.sort(key=lambda v: (v.job.partition, COMPACT[v.job.shown_state], -scheduler.priority(v.job)))
    lines = [] if "noheader" in given else ["".join(lay(header) for header, _, lay in columns)]
    lines += ["".join(lay(value(view)) for _, value, lay in columns) for view in views]
    prefix = f"CLUSTER: {scheduler.cluster.name}\n" if given.get("clusters") and "noheader" not in given else ""
    return Reply(0, prefix + "".join(f"{line}\n" for line in lines), err)


def _columns(given: dict[str, str | None], request: Request) -> list[Column]:
    if given.get("Format"):
        return long_columns(given["Format"] or "")
    default = request.env.get("SQUEUE_FORMAT") or (
        _START if "start" in given else _LONG if "long" in given else _DEFAULT
    )
    return letter_columns(given.get("format") or request.env.get("SQUEUE_FORMAT") or default)


def _layout(width: int | None, right: bool, after: str) -> Callable[[str], str]:
    return lambda text: fit(text, width, right) + after


def letter_columns(text: str) -> list[Column]:
    """The columns of a -o format: "%[.][width]letter" and text between them."""
    columns: list[Column] = []
    lead, *rest = re.split(r"(%\.?\d*[A-Za-z])", text)
    if lead:
        columns.append(("", lambda _: "", _layout(None, False, lead)))
    for token, after in zip(rest[::2], rest[1::2], strict=True):
        match = re.fullmatch(r"%(\.?)(\d*)([A-Za-z])", token)
        name = LETTERS.get(match[3]) if match else None
        if match is None or name is None:
            columns.append(("", lambda _: "", _layout(None, False, after)))
            continue
        _, header, value = COLUMNS[name]
        columns.append((header, value, _layout(int(match[2]) if match[2] else None, bool(match[1]), after)))
    return columns


def long_columns(text: str) -> list[Column]:
    """The columns of a -O format: "Field[:[.][width][suffix]]", 20 wide where nothing is said."""
    columns: list[Column] = []
    for part in _split_fields(text):
        name, colon, layout = part.partition(":")
        key = name.strip().lower()
        if key not in COLUMNS:
            raise CommandError(f"squeue: fatal: Invalid job format specification: {name.strip()}\n")
        match = re.fullmatch(r"(\.?)(\d*)(.*)", layout, re.DOTALL)
        assert match  # matches anything
        width = int(match[2]) if match[2] else None if colon else 20
        _, header, value = COLUMNS[key]
        columns.append((header, value, _layout(width, bool(match[1]), match[3])))
    return columns


def _split_fields(text: str) -> Iterable[str]:
    """Fields are separated by commas; a suffix may itself be a comma (":,,")."""
    return [part for part in re.split(r",(?=[A-Za-z_])", text.rstrip(",")) if part]


def _select(scheduler: Scheduler, given: dict[str, str | None]) -> tuple[list[Job], str]:
    """The jobs asked for, and what goes to standard error."""
    jobs, err = scheduler.known(), ""
    if given.get("jobs"):
        wanted = _words(given["jobs"])
        jobs = [job for job in jobs if {str(job.job_id), str(job.array_job_id), job.shown_id} & wanted]
        if not jobs:
            raise CommandError("slurm_load_jobs error: Invalid job id specified\n")
    users = _words(given.get("user") or given.get("users"))
    if users:
        strangers = [user for user in sorted(users) if user not in (scheduler.user.name, str(scheduler.user.uid))]
        err = "".join(f"squeue: error: Invalid user: {user}\n\n" for user in strangers)
        jobs = [] if len(strangers) == len(users) else jobs
    states = {word.upper() for word in _words(given.get("states"))}
    if not states:
        jobs = [job for job in jobs if job.live]
    elif "ALL" not in states:
        jobs = [job for job in jobs if {job.shown_state, COMPACT[job.shown_state]} & states]
    if "start" in given:
        jobs = [job for job in jobs if job.state == "PENDING"]
    for option, field in (("name", "name"), ("partition", "partition"), ("account", "account"), ("qos", "qos")):
        words = _words(given.get(option))
        if words:
            jobs = [job for job in jobs if getattr(job, field) in words]
    if given.get("nodelist"):
        jobs = [job for job in jobs if set(job.node_list) & _words(given["nodelist"])]
    return jobs, err


def _words(text: str | None) -> set[str]:
    return {word for word in (text or "").split(",") if word}


def _grouped(jobs: list[Job], each: bool) -> list[tuple[Job, tuple[Job, ...]]]:
    """Waiting tasks of one array share a line, unless each is asked for."""
    rows: list[tuple[Job, tuple[Job, ...]]] = []
    arrays: dict[tuple[int, str], list[Job]] = {}
    for job in jobs:
        if job.array_job_id is None or job.state != "PENDING" or job.restarts or each:
            rows.append((job, ()))
        else:
            arrays.setdefault((job.array_job_id, job.hold), []).append(job)
    return rows + [(tasks[0], tuple(tasks)) for tasks in arrays.values()]


def _sort(views: list[View], text: str) -> None:
    for key in reversed(text.split(",")):
        letter = key.lstrip("+-")[:1]
        if letter in LETTERS:
            value = COLUMNS[LETTERS[letter]][2]
            numeric = letter in "iAFQDCM"
            views.sort(
                key=lambda v, value=value, numeric=numeric: (v.job.job_id if numeric else 0, value(v)),  # type: ignore[misc]
                reverse=key.startswith("-"),
            )
