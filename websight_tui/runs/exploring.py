"""What a new cluster offers its user: accounts, partitions, folders with their room, and Pythons that can train.

Asked once while a cluster is set up, over the connection that is there; a few cheap commands, nothing is written.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import Final

from websight_tui.errors import ConnectionLost, RemoteError, SchedulerError
from websight_tui.metrics.lines import count
from websight_tui.metrics.terminal_text import plain
from websight_tui.projection.gpus import GPUS
from websight_tui.remote.port import Transport
from websight_tui.runs.checks.slurm import Site, ask, learn_partitions
from websight_tui.slurm_commands import site

_TIMEOUT_S: Final = 20.0
_USABLE: Final = ("idle", "mix")
# Sites name their large file systems by variables; only folders that are there and can be written are worth offering.
_FOLDERS: Final = r"""
for name in SCRATCH PSCRATCH WORK WORKDIR PROJECT DATA HOME; do
  eval "folder=\${$name:-}"
  [ -d "$folder" ] && [ -w "$folder" ] || continue
  printf 'folder\t%s\t%s\t%s\n' "$name" "$folder" "$(df -Pk "$folder" 2>/dev/null | awk 'NR==2 {print $4}')"
done
for python in "$(command -v python3)" "${VIRTUAL_ENV:-/nowhere}/bin/python" "${CONDA_PREFIX:-/nowhere}/bin/python" \
  "$HOME"/*/bin/python "$HOME"/.*/bin/python "$HOME"/*env*/*/bin/python "$HOME"/.*env*/*/bin/python \
  "$HOME"/*conda*/envs/*/bin/python "$HOME"/*forge*/envs/*/bin/python; do
  [ -x "$python" ] || continue
  for there in "${python%/bin/*}"/lib/python3*/site-packages/llamafactory; do
    [ -d "$there" ] && printf 'python\t%s\n' "$python"
  done
done
:
"""


@dataclass(frozen=True, slots=True)
class PartitionOffer:
    """A partition that takes this user's jobs.

    Args:
        gpus: of its best node. gpu: their kind as Slurm names it ("h100"), "" if it does not.
        max_time_s: the longest job, seconds; None for no limit.
        nodes, usable: how many there are, and how many of them have something free.
        accounts: which may use it; None for all.
    """

    name: str
    gpus: int = 0
    gpu: str = ""
    max_time_s: int | None = None
    nodes: int = 0
    usable: int = 0
    default: bool = False
    accounts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class FolderOffer:
    """A folder that can be written; `free` in bytes, None if df does not say; `variable` names it ("SCRATCH")."""

    path: str
    variable: str
    free: int | None = None


@dataclass(frozen=True, slots=True)
class SiteOffer:
    """Everything that can be chosen; empty where the site does not say."""

    accounts: tuple[str, ...] = ()
    partitions: tuple[PartitionOffer, ...] = ()
    folders: tuple[FolderOffer, ...] = ()
    pythons: tuple[str, ...] = field(default=())


def explore(transport: Transport) -> SiteOffer:
    """Asks the site. Raises SchedulerError if Slurm does not answer, RemoteTimeout, ConnectionLost."""
    known = Site()
    learn_partitions(transport, known)
    try:
        rows = site.parse_associations(ask(transport, "sacctmgr", site.associations()))
    except SchedulerError:  # no accounting: any account is good, and none is needed
        rows = []
    accounts = tuple(dict.fromkeys(row.account for row in rows))
    return SiteOffer(accounts, partition_offers(known, accounts), *_folders(transport))


def _folders(transport: Transport) -> tuple[tuple[FolderOffer, ...], tuple[str, ...]]:
    try:
        said = transport.exec(shlex.join(("sh", "-c", _FOLDERS)), timeout=_TIMEOUT_S).stdout
    except ConnectionLost:
        raise
    except RemoteError:  # a hanging file system is no reason not to go on; the folder can be typed
        said = ""
    return parse_folders(said)


def parse_folders(text: str) -> tuple[tuple[FolderOffer, ...], tuple[str, ...]]:
    """(folders, Pythons with LLaMA-Factory) as `_FOLDERS` prints them, each once."""
    folders: dict[str, FolderOffer] = {}
    pythons: list[str] = []
    for line in text.split("\n"):
        match [plain(word) for word in line.split("\t")]:
            case ["folder", name, path, free] if path.startswith("/") and path not in folders:
                folders[path] = FolderOffer(
                    path, name, kilobytes * 1024 if (kilobytes := count(free)) is not None else None
                )
            case ["python", path] if path not in pythons:
                pythons.append(path)
    return tuple(folders.values()), tuple(pythons)


def partition_offers(known: Site, accounts: tuple[str, ...]) -> tuple[PartitionOffer, ...]:
    """The partitions that these accounts may use, the likeliest for training first."""
    offers = []
    for found in known.partitions:
        allowed = found.accounts is None or not accounts or set(found.accounts) & set(accounts)
        if found.state != "UP" or not allowed or (accounts and set(accounts) <= set(found.denied)):
            continue
        rows = [row for row in known.nodes if row[0] == found.name]
        best = max((row[5] for row in rows), key=site.gpus_in, default="")
        kind = re.search(r"(?:^|,)gpu:([^:,()]+):\d", best)
        usable = sum(count(row[3]) or 0 for row in rows if row[4].lower().startswith(_USABLE))
        offers.append(
            PartitionOffer(
                found.name,
                site.gpus_in(best),
                kind[1] if kind else "",
                found.max_time_s,
                found.nodes,
                usable,
                found.default,
                found.accounts,
            )
        )
    return tuple(sorted(offers, key=lambda p: (-min(p.gpus, 1), not p.default, -p.usable, -p.gpus)))


def gpu_name(kind: str) -> str:
    """The name under which forecasts know Slurm's kind of GPU ("nvidia_h100_80gb" → "H100"); "" if they do not."""
    return next((gpu.name for gpu in GPUS if re.search(gpu.pattern, kind, re.IGNORECASE)), "") if kind else ""
