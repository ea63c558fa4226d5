"""The machine on which something was measured, in lines for a document."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path


def facts() -> list[str]:
    """Processor, memory, system and the versions that matter."""
    cpu = re.search(r"model name\s*:\s*(.*)", _read("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", _read("/proc/meminfo"))
    ssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False).stderr.split(",")[0].strip()
    versions = ", ".join(f"{name} {version(name)}" for name in ("textual", "rich", "paramiko", "asyncssh"))
    return [
        f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, "
        f"{int(memory[1]) / 1e6 if memory else 0:.0f} GB of memory",
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {ssh}",
        versions,
    ]


def load() -> str:
    """The load averages of the last 1, 5 and 15 minutes: programs that wanted a processor."""
    return ", ".join(f"{value:.1f}" for value in os.getloadavg())


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
