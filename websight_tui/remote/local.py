"""The transport of a login node without SSH: this machine, same protocol."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from websight_tui.errors import ConnectError, ConnectionLost, RemoteFileError, RemoteTimeout
from websight_tui.remote.forward import OPEN_S, Stream
from websight_tui.remote.framing import Framed, find_shell, frame, wished_shell
from websight_tui.remote.identity import HEAD_BYTES, identity_of
from websight_tui.remote.partial import finish_part, open_part
from websight_tui.remote.port import ExecResult, FileChunk, Hear, Progress, Prompter, ReadRequest
from websight_tui.remote.process import converse, end_session
from websight_tui.remote.steps import Stage, Step, Tell, to_nobody

_COPY = 1024 * 1024


class LocalTransport:
    """Runs commands as processes of this user and reads files directly.

    Args:
        login_shell: True runs commands through a login shell; None finds out at `connect`.
    """

    def __init__(self, *, login_shell: bool | None = None) -> None:
        self._shell = wished_shell(login_shell)
        self._connected = False
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        return "this machine"

    @property
    def connected(self) -> bool:
        return self._connected

    @property
    def may_prompt(self) -> bool:
        return False

    def connect(self, prompts: Prompter, tell: Tell = to_nobody) -> None:  # noqa: ARG002
        self._connected = True
        if self._shell is None:
            tell(Step(Stage.SHELL))
            self._shell = find_shell(lambda command, shell: self._run(frame(command, shell), 20.0, None))

    def exec(self, command: str, *, timeout: float, stdin: bytes | None = None, hear: Hear | None = None) -> ExecResult:
        self._check()
        return self._run(frame(command, self._shell or "plain"), timeout, stdin, hear)

    def _run(self, framed: Framed, timeout: float, stdin: bytes | None, hear: Hear | None = None) -> ExecResult:
        mine: list[subprocess.Popen[bytes]] = []

        def started(process: subprocess.Popen[bytes]) -> None:
            mine.append(process)
            with self._lock:
                self._running.add(process)

        try:
            argv = ["/bin/sh", "-c", framed.line]
            stdout, stderr, status = converse(argv, framed, timeout, stdin, started=started, hear=hear)
        except TimeoutError:
            raise RemoteTimeout(f"The command took longer than {timeout:.0f} s") from None
        finally:
            with self._lock:
                self._running.difference_update(mine)
        self._check()
        return framed.cut(stdout, stderr, status)

    def read(self, path: str, offset: int, limit: int) -> FileChunk | None:
        self._check()
        try:
            with _opened(path) as (handle, facts):
                if _endless(facts):
                    return None
                size = facts.st_size
                head = os.pread(handle, HEAD_BYTES, 0)
                start = max(0, offset if offset >= 0 else size + offset)
                data = os.pread(handle, limit, start)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as exc:
            raise _error("read", path, exc) from exc
        return FileChunk(data, max(size, start + len(data) if data else 0), identity_of(head))

    def read_many(self, requests: Sequence[ReadRequest]) -> list[FileChunk | None]:
        return [self.read(request.path, request.offset, request.limit) for request in requests]

    def upload(self, source: Path | bytes, path: str, *, mode: int = 0o644, progress: Progress | None = None) -> None:
        self._check()
        target = Path(path)
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
        try:
            with contextlib.ExitStack() as stack:
                data = stack.enter_context(source.open("rb") if isinstance(source, Path) else io.BytesIO(source))
                total = data.seek(0, io.SEEK_END)
                data.seek(0)
                _make_folders(target.parent)
                stack.callback(temporary.unlink, missing_ok=True)
                with temporary.open("xb") as stream:
                    while block := data.read(_COPY):
                        stream.write(block)
                        if progress:
                            progress(stream.tell(), total)
                temporary.chmod(mode)
                temporary.replace(target)
        except OSError as exc:
            raise _error("written", path, exc) from exc

    def download(self, path: str, target: Path, *, progress: Progress | None = None) -> None:
        self._check()
        try:
            with _opened(path) as (source, facts):
                if _endless(facts):
                    raise RemoteFileError(f"{path} is no ordinary file")
                size = facts.st_size

                def fetch(offset: int, limit: int) -> bytes:
                    return os.pread(source, limit, offset)

                with open_part(target, size, fetch) as part:
                    done = part.tell()
                    while done < size and (data := fetch(done, min(_COPY, size - done))):
                        part.write(data)
                        done += len(data)
                        if progress:
                            progress(done, size)
            finish_part(target, size)
        except OSError as exc:
            raise _error("read", path, exc) from exc

    def open_tcp(self, host: str, port: int) -> Stream:
        self._check()
        try:
            line = socket.create_connection((host, port), timeout=OPEN_S)
        except OSError as exc:
            raise ConnectError(f"{host} port {port}: {exc.strerror or exc}") from exc
        line.settimeout(None)
        return line

    def close(self) -> None:
        self._connected = False
        with self._lock:
            for process in self._running:
                end_session(process)

    def _check(self) -> None:
        if not self._connected:
            raise ConnectionLost("Not connected to this machine", "Connect first.")


def _make_folders(folder: Path) -> None:
    """Like `mkdir -p`, for this user alone; folders that are there keep their mode."""
    if not folder.is_dir():
        _make_folders(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[tuple[int, os.stat_result]]:
    """A file's descriptor for reading, and its facts. Opening a named pipe that nobody writes does not block."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield handle, os.fstat(handle)
    finally:
        os.close(handle)


def _endless(facts: os.stat_result) -> bool:
    """Whether it is a pipe, socket or device: reading could wait or go on for ever."""
    return not stat.S_ISREG(facts.st_mode) and not stat.S_ISDIR(facts.st_mode)


def _error(verb: str, path: str, exc: OSError) -> RemoteFileError:
    if isinstance(exc, FileNotFoundError):
        return RemoteFileError(f"{path} does not exist")
    return RemoteFileError(f"{path} cannot be {verb}: {exc.strerror}", "Check permissions, free space and quota.")
