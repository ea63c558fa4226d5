"""The options of sbatch (and of srun, which shares them): names, values, and sbatch's words about wrong ones."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from websight_tui.pocket.getopt_long import Found, Options, table
from websight_tui.pocket.model import CommandError
from websight_tui.pocket.times import parse_limit, parse_moment

_FLAGS = (
    "contiguous help/h hold/H ignore-pbs no-requeue oversubscribe/s overcommit/O parsable quiet/Q reboot requeue "
    "spread-job test-only usage use-min-nodes verbose/v version/V wait/W"
)
_VALUED = (
    "account/A acctg-freq array/a batch bb bbf begin/b chdir/D cluster-constraint clusters/M comment constraint/C "
    "container core-spec/S cores-per-socket cpu-freq cpus-per-gpu cpus-per-task/c deadline delay-boot dependency/d "
    "distribution/m error/e exclude/x export export-file extra-node-info/B gid gpu-bind gpu-freq gpus/G gpus-per-node "
    "gpus-per-socket gpus-per-task gres gres-flags hint input/i job-name/J kill-on-invalid-dep licenses/L mail-type "
    "mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu mincpus network nodefile/F nodelist/w nodes/N ntasks/n "
    "ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket open-mode output/o partition/p power prefer "
    "priority profile qos/q reservation signal sockets-per-node switches thread-spec threads-per-core time/t time-min "
    "tmp uid wait-all-nodes wckey wrap"
)
_OPTIONAL = "exclusive get-user-env no-kill/k nice propagate"
_BATCH_TABLE = table(_FLAGS, _VALUED, _OPTIONAL)
BATCH = Options("sbatch", *_BATCH_TABLE, bad_exit=255, permute=False)
_STEP_TABLE = table(
    _FLAGS + " label/l kill-on-bad-exit/K unbuffered/u overlap exact pty whole no-allocate/Z",
    _VALUED + " cpu-bind mpi jobid multi-prog relative/r",
    _OPTIONAL,
)
STEP = Options("srun", *_STEP_TABLE, bad_exit=1, permute=False)


@dataclass(slots=True)
class Wishes:
    """What was asked for, typed; None or "" where nothing was said.

    Args:
        time: minutes.
        gpus: a node, from --gres, --gpus-per-node or --gpus; `gres` keeps the words for display.
        begin_text: of --begin, read when the job is made.
    """

    account: str = ""
    array: str = ""
    begin_text: str = ""
    chdir: str = ""
    clusters: str = ""
    comment: str = ""
    constraint: str = ""
    cpus_per_task: int | None = None
    dependency: str = ""
    error: str = ""
    exclusive: bool = False
    export: str = ""
    gpus: int = 0
    gpu_type: str = ""
    gres: str = ""
    hold: bool = False
    input: str = ""
    job_name: str = ""
    kill_on_invalid_dep: bool = False
    memory_mb: int | None = None
    memory_per_cpu_mb: int | None = None
    nodelist: str = ""
    nodes: int | None = None
    ntasks: int | None = None
    ntasks_per_node: int | None = None
    open_mode: str = "truncate"
    output: str = ""
    parsable: bool = False
    partition: str = ""
    qos: str = ""
    requeue: bool = True
    reservation: str = ""
    signal: tuple[int, int, bool] | None = None
    test_only: bool = False
    time: int | None = None
    wrap: str | None = None
    ignored: list[str] = field(default_factory=list)

    def begin(self, now: float, env: Mapping[str, str]) -> float | None:
        """Unix s of --begin, None if it lies not ahead."""
        if not self.begin_text:
            return None
        try:
            moment = parse_moment(self.begin_text, now, env)
        except ValueError:
            raise _invalid("begin") from None
        return moment if moment > now else None


def _invalid(option: str, program: str = "sbatch") -> CommandError:
    return CommandError(f"{program}: error: Invalid --{option} specification\n", 255)


def _megabytes(text: str) -> int:
    match = re.fullmatch(r"(\d+)([KMGT]?)B?", text.upper())
    if not match:
        raise ValueError(text)
    return max(1, int(int(match[1]) * {"K": 1 / 1024, "": 1, "M": 1, "G": 1024, "T": 1024**2}[match[2]]))


def signal_number(text: str) -> int:
    """The number of "USR1", "SIGUSR1" or "10". Raises ValueError."""
    if text.isdigit() and int(text) in set(signal.Signals):
        return int(text)
    name = text.upper().removeprefix("SIG")
    try:
        return signal.Signals[f"SIG{name}"].value
    except KeyError:
        raise ValueError(text) from None


def _signal(text: str) -> tuple[int, int, bool]:
    flags, colon, rest = text.rpartition(":")
    name, _, lead = rest.partition("@")
    if colon and set(flags.upper()) - set("BR"):
        raise ValueError(text)
    return signal_number(name), int(lead or 60), "B" in flags.upper()


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


_TEXTS = frozenset(
    {"account", "array", "chdir", "clusters", "comment", "constraint", "dependency", "error", "export", "input"}
    | {"job-name", "nodelist", "output", "partition", "qos", "reservation"}
)
_COUNTS = frozenset({"cpus-per-task", "ntasks", "ntasks-per-node"})


def read_wishes(program: str, found: Found) -> Wishes:
    """The wishes in options in their order (the last of a kind holds). Raises CommandError with sbatch's text."""
    wishes = Wishes()
    for name, value in found:
        try:
            _take(wishes, name, value or "")
        except (ValueError, KeyError):
            if name in _COUNTS:
                raise CommandError(f'{program}: error: Invalid numeric value "{value}" for --{name}.\n', 255) from None
            raise _invalid(name, program) from None
    return wishes


