"""The SSH transport: commands and files over one connection of paramiko's."""

from __future__ import annotations

import contextlib
import selectors
import threading
import time
from collections.abc import Sequence
from typing import Final

import paramiko

from websight_tui.errors import ConnectError, ConnectionLost, RemoteTimeout
from websight_tui.remote import ssh_forward
from websight_tui.remote.file_methods import FileMethods
from websight_tui.remote.forward import Stream
from websight_tui.remote.framing import Framed, Lines, Shell, find_shell, frame, wished_shell
from websight_tui.remote.port import Endpoint, ExecResult, Hear, Prompter
from websight_tui.remote.sftp import Sftp
from websight_tui.remote.ssh_auth import Questions, plain
from websight_tui.remote.ssh_config import route
from websight_tui.remote.ssh_keys import KeyRing
from websight_tui.remote.ssh_link import KEEPALIVE_S, log_in, watch_peer
from websight_tui.remote.steps import Stage, Step, Tell, to_nobody

MAX_CHANNELS: Final = 3
"""Servers allow ten sessions on a connection by default; one of ours is the file session."""
FILE_TIMEOUT_S: Final = 30.0
"""Seconds for a round trip of the file session: a busy parallel file system may take many."""
LOGIN_SHELL_TIMEOUT_S: Final = 30.0
_BROKEN: Final = (paramiko.SSHException, EOFError, OSError)


class SshTransport(FileMethods):
    """A cluster behind SSH.

    Args:
        endpoint: where it is.
        login_shell: True runs commands through a login shell, False never does, None finds out after the login.
        keepalive_s: seconds between keepalives, and how long an answer may take before the line counts as broken.
    """

    def __init__(
        self, endpoint: Endpoint, *, login_shell: bool | None = None, keepalive_s: float = KEEPALIVE_S
    ) -> None:
        super().__init__()
        self._endpoint, self._keepalive_s = endpoint, keepalive_s
        self._wished = wished_shell(login_shell)
        self._shell: Shell = "plain"
        self._address = f"{endpoint.user}@{endpoint.host}" if endpoint.user else endpoint.host
        self._may_prompt = True
        self._ring = KeyRing()
        self._transport: paramiko.Transport | None = None
        self._all: list[paramiko.Transport] = []
        self._ended = threading.Event()
        self._slots = threading.BoundedSemaphore(MAX_CHANNELS - 1)

    @property
    def address(self) -> str:
        return self._address

    @property
    def connected(self) -> bool:
        return self._transport is not None and self._transport.is_active()

    @property
    def may_prompt(self) -> bool:
        return self._may_prompt

    def connect(self, prompts: Prompter, tell: Tell = to_nobody) -> None:
        if self.connected:
            return
        self.close()
        self._ended = ended = threading.Event()
        tell(Step(Stage.CONFIG))
        hops = route(self._endpoint)
        self._address = hops[-1].address
        questions = Questions(prompts)
        self._may_prompt = True

        def opened(transport: paramiko.Transport) -> None:
            self._all.append(transport)
            if ended.is_set():
                transport.close()

        try:
            transport = log_in(hops, questions, self._ring, opened, tell)
            if ended.is_set():
                raise ConnectError(f"The connection to {self._address} was closed while it was made")
            self._transport = transport
            if self._wished is None:
                tell(Step(Stage.SHELL, hop=len(hops), hops=len(hops)))
            self._shell = self._wished or find_shell(self._probe)
        except ConnectionLost as exc:
            self.close()
            raise ConnectError(exc.message, exc.hint) from exc
        except BaseException:
            self.close()
            raise
        self._may_prompt = questions.asked
        threading.Thread(
            target=watch_peer, args=(transport, self._keepalive_s, ended), name="ssh-keepalive", daemon=True
        ).start()

    def exec(self, command: str, *, timeout: float, stdin: bytes | None = None, hear: Hear | None = None) -> ExecResult:
        return self._run(frame(command, self._shell), timeout, stdin, hear)

    def open_tcp(self, host: str, port: int) -> Stream:
        if self._transport is None:
            raise self._lost()
        try:
            return ssh_forward.open_tcp(self._transport, host, port, self._address)
        except _BROKEN as exc:
            raise self._lost() from exc

    def close(self) -> None:
        self._ended.set()
        self._transport = None
        self._files = None
        transports, self._all = self._all, []
        if transports:
            # Closing waits for the library's threads: that is not the caller's time.
            threading.Thread(target=_close_all, args=(transports[::-1],), name="ssh-close", daemon=True).start()

    def _probe(self, command: str, shell: Shell) -> ExecResult:
        return self._run(frame(command, shell), LOGIN_SHELL_TIMEOUT_S, None)

    def _run(self, framed: Framed, timeout: float, stdin: bytes | None, hear: Hear | None = None) -> ExecResult:
        deadline = time.monotonic() + timeout
        if not self._slots.acquire(timeout=timeout):
            raise RemoteTimeout(f"{self._address} is busy with earlier commands")
        try:
            channel = self._open(deadline)
            try:
                return _converse(channel, framed, deadline, stdin, hear)
            finally:
                channel.close()
        except TimeoutError:
            if not self.connected:
                raise self._lost() from None
            raise RemoteTimeout(
                f"{self._address} did not finish a command within {timeout:.0f} s", "The site may be slow; try again."
            ) from None
        except _BROKEN as exc:
            raise self._lost() from exc
        finally:
            self._slots.release()

    def _open(self, deadline: float) -> paramiko.Channel:
        transport = self._transport
        if transport is None:
            raise self._lost()
        left = deadline - time.monotonic()
        try:
            channel = transport.open_session(timeout=max(0.1, left))
        except paramiko.ChannelException as exc:
            raise ConnectionLost(
                f"{self._address} refuses another session: {plain(str(exc))}", "Close other connections to it."
            ) from exc
        except paramiko.SSHException:
            if transport.is_active() and time.monotonic() >= deadline - 0.1:
                raise TimeoutError from None
            raise
        return channel

    def _open_files(self) -> Sftp:
        try:
            channel = self._open(time.monotonic() + FILE_TIMEOUT_S)
            channel.settimeout(FILE_TIMEOUT_S)
            channel.invoke_subsystem("sftp")
        except TimeoutError:
            raise RemoteTimeout(f"{self._address} did not start its file service") from None
        except _BROKEN as exc:
            raise self._lost() from exc
        return Sftp(_ChannelStream(channel), FILE_TIMEOUT_S, self._address)

    def _lost(self) -> ConnectionLost:
        if self._transport is None:
            return ConnectionLost(f"Not connected to {self._address}", "Connect first.")
        return ConnectionLost(f"The connection to {self._address} broke", "Jobs on the cluster go on without it.")


