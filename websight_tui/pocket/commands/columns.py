"""Columns: a job's values as squeue prints them, and laying texts out in a width."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from websight_tui.pocket.environment import compress_nodes, output_paths, ranges
from websight_tui.pocket.model import Job
from websight_tui.pocket.scheduler import Scheduler
from websight_tui.pocket.times import long_duration, short_duration, stamp

COMPACT: Mapping[str, str] = {
    "PENDING": "PD",
    "CONFIGURING": "CF",
    "RUNNING": "R",
    "COMPLETING": "CG",
    "COMPLETED": "CD",
    "CANCELLED": "CA",
    "FAILED": "F",
    "TIMEOUT": "TO",
    "NODE_FAIL": "NF",
    "PREEMPTED": "PR",
    "OUT_OF_MEMORY": "OOM",
    "SUSPENDED": "S",
    "BOOT_FAIL": "BF",
    "DEADLINE": "DL",
    "REQUEUED": "RQ",
}


@dataclass(frozen=True, slots=True)
class View:
    """Who looks, when, and at what: `job` stands for all tasks in `group` (the waiting part of an array)."""

    scheduler: Scheduler
    now: float
    env: Mapping[str, str]
    job: Job
    group: tuple[Job, ...] = ()

    def stamp(self, moment: float | None, none: str = "N/A") -> str:
        return none if moment is None else stamp(moment, self.env)


def fit(text: str, width: int | None, right: bool) -> str:
    """`text` cut or padded to `width`."""
    if width is None:
        return text
    return text[:width].rjust(width) if right else text[:width].ljust(width)


def task_text(view: View) -> str:
    """The task part of an id: "4", or "[0-9%2]" for waiting tasks."""
    if view.group:
        limit = f"%{view.job.array_throttle}" if view.job.array_throttle else ""
        return ranges(sorted(job.array_task_id or 0 for job in view.group)) + limit
    return str(view.job.array_task_id)


def shown_id(view: View) -> str:
    if view.job.array_job_id is None:
        return str(view.job.job_id)
    text = task_text(view)
    return f"{view.job.array_job_id}_[{text}]" if view.group else f"{view.job.array_job_id}_{text}"


def _where(view: View) -> str:
    job = view.job
    if job.state == "PENDING" or not job.live:
        return compress_nodes(job.node_list) if job.node_list else f"({view.job.reason})"
    return compress_nodes(job.node_list)


def _start(view: View) -> float | None:
    job = view.job
    if job.start is not None:
        return job.start
    if job.state != "PENDING":
        return job.end
    return job.begin if job.begin is not None and not job.hold else job.expected_start


def _end(view: View) -> float | None:
    job = view.job
    if job.end is not None:
        return job.end
    start = _start(view)
    return None if start is None or job.limit_s is None else start + job.limit_s


def _left(view: View) -> str:
    job = view.job
    return "UNLIMITED" if job.limit_s is None else short_duration(job.limit_s - job.elapsed(view.now))


def dependency_text(view: View) -> str:
    """ "afterok:12(unfulfilled)", or "(null)"."""
    job = view.job
    if not job.dependency or job.state != "PENDING":
        return "(null)"
    word = "failed" if job.reason == "DependencyNeverSatisfied" else "unfulfilled"
    parts = [f"{part}({word})" for part in job.dependency.split(",")]
    return ",".join(parts)


def tres_text(job: Job, gpu_type: str) -> str:
    """Resources: cpu=1,mem=1000M,node=1,billing=1[,gres/gpu=8]; the kind of GPU is known once the job has nodes."""
    total = job.memory_mb * job.nodes
    memory = f"{total // 1024}G" if total % 1024 == 0 else f"{total}M"
    count = job.gpus * job.nodes
    gpus = f",gres/gpu={count}" if count else ""
    typed = f",gres/gpu:{gpu_type}={count}" if count and job.node_list else ""
    return f"cpu={job.cpus},mem={memory},node={job.nodes},billing={job.cpus}{gpus}{typed}"


def _memory(view: View) -> str:
    megabytes = view.job.memory_mb
    return f"{megabytes // 1024}G" if megabytes % 1024 == 0 else f"{megabytes}M"


Value = Callable[[View], str]
COLUMNS: Mapping[str, tuple[str, str, Value]] = {
    # long name in lower case: (letter of -o, header, value)
    "account": ("a", "ACCOUNT", lambda v: v.job.account),
    "arrayjobid": ("F", "ARRAY_JOB_ID", lambda v: str(v.job.array_key)),
    "arraytaskid": ("K", "ARRAY_TASK_ID", lambda v: "N/A" if v.job.array_job_id is None else task_text(v)),
    "batchhost": ("B", "EXEC_HOST", lambda v: v.job.node_list[0] if v.job.node_list else "n/a"),
    "command": ("o", "COMMAND", lambda v: v.job.command),
    "comment": ("k", "COMMENT", lambda v: v.job.comment or "(null)"),
    "dependency": ("E", "DEPENDENCY", dependency_text),
    "endtime": ("e", "END_TIME", lambda v: v.stamp(_end(v))),
    "exit_code": ("", "EXIT_CODE", lambda v: str(v.job.exit_code)),
    "gres": ("", "TRES_PER_NODE", lambda v: v.job.gres or "N/A"),
    "groupid": ("G", "GROUP", lambda v: str(v.scheduler.user.gid)),
    "groupname": ("g", "GROUP", lambda v: v.scheduler.user.group),
    "jobarrayid": ("i", "JOBID", shown_id),
    "jobid": ("A", "JOBID", lambda v: str(v.job.array_key if v.group else v.job.job_id)),
    "mincpus": ("c", "MIN_CPUS", lambda v: str(v.job.cpus_per_node)),
    "minmemory": ("m", "MIN_MEMORY", _memory),
    "name": ("j", "NAME", lambda v: v.job.name),
    "nodelist": ("N", "NODELIST", lambda v: compress_nodes(v.job.node_list)),
    "numcpus": ("C", "CPUS", lambda v: str(v.job.cpus)),
    "numnodes": ("D", "NODES", lambda v: str(v.job.nodes)),
    "numtasks": ("", "TASKS", lambda v: str(v.job.ntasks)),
    "partition": ("P", "PARTITION", lambda v: v.job.partition),
    "prioritylong": ("Q", "PRIORITY", lambda v: str(v.scheduler.priority(v.job))),
    "priority": ("p", "PRIORITY", lambda v: f"{v.scheduler.priority(v.job) / 4294967296:.14f}"),
    "qos": ("q", "QOS", lambda v: v.job.qos),
    "reason": ("r", "REASON", lambda v: v.job.reason),
    "reasonlist": ("R", "NODELIST(REASON)", _where),
    "reqnodes": ("n", "REQ_NODES", lambda v: compress_nodes(v.job.node_names)),
    "requeue": ("", "REQUEUE", lambda v: str(int(v.job.requeue))),
    "restartcnt": ("", "RESTART_COUNT", lambda v: str(v.job.restarts)),
    "schednodes": ("Y", "SCHEDNODES", lambda v: v.job.scheduled_nodes or "(null)"),
    "starttime": ("S", "START_TIME", lambda v: v.stamp(_start(v))),
    "state": ("T", "STATE", lambda v: v.job.shown_state),
    "statecompact": ("t", "ST", lambda v: COMPACT[v.job.shown_state]),
    "stderr": ("", "STDERR", lambda v: output_paths(v.job, v.scheduler.user)[1]),
    "stdout": ("", "STDOUT", lambda v: _stdout_as_written(v.job)),
    "submittime": ("V", "SUBMIT_TIME", lambda v: v.stamp(v.job.submit)),
    "eligibletime": ("", "ELIGIBLE_TIME", lambda v: v.stamp(v.job.eligible)),
    "timeleft": ("L", "TIME_LEFT", _left),
    "timelimit": ("l", "TIME_LIMIT", lambda v: "UNLIMITED" if v.job.limit_s is None else short_duration(v.job.limit_s)),
    "timeused": ("M", "TIME", lambda v: short_duration(v.job.elapsed(v.now))),
    "tres-alloc": ("", "TRES_ALLOC", lambda v: tres_text(v.job, v.scheduler.cluster.gpu_type)),
    "tres-per-node": ("b", "TRES_PER_NODE", lambda v: v.job.gres or "N/A"),
    "userid": ("U", "USER", lambda v: str(v.scheduler.user.uid)),
    "username": ("u", "USER", lambda v: v.scheduler.user.name),
    "workdir": ("Z", "WORK_DIR", lambda v: v.job.work_dir),
    "wckey": ("w", "WCKEY", lambda _: "(null)"),
    "reservation": ("v", "RESERVATION", lambda _: "(null)"),
    "nice": ("y", "NICE", lambda _: "0"),
    "cluster": ("", "CLUSTER", lambda v: v.scheduler.cluster.name),
}
LETTERS: Mapping[str, str] = {letter: name for name, (letter, _, _) in COLUMNS.items() if letter}


def _stdout_as_written(job: Job) -> str:
    """squeue leaves a pattern that was asked for unexpanded, but not the default one."""
    if job.stdout:
        return job.stdout if job.stdout.startswith("/") else f"{job.work_dir}/{job.stdout}"
    return f"{job.work_dir}/slurm-{job.array_key}.out"


def elapsed_text(view: View) -> str:
    return long_duration(view.job.elapsed(view.now))
