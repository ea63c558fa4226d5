"""What Slurm says of the configuration: accounting, account, partition, QOS, and a submission that is only a test.

Questions go through `ask`; what the answers mean is decided by pure functions.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from websight_tui.config import Cluster
from websight_tui.errors import SchedulerError
from websight_tui.metrics.lines import count
from websight_tui.presets import Preset
from websight_tui.remote.port import Transport
from websight_tui.runs.checks.finding import Finding, fail, ok, skip, warn
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands import commands, failures, site
from websight_tui.slurm_commands.parse import parse_partitions
from websight_tui.slurm_commands.script import render
from websight_tui.slurm_commands.times import parse_duration
from websight_tui.words import duration

_SLOW_S: Final = 5.0
_OUT_OF_ORDER: Final = ("down", "drain", "fail", "maint", "unk", "power")


@dataclass(slots=True)
class Site:
    """What has been learned of the site.

    Args:
        accounting: whether Slurm keeps accounts.
        answered: whether its database did when it was asked.
        enforced: whether a job must name an account that is the user's own.
        nodes: sinfo's rows.
    """

    accounting: bool = False
    answered: bool = True
    enforced: bool = False
    associations: list[site.Association] = field(default_factory=list)
    qos: dict[str, site.Qos] = field(default_factory=dict)
    partitions: list[site.Partition] = field(default_factory=list)
    nodes: list[tuple[str, ...]] = field(default_factory=list)


def ask(transport: Transport, program: str, command: str) -> str:
    """Raises: SchedulerError in plain words, RemoteTimeout, ConnectionLost."""
    result = transport.exec(command, timeout=commands.QUERY_TIMEOUT_S)
    if result.exit != 0:
        raise failures.query_failure(program, result.exit, result.stderr)
    return result.stdout


def check_controller(transport: Transport, known: Site) -> Iterator[Finding]:
    """Whether the controller answers, and how fast."""
    started = time.monotonic()
    settings = site.parse_configuration(ask(transport, "scontrol", site.configuration()))
    took = time.monotonic() - started
    known.accounting = "slurmdbd" in settings.get("AccountingStorageType", "")
    known.enforced = "associations" in settings.get("AccountingStorageEnforce", "")
    message = f"cluster {settings.get('ClusterName') or 'without a name'} answers in {_pace(took)}"
    if took > _SLOW_S:
        yield warn("controller", message, "Set poll_floor_s in the cluster's table to ask it less often.")
    else:
        yield ok("controller", message)


def _pace(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{max(1, round(seconds * 1000))} ms"


def check_accounting(transport: Transport, known: Site) -> Iterator[Finding]:
    """Whether accounts are kept, and which are the user's."""
    if not known.accounting:
        hint = "How jobs ended is kept in this program's own history, and read from their output."
        yield warn("accounting", "this cluster keeps none: any account is good, sacct knows nothing", hint)
        return
    try:
        known.associations = site.parse_associations(ask(transport, "sacctmgr", site.associations()))
        known.qos = site.parse_qos(ask(transport, "sacctmgr", site.qos_limits()))
    except SchedulerError as exc:
        known.answered = False
        yield warn("accounting", exc.message, "Jobs run without it. The test submission below shows what works.")
        return
    rule = "accounts are enforced" if known.enforced else "accounts are not enforced"
    yield ok("accounting", f"on, and its database answers; {rule}")


