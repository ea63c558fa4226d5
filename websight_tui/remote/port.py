"""The Transport protocol: everything the app may ask of a cluster.

All calls block and are made from worker threads; none of them may be made from the UI's event loop. A transport is
used by one thread at a time for `connect` and `close`; `exec`, `read` and the transfers may run side by side
(implementations keep to three channels). Paths are absolute POSIX paths on the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from websight_tui.remote.steps import Tell, to_nobody

Progress = Callable[[int, int], None]
"""Called during a transfer with (bytes done, bytes in all)."""
Hear = Callable[[str], None]
"""Called with each whole line that a command writes to its standard output, as it comes; returns quickly."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question of a login dialogue, exactly as the server asked it.

    Args:
        text: the server's words ("Verification code: "); remote text, show it without markup.
        echo: whether what is typed may be shown.
    """

    text: str
    echo: bool = False


@dataclass(frozen=True, slots=True)
class HostKey:
    """An unknown host key that a person must accept or refuse.

    Args:
        host: name (and port, as known_hosts writes it) that was connected to.
        kind: key type, e.g. "ssh-ed25519".
        fingerprint: "SHA256:…" as `ssh-keygen -lf` prints it.
    """

    host: str
    kind: str
    fingerprint: str


class Prompter(Protocol):
    """How a transport asks the person. Called from the connecting thread; blocks until answered."""

    def ask(self, title: str, instructions: str, prompts: Sequence[Prompt]) -> list[str] | None:
        """Answers in the order of `prompts`, or None if the person gave up."""
        ...

    def accept_host_key(self, key: HostKey) -> bool:
        """True if the person has compared the fingerprint and wants it remembered."""
        ...


class Unattended:
    """A Prompter for when nobody is there: every question is refused, so nothing can hang or lock an account."""

    def ask(self, title: str, instructions: str, prompts: Sequence[Prompt]) -> list[str] | None:  # noqa: ARG002
        return None

    def accept_host_key(self, key: HostKey) -> bool:  # noqa: ARG002
        return False


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a remote command left behind.

    Args:
        exit: exit status (128 + N after signal N).
        stdout, stderr: decoded as UTF-8, undecodable bytes replaced. Noise that a login shell printed around the
            command is already cut off.
    """

    exit: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class FileChunk:
    """Part of a remote file.

    Args:
        data: up to `limit` bytes from `offset`; empty at the end of the file.
        size: bytes in the whole file when it was read.
        identity: changes when the path names another file than before (rotation, requeue). Opaque; "" if the
            transport cannot tell.
    """

    data: bytes
    size: int
    identity: str


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A wish for `limit` bytes of `path` from `offset` (a negative offset counts from the end of the file)."""

    path: str
    offset: int
    limit: int


@runtime_checkable
class Transport(Protocol):
    """A way to one cluster."""

    @property
    def address(self) -> str:
        """For people: "alice@login.cluster.edu", "this machine"."""
        ...

    @property
    def connected(self) -> bool: ...

    @property
    def may_prompt(self) -> bool:
        """Whether connecting again could ask a person something. If so, nothing reconnects by itself."""
        ...

    def connect(self, prompts: Prompter, tell: Tell = to_nobody) -> None:
        """Logs in.

        Args:
            tell: told each step of it as it begins.

        Raises: ConnectError, AuthError, HostKeyError.
        """
        ...

    def exec(self, command: str, *, timeout: float, stdin: bytes | None = None, hear: Hear | None = None) -> ExecResult:
        """Runs `command` in a POSIX shell with the user's PATH.

        Args:
            command: built with `shlex.join`/`shlex.quote`; never put together from remote or user text by hand.
            timeout: seconds for the whole command.
            stdin: bytes for its standard input (closed at once if None).
            hear: told each line of its output while it runs; all of it is in the result as well.

        Raises: RemoteTimeout, ConnectionLost. A non-zero exit is no error here.
        """
        ...

    def read(self, path: str, offset: int, limit: int) -> FileChunk | None:
        """One chunk of one file; None if there is no such file. Raises RemoteFileError, ConnectionLost."""
        ...

    def read_many(self, requests: Sequence[ReadRequest]) -> list[FileChunk | None]:
        """Several chunks with as few round trips as the transport can make, in the order asked."""
        ...

    def upload(self, source: Path | bytes, path: str, *, mode: int = 0o644, progress: Progress | None = None) -> None:
        """Writes a file under a temporary name beside `path`, then renames it. Makes missing folders, mode 0700.

        Raises: RemoteFileError (disk full, quota, permission: nothing is left behind), ConnectionLost.
        """
        ...

    def download(self, path: str, target: Path, *, progress: Progress | None = None) -> None:
        """Fetches a file to `target`, going on from `target` + ".part" if an earlier try broke off."""
        ...

    def close(self) -> None:
        """Ends the connection; safe to call twice and from any thread. Takes no time."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a cluster is, for `remote.opening.open_transport`.

    Args:
        host: an alias of ~/.ssh/config or a host name; "" for this machine.
        transport: auto (paramiko, else the OpenSSH client) · paramiko · openssh · local.
        port, user, identity_file, known_hosts: override what the SSH configuration says; None leaves it alone.
        use_ssh_config: False for the pocket cluster, whose endpoint is complete in itself.
    """

    host: str = ""
    transport: str = "auto"
    port: int | None = None
    user: str | None = None
    identity_file: str | None = None
    known_hosts: str | None = None
    use_ssh_config: bool = True
