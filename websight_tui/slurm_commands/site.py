"""What a site lets its users do: questions to scontrol, sinfo and sacctmgr, and their text in values.

Recorded with Slurm 22.05; the fields are the same from 20.11 to 25. Nothing here raises for odd text.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Final

from websight_tui.metrics.terminal_text import plain
from websight_tui.slurm_commands.hostlist import expand
from websight_tui.slurm_commands.times import parse_duration, parse_time

_ENVIRONMENT: Final = ("env", "LC_ALL=C")
_UNLIMITED: Final = frozenset({"", "UNLIMITED", "INFINITE", "NONE", "N/A", "(null)"})


def version() -> str:
    """Prints "slurm-wlm 22.05.8"; needs no controller."""
    return shlex.join((*_ENVIRONMENT, "sinfo", "--version"))


def configuration() -> str:
    """scontrol's view of slurm.conf: whether the controller answers, and whether accounts are kept and enforced."""
    return shlex.join((*_ENVIRONMENT, "scontrol", "show", "config"))


def partition_settings() -> str:
    """All partitions that the user may see, one a line."""
    return shlex.join((*_ENVIRONMENT, "scontrol", "--oneliner", "show", "partition"))


def reservations() -> str:
    """All reservations, one a line, with times as Unix seconds."""
    return shlex.join((*_ENVIRONMENT, "SLURM_TIME_FORMAT=%s", "scontrol", "--oneliner", "show", "reservation"))


def associations() -> str:
    """The accounts of the user, one a line: account|partition|qos,qos|longest job."""
    words = ("sacctmgr", "--noheader", "--parsable2", "show", "assoc", "where", "format=account,partition,qos,maxwall")
    return shlex.join((*_ENVIRONMENT, *words)) + ' user="$(id -un)"'


def qos_limits() -> str:
    """Every QOS, one a line: name|longest job|per job|per user."""
    words = ("sacctmgr", "--noheader", "--parsable2", "show", "qos", "format=name,maxwall,maxtres,maxtrespu")
    return shlex.join((*_ENVIRONMENT, *words))


def try_submit() -> str:
    """Asks whether and when the script on standard input would start; submits nothing. Answers on stderr."""
    return shlex.join((*_ENVIRONMENT, "sbatch", "--test-only"))


@dataclass(frozen=True, slots=True)
class Association:
    """One account that the user may charge.

    Args:
        partition: the only partition it is for; "" for all.
        qos: names that may be used with it.
        max_wall_s: the longest job, seconds; None for no limit of its own.
    """

    account: str
    partition: str = ""
    qos: tuple[str, ...] = ()
    max_wall_s: int | None = None


@dataclass(frozen=True, slots=True)
class Qos:
    """Limits of one QOS.

    Args:
        max_wall_s: the longest job, seconds; None for no limit.
        gpus_per_job, gpus_per_user: at once; None for no limit.
    """

    name: str
    max_wall_s: int | None = None
    gpus_per_job: int | None = None
    gpus_per_user: int | None = None


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition as scontrol shows it.

    Args:
        default: whether jobs that name none go there.
        state: "UP", "DOWN", "DRAIN", "INACTIVE".
        max_time_s: the longest job, seconds; None for no limit.
        max_nodes: of one job; None for no limit.
        nodes: how many there are.
        accounts: which may use it; None for all. denied: which may not.
        qos: which may be used; None for all.
        node_list: their names in Slurm's short form.
    """

    name: str
    default: bool = False
    state: str = "UP"
    max_time_s: int | None = None
    max_nodes: int | None = None
    nodes: int = 0
    accounts: tuple[str, ...] | None = None
    denied: tuple[str, ...] = ()
    qos: tuple[str, ...] | None = None
    node_list: str = ""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Nodes that are kept for something from one moment to another.

    Args:
        start, end: Unix s.
        node_list: the nodes in Slurm's short form; "" if none (licences only).
        maintenance: whether the site means to work on them.
    """

    name: str
    start: float
    end: float
    node_list: str = ""
    maintenance: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """What bounds a job there, as Slurm told it after a login."""

    partitions: tuple[Partition, ...] = ()
    reservations: tuple[Reservation, ...] = ()

    def partition(self, name: str) -> Partition | None:
        """The one of that name, or the default one for ""; None if there is none."""
        wanted = (p for p in self.partitions if (p.name == name if name else p.default))
        return next(wanted, None)

    def next_reservation(self, partition: Partition, nodes: int, now: float) -> Reservation | None:
        """The first one, begun or to come, that leaves a partition fewer than `nodes` nodes; None if there is none."""
        own = expand(partition.node_list)
        if not own:
            return None
        to_come = sorted((r for r in self.reservations if r.end > now), key=lambda r: r.start)
        return next((r for r in to_come if len(own - expand(r.node_list)) < max(1, nodes) <= len(own)), None)