def check_account(cluster: Cluster, known: Site, limit_s: int | None, gpus: int) -> Iterator[Finding]:
    """Whether the configured account and QOS are the user's, and what they allow."""
    table = f"[clusters.{cluster.name}]"
    if not known.answered:
        yield skip("account", "not looked at: accounting does not answer")
        return
    yours = list(dict.fromkeys(row.account for row in known.associations))
    listed = ", ".join(yours)
    if not yours:
        if not known.enforced:
            yield ok("account", "not needed here" if not cluster.account else f"{cluster.account}; any is accepted")
        else:
            hint = "The test submission below shows whether it works; else ask the administrators for an account."
            yield warn("account", "Slurm lists no account of yours", hint)
        return
    if cluster.account and cluster.account not in yours:
        report = fail if known.enforced else warn
        hint = f"Yours: {listed}. Set account in {table}."
        yield report("account", f"{cluster.account} is not an account of yours", hint)
        return
    rows = [row for row in known.associations if not cluster.account or row.account == cluster.account]
    named = [row for row in rows if not row.partition or not cluster.partition or row.partition == cluster.partition]
    if not named:
        hint = f"It is for {', '.join(row.partition for row in rows)}. Change account or partition in {table}."
        yield fail("account", f"{cluster.account or listed} may not use partition {cluster.partition}", hint)
        return
    qos = [name for row in named for name in row.qos]
    if cluster.qos and qos and cluster.qos not in qos:
        hint = f"It has: {', '.join(dict.fromkeys(qos))}. Set qos in {table}, or leave it out."
        yield fail("account", f"QOS {cluster.qos} does not belong to account {cluster.account or listed}", hint)
        return
    walls = [row.max_wall_s for row in named if row.max_wall_s is not None]
    chosen = known.qos.get(cluster.qos or (qos[0] if len(set(qos)) == 1 else ""))
    if chosen is not None and chosen.max_wall_s is not None:
        walls.append(chosen.max_wall_s)
    if limit_s is not None and walls and min(walls) < limit_s:
        message = f"jobs may take {duration(min(walls))} there, {duration(limit_s)} are asked for"
        yield fail("account", message, f"Lower time_limit in {table}, or use another account or QOS.")
        return
    most = [n for n in (chosen.gpus_per_job, chosen.gpus_per_user) if n is not None] if chosen else []
    if most and min(most) < gpus:
        message = f"QOS {chosen.name if chosen else ''} gives {min(most)} GPUs, {gpus} are asked for"
        yield fail("account", message, f"Lower gpus_per_node in {table}, or use another QOS.")
        return
    which = cluster.account or f"{listed} (Slurm's default; none is set)"
    bounds = f"; at most {min(most)} GPUs at once" if most else ""
    yield ok("account", f"{which} is yours{bounds}" if cluster.account else f"{which}{bounds}")


def learn_partitions(transport: Transport, known: Site) -> None:
    """Asks for the partitions and their nodes. Raises SchedulerError, RemoteTimeout, ConnectionLost."""
    known.partitions = site.parse_partition_settings(ask(transport, "scontrol", site.partition_settings()))
    known.nodes = parse_partitions(ask(transport, "sinfo", commands.partitions()))


def check_partition(cluster: Cluster, preset: Preset, known: Site) -> Iterator[Finding]:
    """Whether the partition exists, takes jobs, and can give what the preset asks for.

    Args:
        preset: with its GPUs and time limit filled in.
    """
    table = f"[clusters.{cluster.name}]"
    names = ", ".join(found.name for found in known.partitions)
    wanted = cluster.partition.split(",")[0]
    found = next((p for p in known.partitions if (p.name == wanted if wanted else p.default)), None)
    if found is None:
        said = f"there is no partition {wanted}" if wanted else "no partition is set, and Slurm has no default"
        yield fail("partition", said, f"There are: {names or 'none that you may see'}. Set partition in {table}.")
        return
    name = found.name if wanted else f"{found.name} (Slurm's default)"
    problems = [*_not_allowed(cluster, found), *_too_much(cluster, preset, found, known)]
    if problems:
        yield from problems
        return
    limit = "without a time limit" if found.max_time_s is None else f"up to {duration(found.max_time_s)}"
    rows = [row for row in known.nodes if row[0] == found.name]
    gpus = _gpus(known, found.name)
    have = f" with {gpus} GPUs{' each' if found.nodes != 1 else ''}" if gpus else ""
    if found.state != "UP":
        yield warn("partition", f"{name} is {found.state}: jobs wait there", "Choose another partition, or wait.")
        return
    broken = _broken(rows)
    message = f"{name}: {found.nodes} node{'s' if found.nodes != 1 else ''}{have}, jobs {limit}"
    if found.nodes and broken >= found.nodes:
        yield warn("partition", f"{message}; none of them works now", "Ask when the maintenance ends; jobs wait.")
    else:
        yield ok("partition", message + (f"; {broken} out of order" if broken else ""))


