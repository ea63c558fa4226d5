"""What making a connection goes through, in one vocabulary for every way to do it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Stage(IntEnum):
    """The stages of one connection, in their order; those from REACH to LOGIN come once for each host on the way."""

    CONFIG = 0
    NAME = 1
    REACH = 2
    KEYS = 3
    HOST_KEY = 4
    LOGIN = 5
    SHELL = 6
    HOME = 7


_WORDS: Final = {
    Stage.CONFIG: "reading the SSH configuration",
    Stage.NAME: "looking up {host}",
    Stage.REACH: "reaching {host}",
    Stage.KEYS: "exchanging keys with {host}",
    Stage.HOST_KEY: "checking the host key of {host}",
    Stage.LOGIN: "logging in to {host}",
    Stage.SHELL: "looking for a shell that knows Slurm",
    Stage.HOME: "looking at the home folder",
}
_METHODS: Final = {
    "publickey": "with a key",
    "keyboard-interactive": "by its questions",
    "password": "with a password",
    "gssapi-with-mic": "with a Kerberos ticket",
    "gssapi-keyex": "with a Kerberos ticket",
    "hostbased": "as this host",
}
_EACH: Final = Stage.LOGIN - Stage.REACH + 1
"""Stages that each host takes."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Args:
        host: whom it is about; "" where that is said already.
        hop, hops: which of how many hosts on the way, the cluster itself last; those before it are jump hosts.
        method: of a login, as SSH names it ("publickey"); "" while none is tried yet.
    """

    stage: Stage
    host: str = ""
    hop: int = 1
    hops: int = 1
    method: str = ""

    @property
    def words(self) -> str:
        """ "jump host 1 of 2: logging in to gate.example.edu with a key"."""
        said = _WORDS[self.stage].format(host=self.host or "the server")
        how = _METHODS.get(self.method, "")
        jump = f"jump host {self.hop} of {self.hops - 1}: " if self.hop < self.hops else ""
        return f"{jump}{said} {how}".rstrip()

    @property
    def far(self) -> tuple[int, int]:
        """How many stages are over, and how many there are in all."""
        total = len(Stage) + _EACH * (self.hops - 1)
        if self.stage < Stage.REACH:
            return int(self.stage), total
        before = self.hops if self.stage > Stage.LOGIN else self.hop
        return int(self.stage) + _EACH * (before - 1), total


Tell = Callable[[Step], None]
"""Takes each step as it begins, in the thread that connects."""


def to_nobody(_: Step) -> None:
    """A Tell for when nobody listens."""