def _take(wishes: Wishes, name: str, value: str) -> None:
    if name in _TEXTS:
        setattr(wishes, name.replace("-", "_"), value)
    elif name in _COUNTS:
        setattr(wishes, name.replace("-", "_"), _count(value))
    elif name in ("hold", "parsable", "test-only", "exclusive"):
        setattr(wishes, name.replace("-", "_"), True)
    elif name in _SPECIAL:
        _SPECIAL[name](wishes, value)
    else:
        wishes.ignored.append(name)


def _take_time(wishes: Wishes, value: str) -> None:
    wishes.time = parse_limit(value)


def _take_gres(wishes: Wishes, value: str) -> None:
    kind, _, rest = value.removeprefix("gres:").partition(":")
    if kind in ("none", ""):
        return
    label, _, count = rest.rpartition(":")
    if kind != "gpu":
        raise CommandError("sbatch: error: Invalid generic resource (gres) specification\n")
    if not count.isdigit():
        label, count = count, "1"
    wishes.gpus, wishes.gpu_type, wishes.gres = int(count), label, f"gres:{value.removeprefix('gres:')}"


def _take_nodes(wishes: Wishes, value: str) -> None:
    low, dash, high = value.partition("-")
    if dash and int(high) < int(low):
        raise CommandError(
            f"sbatch: error: Maximum node count {high} is less than minimum node count {low}\n"
            "sbatch: error: Invalid --nodes specification\n",
            255,
        )
    wishes.nodes = _count(low)


def _take_open_mode(wishes: Wishes, value: str) -> None:
    wishes.open_mode = {"a": "append", "t": "truncate"}[value[:1].lower()]


_SPECIAL: dict[str, Any] = {
    "time": _take_time,
    "gres": _take_gres,
    "gpus": lambda w, v: _take_gres(w, f"gpu:{v}"),
    "gpus-per-node": lambda w, v: _take_gres(w, f"gpu:{v}"),
    "nodes": _take_nodes,
    "open-mode": _take_open_mode,
    "mem": lambda w, v: setattr(w, "memory_mb", _megabytes(v) if v != "0" else None),
    "mem-per-cpu": lambda w, v: setattr(w, "memory_per_cpu_mb", _megabytes(v)),
    "signal": lambda w, v: setattr(w, "signal", _signal(v)),
    "begin": lambda w, v: setattr(w, "begin_text", v),
    "kill-on-invalid-dep": lambda w, v: setattr(w, "kill_on_invalid_dep", v.lower() == "yes"),
    "requeue": lambda w, _: setattr(w, "requeue", True),
    "no-requeue": lambda w, _: setattr(w, "requeue", False),
    "wrap": lambda w, v: setattr(w, "wrap", v),
}
