"""Processes of this machine: who they are, whose children they are, and ending them without hitting a stranger."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

_PROC = Path("/proc")


@functools.cache
def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def identity(pid: int) -> str | None:
    """A text that differs for another process under the same number (boot and start time); None if it is gone."""
    if (_PROC / "self/stat").exists():
        try:
            fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else f"{_boot()}:{fields[19]}"
    asked = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    )
    state, _, started = asked.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def table() -> dict[int, tuple[int, int]]:
    """All processes that have not ended: pid → (parent, session on Linux, process group elsewhere)."""
    found: dict[int, tuple[int, int]] = {}
    if (_PROC / "self/stat").exists():
        for name in os.listdir(_PROC):  # noqa: PTH208 - half the time of iterdir
            if name.isdigit():
                with contextlib.suppress(OSError):
                    fields = (_PROC / name / "stat").read_text().rpartition(")")[2].split()
                    if fields[0] not in "ZX":
                        found[int(name)] = (int(fields[1]), int(fields[3]))
        return found
    asked = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,pgid=,stat="], capture_output=True, text=True, check=False)
    for line in asked.stdout.splitlines():
        pid, parent, group, state = line.split(None, 3)
        if not state.startswith("Z"):
            found[int(pid)] = (int(parent), int(group))
    return found


Table = Mapping[int, tuple[int, int]]


def family(roots: Iterable[int], sessions: Iterable[int] = (), known: Table | None = None) -> list[int]:
    """The children of `roots` and theirs, and the members of `sessions`; without the roots themselves.

    Args:
        known: the result of `table`, where one look serves for several questions.
    """
    known = table() if known is None else known
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in known.items():
        children.setdefault(parent, []).append(pid)
    top = set(roots)
    wanted_sessions = set(sessions)
    members = {pid for pid, (_, session) in known.items() if session in wanted_sessions}
    queue = [*top, *members]
    while queue:
        for child in children.get(queue.pop(), ()):
            if child not in members:
                members.add(child)
                queue.append(child)
    return sorted(members - top - {os.getpid()})


def send(pids: Iterable[int], number: int) -> None:
    """A signal to each that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def is_locked(path: Path) -> bool:
    """Whether a living process holds the lock on `path`."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


class Incarnation:
    """The processes of one start of one job, seen through its spool folder (see wrapper.py).

    Args:
        spool: the folder.
    """

    def __init__(self, spool: Path) -> None:
        self.spool = spool

    @property
    def alive(self) -> bool:
        """Whether the wrapper lives; it outlives the batch script and, on Linux, every process of the job."""
        return is_locked(self.spool / "lock")

    @property
    def started(self) -> bool:
        return (self.spool / "pid").exists()

    def pids(self) -> tuple[int, int] | None:
        """(wrapper, batch script), only while the wrapper lives."""
        if not self.alive:
            return None
        try:
            wrapper, batch = (self.spool / "pid").read_text().split()
        except (OSError, ValueError):
            return None
        return int(wrapper), int(batch)

    def status(self) -> tuple[int | None, float] | None:
        """(wait status, or None if the script could not be started; real Unix s), or None before the end."""
        try:
            status, when = (self.spool / "status").read_text().split()[:2]
        except (OSError, ValueError):
            return None
        return (None if status == "launch" else int(status)), float(when)

    def members(self, known: Callable[[], Table] = table) -> list[int]:
        """All processes of the job but the wrapper; `known` is asked only while the wrapper lives."""
        pids = self.pids()
        return [] if pids is None else family([pids[0]], [pids[1]], known())

    def signal_all(self, number: int) -> None:
        """A signal to every process of the job."""
        send(self.members(), number)

    def signal_batch(self, number: int) -> None:
        """A signal to the batch script's shell alone."""
        pids = self.pids()
        if pids is not None and self.status() is None:
            send([pids[1]], number)


def end_incarnations(spools: Iterable[Path], grace_s: float) -> None:
    """Ends jobs without a scheduler: SIGTERM, up to `grace_s` seconds, SIGKILL."""
    running = [Incarnation(spool) for spool in spools if is_locked(spool / "lock")]
    for job in running:
        job.signal_all(signal.SIGCONT)
        job.signal_all(signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while running and time.monotonic() < deadline:
        running = [job for job in running if job.alive]
        if running:
            _pause()
    for _ in range(100):
        running = [job for job in running if job.alive]
        if not running:
            return
        for job in running:
            job.signal_all(signal.SIGKILL)
        _pause()


def _pause() -> None:
    """20 ms; there is no event to wait for with processes that are not ours."""
    signal.sigtimedwait([], 0.02) if hasattr(signal, "sigtimedwait") else time.sleep(0.02)