NOT_KNOWN: Final = Layout()
"""Before a login, or where Slurm does not say."""


def parse_configuration(text: str) -> dict[str, str]:
    """slurm.conf's keys and values as `configuration` prints them."""
    pairs = (line.split("=", 1) for line in text.split("\n") if "=" in line)
    return {plain(key): plain(value) for key, value in pairs}


def parse_associations(text: str) -> list[Association]:
    """The answer to `associations`, in its order."""
    rows = (plain(line).split("|") for line in text.split("\n"))
    return [
        Association(row[0], row[1], _words(row[2]) or (), parse_duration(row[3]))
        for row in rows
        if len(row) == 4 and row[0]
    ]


def parse_qos(text: str) -> dict[str, Qos]:
    """The answer to `qos_limits` by name."""
    rows = (plain(line).split("|") for line in text.split("\n"))
    found = (row for row in rows if len(row) == 4 and row[0])
    return {row[0]: Qos(row[0], parse_duration(row[1]), _gpu_limit(row[2]), _gpu_limit(row[3])) for row in found}


def parse_partition_settings(text: str) -> list[Partition]:
    """The answer to `partition_settings`, in its order."""
    found = []
    for pairs in map(_pairs, text.split("\n")):
        if not pairs.get("PartitionName"):
            continue
        found.append(
            Partition(
                plain(pairs["PartitionName"]),
                default=pairs.get("Default") == "YES",
                state=plain(pairs.get("State", "UP")),
                max_time_s=parse_duration(pairs.get("MaxTime", "")),
                max_nodes=_number(pairs.get("MaxNodes", "")),
                nodes=_number(pairs.get("TotalNodes", "")) or 0,
                accounts=_words(pairs.get("AllowAccounts", "ALL")),
                denied=_words(pairs.get("DenyAccounts", "")) or (),
                qos=_words(pairs.get("AllowQos", "ALL")),
                node_list=plain(pairs.get("Nodes", "").replace("(null)", ""), 20_000),
            )
        )
    return found


def parse_reservations(text: str) -> list[Reservation]:
    """The answer to `reservations`, in its order; such without a beginning or an end are left out."""
    found = []
    for pairs in map(_pairs, text.split("\n")):
        start, end = parse_time(pairs.get("StartTime", "")), parse_time(pairs.get("EndTime", ""))
        if not pairs.get("ReservationName") or start is None or end is None:
            continue
        nodes = plain(pairs.get("Nodes", "").replace("(null)", ""), 20_000)
        flags = pairs.get("Flags", "").split(",")
        found.append(Reservation(plain(pairs["ReservationName"], 60), start, end, nodes, "MAINT" in flags))
    return found


def _pairs(line: str) -> dict[str, str]:
    return dict(re.findall(r"(?:^|\s)([A-Za-z]+)=(\S*)", line))


def gpus_in(gres: str) -> int:
    """GPUs of a node by its gres: "gpu:h100:8(S:0-1),nvme:1" → 8, "gpu:4" → 4, "(null)" → 0."""
    return sum(int(found) for found in re.findall(r"(?:^|,)gpu(?::[^:,()]+)?:(\d{1,9})", gres))


def version_number(text: str) -> tuple[int, ...]:
    """(22, 5, 8) of "slurm-wlm 22.05.8"; () if there is none."""
    match = re.search(r"\b(\d{1,9}(?:\.\d{1,9})+)", text)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def planned_start(stderr: str) -> str:
    """When and where `try_submit` says that the job would start, in the cluster's own time; "" if it does not say."""
    match = re.search(r"to start at (\S+)(?: \S+)? using (\d+) processors on nodes (\S+) in partition (\S+)", stderr)
    if match is None:
        return ""
    moment = match[1].replace("T", " ")
    return plain(f"{moment} (the cluster's clock), on {match[3]}, partition {match[4]}")


def _words(text: str) -> tuple[str, ...] | None:
    """A comma list; None for ALL and for nothing."""
    if text.upper() in _UNLIMITED or text.upper() == "ALL":
        return None
    return tuple(plain(word) for word in text.split(",") if word)


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _gpu_limit(tres: str) -> int | None:
    """GPUs in "cpu=64,gres/gpu=8,node=2"; None if GPUs are not limited."""
    match = re.search(r"(?:^|,)gres/gpu=(\d{1,9})", tres)
    return int(match[1]) if match else None
