"""Looks at the command lines of all processes of the machine while something runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import TracebackType


class CommandLines:
    """Collects every command line that is seen in /proc; use as a context.

    Attributes:
        seen: command lines, words parted by NUL.
    """

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> CommandLines:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(5)

    def _look(self) -> None:
        while not self._stop.is_set():
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(process.read_bytes())
                except OSError:
                    continue
            time.sleep(0.004)


def files_with(folder: Path, secrets: dict[str, bytes]) -> list[str]:
    """ "name in path" for each secret that stands in a file under `folder`, or in a file's name."""
    found = []
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        found += [f"{n} in {path}" for n, s in secrets.items() if s in content or s in str(path).encode()]
    return found
