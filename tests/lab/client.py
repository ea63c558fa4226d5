"""The lab as tests see it: where things are, and how to log in."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from websight_tui.remote.port import HostKey, Prompt


@dataclass(frozen=True)
class Lab:
    """What `lab.sh env` says."""

    facts: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.facts[name]
        except KeyError:
            raise AttributeError(name) from None

    def run(self, *words: str) -> None:
        """A command of lab.sh: freeze, thaw, kill-node …"""
        subprocess.run([self.facts["script"], *words], check=True, timeout=60, capture_output=True)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """The controller hangs. Waits for tests that need it, and they wait until it goes on (see `awake`)."""
        with self._turn(fcntl.LOCK_EX):
            self.run("freeze")
            try:
                yield
            finally:
                self.run("thaw")

    def awake(self) -> AbstractContextManager[None]:
        """Nobody lets the controller hang meanwhile."""
        return self._turn(fcntl.LOCK_SH)

    @contextmanager
    def _turn(self, kind: int) -> Iterator[None]:
        with Path(self.facts["folder"], "turn").open("w") as lock:
            fcntl.flock(lock, kind)
            yield

    def code(self) -> str:
        """The verification code of this half minute."""
        return totp(self.facts["otp_secret"], time.time())


def require_lab() -> Lab:
    """The running lab; skips the calling test, with the reason, where there is none."""
    folder = Path(os.environ.get("LAB", "/tmp/websight-lab"))
    try:
        lab = Lab(json.loads((folder / "lab.json").read_text()))
        with socket.create_connection(("127.0.0.1", lab.ports["login"]), timeout=2):
            return lab
    except (OSError, ValueError):
        pytest.skip("the Slurm lab is not up (make lab-up)")


def totp(secret: str, now: float) -> str:
    """RFC 6238 with SHA-1, 30 s and 6 digits."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(now) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


@dataclass
class LabPerson:
    """A Prompter who knows the lab's password and has its code generator at hand."""

    lab: Lab
    asked: list[str] = field(default_factory=list)
    keys: list[HostKey] = field(default_factory=list)

    def ask(self, title: str, instructions: str, prompts: Sequence[Prompt]) -> list[str] | None:
        answers = []
        for prompt in prompts:
            self.asked.append(prompt.text)
            words = prompt.text.lower()
            if "code" in words:
                answers.append(self.lab.code())
            elif "password" in words or "passphrase" in words:
                answers.append(self.lab.password)
            else:
                return None
        return answers

    def accept_host_key(self, key: HostKey) -> bool:
        self.keys.append(key)
        return True