def _not_allowed(cluster: Cluster, found: site.Partition) -> Iterator[Finding]:
    table = f"[clusters.{cluster.name}]"
    account, qos = cluster.account, cluster.qos
    if account and ((found.accounts is not None and account not in found.accounts) or account in found.denied):
        hint = f"Allowed: {', '.join(found.accounts)}." if found.accounts else "Another account or partition may."
        yield fail("partition", f"account {account} may not use {found.name}", f"{hint} See {table}.")
    if qos and found.qos is not None and qos not in found.qos:
        hint = f"Allowed: {', '.join(found.qos)}. Set qos in {table}."
        yield fail("partition", f"QOS {qos} may not be used in {found.name}", hint)


def _too_much(cluster: Cluster, preset: Preset, found: site.Partition, known: Site) -> Iterator[Finding]:
    limit_s = parse_duration(preset.time_limit or "")
    if limit_s is not None and found.max_time_s is not None and limit_s > found.max_time_s:
        roomy = [p.name for p in known.partitions if p.max_time_s is None or p.max_time_s >= limit_s]
        message = f"{found.name} gives {duration(found.max_time_s)}, {duration(limit_s)} are asked for"
        where = _place(cluster, preset, "time_limit", cluster.time_limit)
        yield fail("partition", message, f"Lower {where}{_or_choose(roomy)}.")
    most = min(n for n in (found.max_nodes, found.nodes or None, preset.nodes) if n is not None)
    if preset.nodes > most:
        message = f"{found.name} gives {most} nodes, {preset.nodes} are asked for"
        yield fail("partition", message, f"Lower nodes of preset {preset.name}, or choose another partition.")
    wanted, gpus = preset.gpus_per_node or 0, _gpus(known, found.name)
    if any(row[0] == found.name for row in known.nodes) and wanted > gpus:
        roomy = [p.name for p in known.partitions if _gpus(known, p.name) >= wanted]
        message = f"the nodes of {found.name} have {gpus or 'no'} GPUs, {wanted} are asked for"
        where = _place(cluster, preset, "gpus_per_node", cluster.gpus_per_node)
        yield fail("partition", message, f"Lower {where}{_or_choose(roomy)}.")


def _place(cluster: Cluster, preset: Preset, name: str, of_cluster: object) -> str:
    """Where a value that is asked for comes from: the cluster's table, unless the preset has another."""
    if getattr(preset, name) == of_cluster:
        return f"{name} in [clusters.{cluster.name}]"
    return f"{name} of preset {preset.name}"


def _or_choose(partitions: Sequence[str]) -> str:
    return f", or choose partition {' or '.join(partitions[:3])}" if partitions else ""


def _gpus(known: Site, partition: str) -> int:
    """GPUs of the partition's best node."""
    return max((site.gpus_in(row[5]) for row in known.nodes if row[0] == partition), default=0)


def _broken(rows: Sequence[tuple[str, ...]]) -> int:
    """Nodes that take no jobs at the moment."""
    return sum(count(row[3]) or 0 for row in rows if row[4].lower().startswith(_OUT_OF_ORDER))


def check_submit(transport: Transport, spec: RunSpec) -> Iterator[Finding]:
    """Lets Slurm judge the very script that a launch would send; nothing is submitted."""
    script = render(spec).encode()
    result = transport.exec(site.try_submit(), timeout=commands.SUBMIT_TIMEOUT_S, stdin=script)
    if result.exit == 0:
        start = site.planned_start(result.stderr)
        yield ok("submit", f"Slurm would take the job; it would start {start}" if start else "Slurm would take the job")
        return
    failure = failures.query_failure("sbatch", result.exit, result.stderr)
    yield fail("submit", f"Slurm would refuse the job: {failure.message}", failure.hint)