class _ChannelStream:
    """A channel as the byte stream that SFTP wants: a line that breaks in the middle of a packet is an OSError, too."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def send(self, data: bytes, seconds: float) -> None:
        self._channel.settimeout(seconds)
        try:
            self._channel.sendall(data)
        except (paramiko.SSHException, EOFError) as exc:
            raise OSError("the line broke") from exc

    def recv(self, limit: int, seconds: float) -> bytes:
        self._channel.settimeout(seconds)
        try:
            return self._channel.recv(limit)
        except (paramiko.SSHException, EOFError) as exc:
            raise OSError("the line broke") from exc

    def close(self) -> None:
        with contextlib.suppress(*_BROKEN):
            self._channel.close()


def _converse(
    channel: paramiko.Channel, framed: Framed, deadline: float, stdin: bytes | None, hear: Hear | None
) -> ExecResult:
    """Runs one command on an open channel. Raises TimeoutError, EOFError (the line broke before its end)."""
    channel.settimeout(max(0.01, deadline - time.monotonic()))
    channel.exec_command(framed.line)
    if stdin:
        channel.sendall(stdin)
    channel.shutdown_write()
    stdout, stderr = bytearray(), bytearray()
    lines = Lines(framed, hear) if hear is not None else None
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        while not (channel.eof_received or channel.closed) or channel.recv_ready() or channel.recv_stderr_ready():
            if framed.finished(stdout, stderr):
                break
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise TimeoutError
            if channel.recv_ready():
                stdout += channel.recv(1 << 20)
                if lines is not None:
                    lines.look(stdout)
            if channel.recv_stderr_ready():
                stderr += channel.recv_stderr(1 << 20)
    if framed.end + b":" in stdout:
        return framed.cut(bytes(stdout), bytes(stderr), 0)
    if not channel.status_event.wait(max(0.0, min(5.0, deadline - time.monotonic()))) or channel.exit_status < 0:
        raise EOFError
    return framed.cut(bytes(stdout), bytes(stderr), channel.exit_status)


def _close_all(transports: Sequence[paramiko.Transport]) -> None:
    for transport in transports:
        with contextlib.suppress(*_BROKEN):
            transport.close()
