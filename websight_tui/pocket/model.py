"""What the pocket cluster is made of: its configuration, its jobs, and how a command is asked and answered."""

from __future__ import annotations

import dataclasses
import grp
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from websight_tui.pocket.times import UNLIMITED

VERSION: Final = "22.05.8"
"""The Slurm whose output is imitated."""
REQUEUE_DELAY_S: Final = 121
"""Cluster seconds that a requeued job waits, as measured on a real Slurm."""
MAX_ARRAY_SIZE: Final = 1001
ACCOUNTS: Final = ("ingrai", "demo")
QOS: Final = ("normal",)


@dataclass(frozen=True, slots=True)
class Partition:
    """A queue.

    Args:
        max_minutes, default_minutes: time limits.
        exclusive: True gives each job whole nodes (OverSubscribe=EXCLUSIVE), so that a laptop trains one run a node.
    """

    name: str
    max_minutes: int
    default_minutes: int = 60
    default: bool = False
    exclusive: bool = False


PARTITIONS: Final = (
    Partition("demo", 8 * 60, default=True, exclusive=True),
    Partition("short", 60, default_minutes=30),
    Partition("gpu", 2 * 24 * 60),
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The machine room: equal nodes that are all this one machine.

    Args:
        nodes: names.
        cpus, memory_mb, gpus: of each node. They are what jobs may ask for, not what the machine has.
        kill_wait_s: cluster seconds between SIGTERM and SIGKILL (Slurm's default).
        min_job_age_s: cluster seconds for which squeue and scontrol know an ended job (Slurm's default).
    """

    nodes: tuple[str, ...]
    cpus: int = 64
    memory_mb: int = 512_000
    gpus: int = 8
    name: str = "pocket"
    gpu_type: str = "pocket"
    partitions: tuple[Partition, ...] = PARTITIONS
    kill_wait_s: int = 30
    min_job_age_s: int = 300

    def partition(self, name: str) -> Partition | None:
        """The partition of that name; the default one for ""."""
        return next((p for p in self.partitions if p.name == name or (not name and p.default)), None)


def make_cluster(count: int) -> Cluster:
    """A cluster of `count` nodes, pocket01 …"""
    return Cluster(tuple(f"pocket{i:02}" for i in range(1, count + 1)))


@dataclass(frozen=True, slots=True)
class User:
    """The one user: whoever runs the daemon."""

    name: str
    uid: int
    group: str
    gid: int


def this_user() -> User:
    """The user of this process, by number where the machine has no name for it."""
    uid, gid = os.getuid(), os.getgid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    try:
        group = grp.getgrgid(gid).gr_name
    except KeyError:
        group = str(gid)
    return User(name, uid, group, gid)


@dataclass(slots=True)
class Job:
    """One job (one array task). The scheduler changes it in place and saves it after every change.

    Args:
        state: final states are set as soon as they are decided; while processes are still being ended `completing`
            is set too, and squeue shows COMPLETING.
        time_limit: minutes, or UNLIMITED.
        signal: (number, seconds before the end, to the batch shell only), or None.
        hold: "" · "user" · "requeue" (requeued in held state).
        begin: Unix s before which it may not start.
        dependency: as asked, e.g. "afterok:12"; "" once fulfilled.
        kill_at: when SIGKILL follows the SIGTERM that has been sent.
        after_end: what happens when its processes are gone: "" · "requeue" · "hold".
        past: earlier incarnations of a requeued job, as sacct -D shows them.
        exit_code, exit_signal: of the batch script.
        times: Unix s of the cluster's clock.
    """

    job_id: int
    name: str
    account: str
    partition: str
    work_dir: str
    command: str
    submit_line: str = ""
    qos: str = "normal"
    comment: str = ""
    args: list[str] = field(default_factory=list)
    array_job_id: int | None = None
    array_task_id: int | None = None
    array_text: str = ""
    array_throttle: int = 0
    stdout: str = ""
    stderr: str = ""
    stdin: str = "/dev/null"
    open_mode: str = "truncate"
    nodes: int = 1
    ntasks: int = 1
    ntasks_per_node: int | None = None
    cpus_per_task: int | None = None
    memory_mb: int = 1000
    gpus: int = 0
    gres: str = ""
    node_names: list[str] = field(default_factory=list)
    exclusive: bool = False
    time_limit: int = UNLIMITED
    signal: tuple[int, int, bool] | None = None
    requeue: bool = True
    hold: str = ""
    begin: float | None = None
    dependency: str = ""
    kill_on_invalid_dep: bool = False
    state: str = "PENDING"
    completing: bool = False
    reason: str = "None"
    submit: float = 0.0
    eligible: float = 0.0
    start: float | None = None
    end: float | None = None
    batch_end: float | None = None
    expected_start: float | None = None
    scheduled_nodes: str = ""
    exit_code: int = 0
    exit_signal: int = 0
    batch_exit: tuple[int, int] | None = None
    cancelled_by: int | None = None
    node_list: list[str] = field(default_factory=list)
    restarts: int = 0
    signal_sent: bool = False
    kill_at: float | None = None
    after_end: str = ""
    rejected: bool = False
    steps: list[dict[str, Any]] = field(default_factory=list)
    past: list[dict[str, Any]] = field(default_factory=list)

    @property
    def array_key(self) -> int:
        return self.array_job_id if self.array_job_id is not None else self.job_id

    @property
    def shown_id(self) -> str:
        """As people see it: "12", or "30_4" for an array task."""
        return f"{self.array_job_id}_{self.array_task_id}" if self.array_job_id is not None else str(self.job_id)

    @property
    def live(self) -> bool:
        """Whether it is waiting, running, or its processes are still being ended."""
        return self.state in ("PENDING", "CONFIGURING", "RUNNING") or self.completing

    @property
    def shown_state(self) -> str:
        """squeue's state."""
        return "COMPLETING" if self.completing else self.state

    @property
    def cpus_per_node(self) -> int:
        tasks = self.ntasks_per_node or -(-self.ntasks // self.nodes)
        return tasks * (self.cpus_per_task or 1)

    @property
    def cpus(self) -> int:
        return max(self.ntasks * (self.cpus_per_task or 1), self.nodes)

    @property
    def limit_s(self) -> int | None:
        return None if self.time_limit == UNLIMITED else self.time_limit * 60

    @property
    def deadline(self) -> float | None:
        """When the limit ends it."""
        return None if self.start is None or self.limit_s is None else self.start + self.limit_s

    @property
    def spool(self) -> str:
        """Name of the folder of this incarnation's files."""
        return f"{self.job_id}.{self.restarts}"

    def elapsed(self, now: float) -> float:
        """Seconds since the start, up to the end."""
        if self.start is None:
            return 0.0
        return max(0.0, (self.end if self.end is not None else now) - self.start)


def job_to_data(job: Job) -> dict[str, Any]:
    """A job as JSON values."""
    return dataclasses.asdict(job)


def job_from_data(data: Mapping[str, Any]) -> Job:
    """The job that `job_to_data` wrote; fields that this version does not know are left out."""
    known = {f.name for f in dataclasses.fields(Job)}
    job = Job(**{key: value for key, value in data.items() if key in known})
    job.signal = tuple(job.signal) if job.signal else None  # type: ignore[assignment]
    job.batch_exit = tuple(job.batch_exit) if job.batch_exit else None  # type: ignore[assignment]
    return job


@dataclass(frozen=True, slots=True)
class Request:
    """A command as its shim was called.

    Args:
        program: "sbatch", "squeue", …
        args: without the program's name.
        cwd: where it was called.
        env: its environment.
        stdin: its standard input once read; None if nobody has asked for it yet.
        pid: of the calling process.
    """

    program: str
    args: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    stdin: bytes | None = None
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What the command prints and its exit status."""

    exit: int = 0
    out: str = ""
    err: str = ""


class NeedStdin(Exception):
    """The command cannot be answered without its standard input."""


class CommandError(Exception):
    """A command failed as Slurm's does.

    Args:
        err: whole text for standard error, with line ends.
        exit: exit status.
    """

    def __init__(self, err: str, exit: int = 1) -> None:
        super().__init__(err)
        self.err = err
        self.exit = exit
