"""transport = "auto": paramiko first, and the OpenSSH client where paramiko cannot log in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from websight_tui.errors import AuthError
from websight_tui.remote.forward import Stream, forwarding
from websight_tui.remote.port import ExecResult, FileChunk, Hear, Progress, Prompter, ReadRequest, Transport
from websight_tui.remote.steps import Tell, to_nobody


class NeedsOpenSsh(AuthError):
    """This login needs something that only the OpenSSH client has (Kerberos, hardware keys, old algorithms)."""


class AutoTransport:
    """The first transport, until a login shows that only the second can do it.

    Args:
        first: what is tried.
        second: makes the other one, or returns None where this machine has no OpenSSH client.
    """

    def __init__(self, first: Transport, second: Callable[[], Transport | None]) -> None:
        self._inner, self._second = first, second

    @property
    def address(self) -> str:
        return self._inner.address

    @property
    def connected(self) -> bool:
        return self._inner.connected

    @property
    def may_prompt(self) -> bool:
        return self._inner.may_prompt

    def connect(self, prompts: Prompter, tell: Tell = to_nobody) -> None:
        try:
            self._inner.connect(prompts, tell)
        except NeedsOpenSsh:
            other = self._second()
            if other is None:
                raise
            self._inner.close()
            self._inner = other
            other.connect(prompts, tell)

    def exec(self, command: str, *, timeout: float, stdin: bytes | None = None, hear: Hear | None = None) -> ExecResult:
        return self._inner.exec(command, timeout=timeout, stdin=stdin, hear=hear)

    def read(self, path: str, offset: int, limit: int) -> FileChunk | None:
        return self._inner.read(path, offset, limit)

    def read_many(self, requests: Sequence[ReadRequest]) -> list[FileChunk | None]:
        return self._inner.read_many(requests)

    def upload(self, source: Path | bytes, path: str, *, mode: int = 0o644, progress: Progress | None = None) -> None:
        self._inner.upload(source, path, mode=mode, progress=progress)

    def download(self, path: str, target: Path, *, progress: Progress | None = None) -> None:
        self._inner.download(path, target, progress=progress)

    def open_tcp(self, host: str, port: int) -> Stream:
        return forwarding(self._inner).open_tcp(host, port)

    def close(self) -> None:
        self._inner.close()
