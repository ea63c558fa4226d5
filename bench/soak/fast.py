"""An app whose clock runs as fast as its cluster's: what it waits for comes sooner, by the same factor."""

from __future__ import annotations

import dataclasses
import json
import shlex
import stat
import sys
from pathlib import Path
from typing import ClassVar, Final

from websight_tui.pocket.control import PocketInfo
from websight_tui.pocket.database import Database
from websight_tui.pocket.times import Clock
from websight_tui.remote.port import Endpoint
from websight_tui.runs.watcher import Watcher

LEAST_S: Final = 0.1
"""Real seconds between two steps of the watcher at least, so that a fast clock does not become a busy loop."""


class FastWatcher(Watcher):
    """The product's watcher, waiting `factor` times shorter; nothing else differs."""

    factor: ClassVar[float] = 1.0
    steps: ClassVar[int] = 0

    def _wait(self, seconds: float, *, wakes: bool = False) -> None:
        FastWatcher.steps += 1
        super()._wait(max(LEAST_S, seconds / self.factor), wakes=wakes)


def cluster_clock(info: PocketInfo) -> Clock:
    """The clock that the embedded cluster goes by."""
    database = Database(info.folder / "jobs.sqlite")
    try:
        return Clock(*json.loads(database.fact("clock") or "[]"))
    finally:
        database.close()


def install(info: PocketInfo, clock: Clock) -> str:
    """Puts a `date` that tells the cluster's time, and the stand-in for the trainer's Python, where logins find them.

    Returns: path of the stand-in, for the cluster's `python`.
    """
    shift = f"{int(clock.cluster0)} + {clock.factor:.0f} * ($(/bin/date +%s) - {int(clock.real0)})"
    _program(info.folder / "bin" / "date", f"echo $(({shift}))")
    stand_in = Path(__file__).with_name("stand_in.py")
    command = [sys.executable, str(stand_in), repr(clock.real0), repr(clock.cluster0), repr(clock.factor)]
    return _program(info.folder / "stand-in", f'exec {shlex.join(command)} "$@"')


def _program(path: Path, line: str) -> str:
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def through(endpoint: Endpoint, port: int, known_hosts: Path) -> Endpoint:
    """`endpoint` as it is reached through a line that listens on `port`; writes the host's key under that port."""
    key = Path(endpoint.known_hosts or "").read_text(encoding="utf-8").split()
    known_hosts.write_text(f"[127.0.0.1]:{port} {key[1]} {key[2]}\n", encoding="utf-8")
    return dataclasses.replace(endpoint, port=port, known_hosts=str(known_hosts))
