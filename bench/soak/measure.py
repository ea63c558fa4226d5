"""What a process holds on to: memory, descriptors, threads, its history's size."""

from __future__ import annotations

import gc
import os
import resource
from pathlib import Path
from typing import Final

_MB: Final = 1 << 20


def resident_mb() -> float:
    """Resident memory of this process in MiB: of now on Linux, the highest so far elsewhere."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MB


def _entries(folder: str) -> int:
    path = Path(folder)
    return sum(1 for _ in path.iterdir()) if path.is_dir() else 0


def sample(data: Path) -> dict[str, float]:
    """One reading, after a full garbage collection, so that what is counted is held by something.

    Args:
        data: folder of the run history.
    """
    gc.collect()
    return {
        "rss_mb": round(resident_mb(), 2),
        "descriptors": _entries("/proc/self/fd") or _entries("/dev/fd"),
        "threads": _entries("/proc/self/task"),
        "objects": len(gc.get_objects()),
        "history_kb": round(sum(path.stat().st_size for path in data.glob("runs.sqlite*")) / 1024, 1),
        "cpu_s": round(sum(os.times()[:2]), 1),
    }
