"""Requests to save and stop: noted when they arrive, acted upon at the end of a step.

USR1 is Slurm's warning before the limit, TERM comes with scancel and preemption, USR2 is what our launcher sends when
the limit is near and Slurm has said nothing. Installed before the heavy imports, whose minutes they must survive.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from dataclasses import dataclass
from types import FrameType
from typing import Final

REASONS: Final = {signal.SIGUSR1: "USR1", signal.SIGTERM: "TERM", signal.SIGUSR2: "deadline"}
"""What asks for a stop, most telling last: where several arrived, the later in this order is named."""


@dataclass(slots=True)
class StopRequest:
    """The first request of each kind since `install`: {signal: Unix time in seconds}."""

    seen: dict[signal.Signals, float]

    def __bool__(self) -> bool:
        return bool(self.seen)


request: Final = StopRequest({})
"""This process's own; the ranks agree on one in `callback`."""


def install() -> None:
    """Notes the signals of REASONS in `request` from now on (main thread only).

    A child that forks later (a data loader's worker, a pool that tokenizes) would inherit the handlers and could then
    not be terminated by its parent, so it gets the defaults back.
    """
    for number in REASONS:
        signal.signal(number, _note)
    os.register_at_fork(after_in_child=_in_child)


def ignore() -> None:
    """For a data loader's worker: scancel sends TERM to every process of a job at once, and a worker that dies of it
    takes the trainer with it before the checkpoint is written."""
    for number in REASONS:
        signal.signal(number, signal.SIG_IGN)


def die_with_parent() -> None:
    """Linux ends this process when its parent dies (prctl(2), PR_SET_PDEATHSIG); elsewhere nothing is done.

    torchrun gives each rank a session of its own: without this, ranks would train on, unseen, after the death of what
    started them, and keep the run's files locked.
    """
    if sys.platform == "linux":
        _LIBC.prctl(1, signal.SIGKILL, 0, 0, 0)


_LIBC: Final = ctypes.CDLL(None)  # loaded early: `die_with_parent` also runs between fork and exec


def _note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    request.seen.setdefault(signal.Signals(number), time.time())


def _in_child() -> None:
    for number in REASONS:
        signal.signal(number, signal.SIG_DFL)
