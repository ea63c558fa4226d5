"""A program in a real pseudo-terminal: what it writes, byte for byte, and keys for it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence

from tests.hostile.payloads import visible


class Terminal:
    """Runs `words` in a terminal of 36 lines and 120 columns.

    Attributes:
        written: every byte that reached the terminal so far.
    """

    def __init__(self, words: Sequence[str], env: Mapping[str, str], *, size: tuple[int, int] = (36, 120)) -> None:
        self.written = bytearray()
        self._end, inner = os.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.process = subprocess.Popen(
            words,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            env={**env, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(inner)

    def read(self, seconds: float) -> None:
        """Takes what comes within `seconds`."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self._end], [], [], left)[0]:
                try:
                    data = os.read(self._end, 65536)
                except OSError:
                    return
                if not data:
                    return
                self.written += data

    def wait_for(self, word: str, *, seconds: float = 30, since: int = 0) -> None:
        """Reads until `word` was shown after the byte `since`."""
        until = time.monotonic() + seconds
        while word not in visible(bytes(self.written[since:])):
            if time.monotonic() > until or self.process.poll() is not None:
                shown = visible(bytes(self.written))[-3000:]
                raise AssertionError(f"{word!r} was not shown (exit {self.process.poll()}): {shown}")
            self.read(0.1)

    def press(self, keys: str, *, seconds: float = 0.4) -> None:
        """Types `keys` and takes what comes of them."""
        os.write(self._end, keys.encode())
        self.read(seconds)

    def end(self, *, seconds: float = 10) -> int | None:
        """Waits for the program's end; its exit status."""
        until = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < until:
            self.read(0.1)
        self.read(0.2)
        return self.process.poll()

    def close(self) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        os.close(self._end)
