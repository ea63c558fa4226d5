"""SFTP version 3 over any byte stream, with many requests in one round trip.

Written here because both ways to a cluster (a paramiko channel, the pipes of `ssh -s HOST sftp`) need the same thing:
requests that are sent together and answered together. Format: draft-ietf-secsh-filexfer-02 and OpenSSH's PROTOCOL file.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol

from websight_tui.errors import ConnectionLost, RemoteFileError, RemoteTimeout

BLOCK: Final = 32 * 1024
"""Bytes per read or write request: the size that every server must accept."""

IN_FLIGHT: Final = 64
"""Requests that are sent before answers are taken (2 MiB of blocks)."""

OPEN, CLOSE, READ, WRITE, FSTAT, FSETSTAT, REMOVE, MKDIR, STAT, RENAME = 3, 4, 5, 6, 8, 10, 13, 14, 17, 18
_INIT, _VERSION, _STATUS, _HANDLE, _DATA, _ATTRS, _EXTENDED = 1, 2, 101, 102, 103, 105, 200
_OK, _EOF, _NO_SUCH_FILE, _PERMISSION = 0, 1, 2, 3
_MAX_PACKET: Final = 4 * 1024 * 1024

FOR_READING: Final = 0x01
FOR_NEW: Final = 0x02 | 0x08 | 0x20  # write, create, and it must not exist


class ByteStream(Protocol):
    """What SFTP runs over. `recv` returns b"" at the end; both raise TimeoutError after `seconds`, OSError."""

    def send(self, data: bytes, seconds: float) -> None: ...

    def recv(self, limit: int, seconds: float) -> bytes: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Args:
        code: 0 ok, 1 end of file, 2 no such file, 3 permission denied, other: failed.
        text: the server's words for a failure.
        data: a handle or file content.
        size: of a stat, bytes; -1 if not told.
        is_dir: of a stat.
    """

    code: int = _OK
    text: str = ""
    data: bytes = b""
    size: int = -1
    is_dir: bool = False

    @property
    def ok(self) -> bool:
        return self.code == _OK

    @property
    def missing(self) -> bool:
        return self.code == _NO_SUCH_FILE


