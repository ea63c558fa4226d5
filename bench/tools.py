"""Other programs for the same job, installed beside the app in environments of their own, outside the repository.

`install()` puts each into its folder of the user's cache; what cannot be had is left out, and the table says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.scene import Scene

_PATIENCE_S: Final = 240


@dataclass(frozen=True)
class Tool:
    """One program.

    Args:
        name: as people call it.
        packages: what pip installs, with what it needs to start at all today.
        command: its words, the first in its environment's bin; "{host}" is the cluster's alias in ssh_config.
        sign: what is on its screen with the first frame.
        reads_queue: whether it can read the pocket cluster's squeue (some need --json, which that does not have).
    """

    name: str
    packages: Sequence[str]
    command: Sequence[str]
    sign: str
    reads_queue: bool = True

    @property
    def folder(self) -> Path:
        return cache() / self.name.replace(" ", "-")

    @property
    def installed(self) -> bool:
        return (self.folder / "bin" / self.command[0]).exists()

    def argv(self) -> list[str]:
        return [str(self.folder / "bin" / self.command[0]), *(word.format(host="bench") for word in self.command[1:])]


TOOLS: Final = (
    Tool("turm", ("turm",), ("turm",), "Jobs"),
    Tool("stui", ("stui",), ("stui",), "Jobs"),
    Tool("slurmtui", ("slurmtui",), ("slurmtui",), "Logs", reads_queue=False),
    Tool("slurmui", ("slurmui", "textual<0.32", "pandas<3"), ("slurmui",), "Job", reads_queue=False),
)
"""Those that start without a configuration of their own and show a queue."""


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "websight-tui-bench"


def install() -> None:
    """Installs what is missing; says what it does on stderr, and goes on where something cannot be had."""
    for tool in TOOLS:
        if tool.installed:
            continue
        print(f"installing {tool.name} into {tool.folder} …", file=sys.stderr, flush=True)
        try:
            subprocess.run(
                [sys.executable, "-m", "venv", str(tool.folder)], check=True, capture_output=True, timeout=90
            )
            pip = [str(tool.folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, *tool.packages], check=True, capture_output=True, timeout=_PATIENCE_S)
        except (OSError, subprocess.SubprocessError) as exc:
            print(f"  {tool.name} cannot be installed here ({type(exc).__name__})", file=sys.stderr, flush=True)


def environment(scene: Scene, name: str) -> dict[str, str]:
    """Where a tool runs: a home of its own, and Slurm's commands in front, its calls counted apart."""
    home = scene.folder / f"home-{name}"
    (home / ".ssh").mkdir(parents=True, exist_ok=True)
    e = scene.info.endpoint
    (home / ".ssh" / "config").write_text(
        f"Host bench\n HostName {e.host}\n Port {e.port}\n User {e.user}\n IdentityFile {e.identity_file}\n"
        f" UserKnownHostsFile {e.known_hosts}\n IdentitiesOnly yes\n"
    )
    path = f"{scene.counted_path(name)}:{os.environ['PATH']}"
    env: Mapping[str, str] = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**env, "HOME": str(home), "USER": e.user or "", "PATH": path}
