"""A program in a pseudo-terminal, as a person has it: keys go in, and what comes out is kept with its moment.

Times are of `time.perf_counter`, taken as soon as the bytes are here. A word is on the screen once its bytes have
come: programs write a word of one style in one piece.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import threading
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

SIZE: Final = (120, 36)
_CONTROL: Final = re.compile(r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|[\]P][^\x07\x1b]*(?:\x07|\x1b\\)|.)")
_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class NotSeen(Exception):
    """What was waited for did not come."""


class Terminal:
    """Runs `argv` in a terminal of 120×36; a context manager that ends it.

    Args:
        env: the whole environment; TERM and COLORTERM are added.

    Attributes:
        pid: of the program.
        began: when it was started (perf_counter).
    """

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None) -> None:
        self._out = bytearray()
        self._ends: list[int] = []
        self._moments: list[float] = []
        self._grown = threading.Condition()
        self._over = False
        full = {**env, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        full.pop("NO_COLOR", None)
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
        self.began = time.perf_counter()
        self.pid = os.fork()
        if self.pid == 0:  # pragma: no cover - the child
            try:
                os.close(master)
                os.login_tty(slave)
                if cwd is not None:
                    os.chdir(cwd)
                os.execvpe(argv[0], list(argv), full)
            finally:
                os._exit(127)
        os.close(slave)
        self._master = master
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        while True:
            try:
                readable, _, _ = select.select([self._master], [], [], 0.5)
                data = os.read(self._master, 1 << 16) if readable else None
            except (OSError, ValueError):
                data = b""
            moment = time.perf_counter()
            with self._grown:
                if data == b"" or (data is None and self._over):
                    self._over = True
                    self._grown.notify_all()
                    return
                if data:
                    self._out += data
                    self._ends.append(len(self._out))
                    self._moments.append(moment)
                    self._grown.notify_all()

    def mark(self) -> int:
        """How many bytes have come so far."""
        with self._grown:
            return len(self._out)

    def send(self, keys: str) -> tuple[float, int]:
        """Presses keys; returns the moment, and how many bytes had come by then."""
        at = self.mark()
        moment = time.perf_counter()
        os.write(self._master, keys.encode())
        return moment, at

    def wait(self, text: str, *, since: int = 0, timeout: float = 60.0) -> float:
        """The moment at which `text` (first) came after the first `since` bytes. Raises NotSeen."""
        wanted, start = text.encode(), since
        deadline = time.perf_counter() + timeout
        with self._grown:
            while (found := self._out.find(wanted, start)) < 0:
                start = max(since, len(self._out) - len(wanted))
                left = deadline - time.perf_counter()
                if left <= 0 or self._over:
                    raise NotSeen(f"'{text}' did not come{' before the end' if self._over else ''}: {self._last()}")
                self._grown.wait(left)
            return self._moments[bisect_left(self._ends, found + len(wanted))]

    def press(self, key: str, text: str, *, timeout: float = 60.0) -> float:
        """Seconds from pressing `key` until `text` has come."""
        moment, at = self.send(key)
        return self.wait(text, since=at, timeout=timeout) - moment

    def shown(self, since: int = 0) -> str:
        """All text that came after the first `since` bytes, without control sequences."""
        with self._grown:
            raw = bytes(self._out[since:])
        return _CONTROL.sub("", raw.decode(errors="replace"))

    def _last(self) -> str:
        return _CONTROL.sub("", bytes(self._out[-4000:]).decode(errors="replace"))[-300:].strip()

    def close(self) -> None:
        """Ends the program and waits for it."""
        if self._master < 0:
            return
        with self._grown:
            self._over = True
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                break
            if self._ended(3.0):
                break
        self._reader.join(2)
        os.close(self._master)
        self._master = -1

    def _ended(self, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return True
            select.select([], [], [], 0.01)
        return False

    @property
    def alive(self) -> bool:
        """Whether the program still runs."""
        return not self._over

    @property
    def memory_mb(self) -> float:
        """Resident memory of the program, MB (10^6 bytes)."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE / 1e6

    @property
    def peak_memory_mb(self) -> float:
        """The most resident memory so far, MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) * 1024 / 1e6 if found else 0.0

    @property
    def cpu_s(self) -> float:
        """Processor seconds that the program has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS
