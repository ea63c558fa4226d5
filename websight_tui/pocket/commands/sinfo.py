"""sinfo: partitions and nodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from websight_tui.pocket.commands.columns import fit
from websight_tui.pocket.environment import compress_nodes
from websight_tui.pocket.getopt_long import Options, table
from websight_tui.pocket.model import VERSION, CommandError, Partition, Reply, Request
from websight_tui.pocket.placement import free_nodes
from websight_tui.pocket.scheduler import Scheduler
from websight_tui.pocket.times import short_duration, stamp

_TABLE = table(
    "all/a dead/d exact/e federation help hide list-reasons/R local long/l Node/N noheader/h responding/r "
    "summarize/s usage verbose/v version/V",
    "clusters/M format/o Format/O iterate/i nodes/n partition/p sort/S states/t",
)
_OPTIONS = Options("sinfo", *_TABLE)
_DEFAULT = "%9P %.5a %.10l %.6D %.6t %N"
_BY_NODE = "%10N %.6D %.9P %6t"
_SUMMARY = "%9P %.5a %.10l %.16F %N"
_STATES = {"idle": "idle", "mixed": "mix", "allocated": "alloc", "down": "down", "completing": "comp"}


@dataclass(frozen=True, slots=True)
class Line:
    """Nodes of one partition that share a state."""

    scheduler: Scheduler
    partition: Partition
    nodes: tuple[str, ...]
    state: str


def node_state(scheduler: Scheduler, node: str) -> tuple[str, int, int]:
    """(state, CPUs in use, GPUs in use) of a node."""
    cluster = scheduler.cluster
    if node in scheduler.down_nodes:
        return "down", 0, 0
    holding = [j for j in scheduler.jobs.values() if node in j.node_list and (j.state == "RUNNING" or j.completing)]
    free = free_nodes(cluster, holding)[node]
    used, gpus = cluster.cpus - free.cpus, cluster.gpus - free.gpus
    if not holding:
        return "idle", 0, 0
    if all(job.completing for job in holding):
        return "completing", used, gpus
    return ("allocated" if free.exclusive or free.cpus <= 0 else "mixed"), used, gpus


def _counts(line: Line) -> str:
    """Nodes as allocated/idle/other/total."""
    states = [node_state(line.scheduler, node)[0] for node in line.nodes]
    busy = sum(state in ("mixed", "allocated", "completing") for state in states)
    other = states.count("down")
    return f"{busy}/{states.count('idle')}/{other}/{len(states)}"


def _cpus(line: Line) -> str:
    """CPUs as allocated/idle/other/total."""
    each = line.scheduler.cluster.cpus
    states = [node_state(line.scheduler, node) for node in line.nodes]
    used = sum(cpus for _, cpus, _ in states)
    other = each * sum(state == "down" for state, _, _ in states)
    return f"{used}/{each * len(states) - used - other}/{other}/{each * len(states)}"


def _gpus_used(line: Line) -> str:
    used = max(node_state(line.scheduler, node)[2] for node in line.nodes)
    return f"gpu:{line.scheduler.cluster.gpu_type}:{used}(IDX:{f'0-{used - 1}' if used else 'N/A'})"


def _reason(line: Line) -> str:
    return line.scheduler.down_nodes.get(line.nodes[0], "none")


Value = Callable[[Line], str]
_COLUMNS: Mapping[str, tuple[str, str, Value]] = {
    "available": ("a", "AVAIL", lambda _: "up"),
    "cpus": ("c", "CPUS", lambda n: str(n.scheduler.cluster.cpus)),
    "cpusstate": ("C", "CPUS(A/I/O/T)", _cpus),
    "freemem": ("e", "FREE_MEM", lambda n: str(n.scheduler.cluster.memory_mb)),
    "gres": ("G", "GRES", lambda n: f"gpu:{n.scheduler.cluster.gpu_type}:{n.scheduler.cluster.gpus}"),
    "gresused": ("", "GRES_USED", _gpus_used),
    "memory": ("m", "MEMORY", lambda n: str(n.scheduler.cluster.memory_mb)),
    "nodeaiot": ("F", "NODES(A/I/O/T)", _counts),
    "nodelist": ("N", "NODELIST", lambda n: compress_nodes(list(n.nodes))),
    "nodes": ("D", "NODES", lambda n: str(len(n.nodes))),
    "partition": ("P", "PARTITION", lambda n: n.partition.name + ("*" if n.partition.default else "")),
    "partitionname": ("R", "PARTITION", lambda n: n.partition.name),
    "reason": ("E", "REASON", _reason),
    "statecompact": ("t", "STATE", lambda n: _STATES[n.state]),
    "statelong": ("T", "STATE", lambda n: n.state),
    "time": ("l", "TIMELIMIT", lambda n: short_duration(n.partition.max_minutes * 60)),
    "defaulttime": ("L", "DEFAULTTIME", lambda n: short_duration(n.partition.default_minutes * 60)),
    "features": ("f", "AVAIL_FEATURES", lambda _: "(null)"),
}
_LETTERS = {letter: name for name, (letter, _, _) in _COLUMNS.items() if letter}


def run(scheduler: Scheduler, request: Request) -> Reply:
    """The sinfo command."""
    found, _ = _OPTIONS.parse(request.args)
    given = dict(found)
    if "version" in given:
        return Reply(out=f"slurm-wlm {VERSION}\n")
    if "list-reasons" in given:
        return _reasons(scheduler, request, header="noheader" not in given)
    by_node = "Node" in given
    default = _BY_NODE if by_node else _SUMMARY if "summarize" in given else _DEFAULT
    columns = _long(given["Format"]) if given.get("Format") else _short(given.get("format") or default)
    wanted = {word for word in (given.get("partition") or "").split(",") if word}
    partitions = [p for p in scheduler.cluster.partitions if not wanted or p.name in wanted]
    together = "summarize" in given or not any(value in _SPLITTING for _, value, _ in columns)
    lines = [line for p in partitions for line in _lines(scheduler, p, by_node, together)]
    if by_node:
        lines.sort(key=lambda line: line.nodes)
    if given.get("nodes"):
        lines = [line for line in lines if set(line.nodes) & set((given["nodes"] or "").split(","))]
    text = [] if "noheader" in given else ["".join(lay(header) for header, _, lay in columns)]
    text += ["".join(lay(value(line)) for _, value, lay in columns) for line in lines]
    return Reply(out="".join(f"{line}\n" for line in text))


_SPLITTING = {_COLUMNS[name][2] for name in ("statecompact", "statelong", "reason", "gresused")}
Column = tuple[str, Value, Callable[[str], str]]


def _lines(scheduler: Scheduler, partition: Partition, by_node: bool, together: bool) -> list[Line]:
    nodes = scheduler.cluster.nodes
    if by_node:
        return [Line(scheduler, partition, (node,), node_state(scheduler, node)[0]) for node in nodes]
    if together:
        return [Line(scheduler, partition, nodes, node_state(scheduler, nodes[0])[0])]
    groups: dict[str, list[str]] = {}
    for node in nodes:
        groups.setdefault(node_state(scheduler, node)[0], []).append(node)
    order = ["down", "completing", "mixed", "allocated", "idle"]
    return [Line(scheduler, partition, tuple(groups[state]), state) for state in order if state in groups]


def _layout(width: int | None, right: bool, after: str) -> Callable[[str], str]:
    return lambda text: fit(text, width, right) + after


def _short(text: str) -> list[Column]:
    lead, *rest = re.split(r"(%[.#]?\d*[A-Za-z])", text)
    columns: list[Column] = [("", lambda _: "", _layout(None, False, lead))] if lead else []
    for token, after in zip(rest[::2], rest[1::2], strict=True):
        match = re.fullmatch(r"%([.#]?)(\d*)([A-Za-z])", token)
        name = _LETTERS.get(match[3]) if match else None
        if match and name:
            _, header, value = _COLUMNS[name]
            columns.append((header, value, _layout(int(match[2]) if match[2] else None, match[1] == ".", after)))
        else:
            columns.append(("", lambda _: "", _layout(None, False, after)))
    return columns


def _long(text: str | None) -> list[Column]:
    columns: list[Column] = []
    for part in re.split(r",(?=[A-Za-z])", (text or "").rstrip(",")):
        name, colon, layout = part.partition(":")
        if name.lower() not in _COLUMNS:
            raise CommandError(f"sinfo: error: Invalid field: {name}\n")
        match = re.fullmatch(r"(\.?)(\d*)(.*)", layout, re.DOTALL)
        assert match  # matches anything
        width = int(match[2]) if match[2] else None if colon else 20
        _, header, value = _COLUMNS[name.lower()]
        columns.append((header, value, _layout(width, bool(match[1]), match[3])))
    return columns


def _reasons(scheduler: Scheduler, request: Request, header: bool) -> Reply:
    now = stamp(scheduler.now(), request.env)
    lines = [f"{'REASON':<20} {'USER':<9} {'TIMESTAMP':<19} NODELIST"] if header else []
    lines += [f"{why[:20]:<20} {'slurm':<9} {now:<19} {node}" for node, why in scheduler.down_nodes.items()]
    return Reply(out="".join(f"{line}\n" for line in lines))