class Sftp:
    """A session. Calls from several threads take turns; a session that broke or timed out stays closed.

    Args:
        stream: connected to the server's sftp subsystem.
        seconds: limit for each batch.
        who: the cluster, for messages.

    Raises: ConnectionLost, RemoteTimeout, RemoteFileError (no SFTP there).
    """

    def __init__(self, stream: ByteStream, seconds: float, who: str) -> None:
        self._stream, self._seconds, self._who = stream, seconds, who
        self._lock = threading.Lock()
        self._buffer = bytearray()
        self._next_id = 0
        self.closed = False
        self._send(struct.pack(">IBI", 5, _INIT, 3))
        kind, body = self._packet()
        if kind != _VERSION:
            self.close()
            raise RemoteFileError(f"{who} offers no SFTP", "Ask the administrators for the sftp subsystem of sshd.")
        self.posix_rename = b"posix-rename@openssh.com" in body

    def close(self) -> None:
        self.closed = True
        self._stream.close()

    def batch(
        self, requests: Sequence[tuple[int, bytes]], answered: Callable[[int, Reply], None] | None = None
    ) -> list[Reply]:
        """Sends all requests, then collects all answers, in the order of the requests.

        Args:
            answered: told each answer with the place of its request; what it raises ends the batch, not the session.
        """
        if not requests:
            return []
        with self._lock:
            if self.closed:
                raise ConnectionLost(f"The file connection to {self._who} is closed")
            first = self._next_id
            self._next_id = (first + len(requests)) % 0x7FFFFFFF
            waiting = {(first + i) % 0x7FFFFFFF: i for i in range(len(requests))}
            packets = [
                struct.pack(">IBI", len(body) + 5, kind, number) + body
                for (kind, body), number in zip(requests, waiting, strict=True)
            ]
            replies: list[Reply] = [Reply()] * len(requests)
            while waiting:
                # Sent in portions: a server whose answers nobody takes stops reading, and both would wait for ever.
                if packets and len(waiting) - len(packets) <= IN_FLIGHT // 2:
                    self._send(b"".join(packets[:IN_FLIGHT]))
                    del packets[:IN_FLIGHT]
                kind, body = self._packet()
                try:
                    index = waiting.pop(struct.unpack_from(">I", body)[0], None)
                    if index is None:  # of a batch that ended early
                        continue
                    replies[index] = _reply(kind, body[4:])
                except struct.error:
                    self._broke("sent a damaged answer")
                if answered is not None:
                    answered(index, replies[index])
            return replies

    def rename(self, old: str, new: str) -> Reply:
        """Renames over an existing file: in one step where the server can."""
        names = text(old) + text(new)
        if self.posix_rename:
            return self.batch([(_EXTENDED, text("posix-rename@openssh.com") + names)])[0]
        self.batch([(REMOVE, text(new))])
        return self.batch([(RENAME, names)])[0]

    def _send(self, data: bytes) -> None:
        try:
            self._stream.send(data, self._seconds)
        except TimeoutError:
            self._timed_out()
        except OSError:
            self._broke("broke")

    def _packet(self) -> tuple[int, bytes]:
        size = struct.unpack(">I", self._take(4))[0]
        if not 1 <= size <= _MAX_PACKET:
            # Text of a noisy start-up file in front of the protocol: its first letters read as a huge length.
            self.close()
            raise RemoteFileError(
                f"The file service of {self._who} does not speak SFTP",
                "A start-up file there (~/.bashrc) prints in shells that are not interactive: make it silent in those.",
            )
        body = self._take(size)
        return body[0], body[1:]

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            try:
                more = self._stream.recv(256 * 1024, self._seconds)
            except TimeoutError:
                self._timed_out()
            except OSError:
                more = b""
            if not more:
                self._broke("broke")
            self._buffer += more
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _broke(self, how: str) -> NoReturn:
        self.close()
        raise ConnectionLost(f"The file connection to {self._who} {how}")

    def _timed_out(self) -> NoReturn:
        self.close()
        raise RemoteTimeout(f"{self._who} did not answer a file request within {self._seconds:.0f} s")


def text(value: str | bytes) -> bytes:
    """A string as SFTP writes it: length, then bytes."""
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return struct.pack(">I", len(data)) + data


def open_request(path: str, flags: int, mode: int | None = None) -> tuple[int, bytes]:
    attributes = struct.pack(">I", 0) if mode is None else struct.pack(">II", 4, mode)
    return OPEN, text(path) + struct.pack(">I", flags) + attributes


def read_request(handle: bytes, offset: int, limit: int) -> tuple[int, bytes]:
    return READ, text(handle) + struct.pack(">QI", offset, limit)


def write_request(handle: bytes, offset: int, data: bytes) -> tuple[int, bytes]:
    return WRITE, text(handle) + struct.pack(">Q", offset) + text(data)


def mkdir_request(path: str) -> tuple[int, bytes]:
    """A folder for its owner alone."""
    return MKDIR, text(path) + struct.pack(">II", 4, 0o700)


def mode_request(handle: bytes, mode: int) -> tuple[int, bytes]:
    return FSETSTAT, text(handle) + struct.pack(">II", 4, mode)


def _reply(kind: int, body: bytes) -> Reply:
    if kind == _STATUS:
        code = struct.unpack_from(">I", body)[0]
        words = _string(body[4:]).decode("utf-8", "replace") if len(body) >= 8 else ""
        return Reply(code, words)
    if kind in (_HANDLE, _DATA):
        return Reply(data=_string(body))
    if kind == _ATTRS:
        flags = struct.unpack_from(">I", body)[0]
        size, at = (struct.unpack_from(">Q", body, 4)[0], 12) if flags & 1 else (-1, 4)
        at += 8 if flags & 2 else 0
        mode = struct.unpack_from(">I", body, at)[0] if flags & 4 else 0
        return Reply(size=size, is_dir=mode & 0o170000 == 0o040000)
    return Reply(4, "unexpected answer")


def _string(body: bytes) -> bytes:
    size = struct.unpack_from(">I", body)[0]
    return body[4 : 4 + size]
