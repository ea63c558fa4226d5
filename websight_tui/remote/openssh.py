"""The other SSH transport: commands through the OpenSSH client and one shared connection of it (ControlMaster).

For what paramiko cannot do: Kerberos, hardware keys, host certificates, old algorithms; and for people who have a
master connection open already, which is then used as it is.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import selectors
import shutil
import subprocess
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import Final

from websight_tui.errors import ConnectError, ConnectionLost, RemoteTimeout
from websight_tui.remote.file_methods import FileMethods
from websight_tui.remote.forward import Stream
from websight_tui.remote.framing import Framed, Shell, find_shell, frame, wished_shell
from websight_tui.remote.openssh_command import client_words, options
from websight_tui.remote.openssh_forward import PipedStream
from websight_tui.remote.openssh_login import Questions, failure
from websight_tui.remote.openssh_steps import Login, complaints
from websight_tui.remote.port import Endpoint, ExecResult, Hear, Prompter, Unattended
from websight_tui.remote.process import converse, end_session
from websight_tui.remote.sftp import Sftp
from websight_tui.remote.ssh_config import check_host, parse_options
from websight_tui.remote.steps import Stage, Step, Tell, to_nobody

MAX_CHANNELS: Final = 3
FILE_TIMEOUT_S: Final = 30.0
LOGIN_S: Final = 300.0
"""Seconds for a login in which a person answers."""
PROBE_S: Final = 30.0
_LONGEST_FOLDER: Final = 40
_MOST_LINES: Final = 500
_LONGEST_LINE: Final = 4096
_LOST: Final = 255
"""ssh's own exit status, as opposed to the command's."""


class OpenSshTransport(FileMethods):
    """A cluster through the `ssh` command.

    Args:
        endpoint: where it is.
        login_shell: True runs commands through a login shell, False never does, None finds out after the login.
    """

    def __init__(self, endpoint: Endpoint, *, login_shell: bool | None = None) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._wished = wished_shell(login_shell)
        self._shell: Shell = "plain"
        self._may_prompt = True
        self._address = f"{endpoint.user}@{endpoint.host}" if endpoint.user else endpoint.host
        self._folder: Path | None = None
        self._master: subprocess.Popen[bytes] | None = None
        self._socket: Path | None = None
        self._slots = threading.BoundedSemaphore(MAX_CHANNELS - 1)

    @property
    def address(self) -> str:
        return self._address

    @property
    def connected(self) -> bool:
        if self._socket is None or (self._master is not None and self._master.poll() is not None):
            return False
        return self._socket.exists()

    @property
    def may_prompt(self) -> bool:
        return self._may_prompt

    def connect(self, prompts: Prompter, tell: Tell = to_nobody) -> None:
        if self.connected:
            return
        self.close()
        check_host(self._endpoint.host)
        tell(Step(Stage.CONFIG))
        resolved = self._resolved()
        user, host = (
            next(iter(resolved.get("user", ())), getpass.getuser()),
            next(iter(resolved.get("hostname", ())), ""),
        )
        self._address = f"{user}@{host}"
        self._may_prompt = True
        theirs = next(iter(resolved.get("controlpath", ())), "none")
        jumps = [jump for jump in next(iter(resolved.get("proxyjump", ())), "none").split(",") if jump != "none"]
        hops = len(jumps) + 1
        if theirs != "none" and self._answers(Path(theirs)):
            self._socket = Path(theirs)  # the user's own connection: used, never ended
        else:
            self._log_in(prompts, Login(host, hops), tell)
        if self._wished is None:
            tell(Step(Stage.SHELL, hop=hops, hops=hops))
        try:
            self._shell = self._wished or find_shell(lambda command, shell: self._run(frame(command, shell), PROBE_S))
        except ConnectionLost as exc:
            self.close()
            raise ConnectError(exc.message, exc.hint) from exc
        except BaseException:
            self.close()
            raise

    def exec(self, command: str, *, timeout: float, stdin: bytes | None = None, hear: Hear | None = None) -> ExecResult:
        return self._run(frame(command, self._shell), timeout, stdin, hear)

    def open_tcp(self, host: str, port: int) -> Stream:
        return PipedStream(self._through_master("-W", f"[{host}]:{port}"))

    def close(self) -> None:
        self._close_files()
        master, folder = self._master, self._folder
        self._master = self._folder = self._socket = None
        if master is not None:
            master.terminate()
            threading.Thread(target=_bury, args=(master, folder), name="ssh-close", daemon=True).start()
        elif folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _log_in(self, prompts: Prompter, login: Login, tell: Tell) -> None:
        folder = self._folder = Path(tempfile.mkdtemp(prefix="wst-", dir=_short_folder()))
        # The client adds 17 characters while it makes the socket, and the system allows about 104.
        path = folder / "m"
        with contextlib.ExitStack() as stack:
            attended = not isinstance(prompts, Unattended)
            questions = stack.enter_context(Questions(folder, prompts, self._address)) if attended else None
            master = subprocess.Popen(
                [
                    *self._ssh("-v", "-M", "-N", "-S", str(path)),
                    *options(ControlPersist="no", BatchMode="no" if attended else "yes"),
                    "--",
                    self._endpoint.host,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env={**os.environ, **(questions.environment if questions else {})},
            )
            self._master = master
            ear = _Ear(master, login, tell)
            deadline = time.monotonic() + (LOGIN_S if attended else 60.0)
            while not path.exists() and time.monotonic() < deadline and self._master is master:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    master.wait(0.03)
                    break
            if not path.exists():
                end_session(master)
                master.wait(5)
                self.close()
                raise failure(ear.complaints(), self._address, self._endpoint.host, questions)
            ear.over, self._socket = True, path
            self._may_prompt = questions is not None and questions.asked

    def _run(self, framed: Framed, timeout: float, stdin: bytes | None = None, hear: Hear | None = None) -> ExecResult:
        if not self._slots.acquire(timeout=timeout):
            raise RemoteTimeout(f"{self._address} is busy with earlier commands")
        try:
            argv = [*self._through_master(), framed.line]
            stdout, stderr, status = converse(argv, framed, timeout, stdin, hear=hear)
        except TimeoutError:
            if not self.connected:
                raise self._lost() from None
            raise RemoteTimeout(
                f"{self._address} did not finish a command within {timeout:.0f} s", "The site may be slow; try again."
            ) from None
        finally:
            self._slots.release()
        if status == _LOST and framed.end + b":" not in stdout:
            raise self._lost(stderr.decode("utf-8", "replace"))
        return framed.cut(stdout, stderr, status)

    def _open_files(self) -> Sftp:
        process = subprocess.Popen(
            [*self._through_master("-s"), "sftp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return Sftp(_PipeStream(process), FILE_TIMEOUT_S, self._address)

    def _through_master(self, *extra: str) -> list[str]:
        if not self.connected:
            raise self._lost()
        # Without the socket, ssh would log in anew for each command: the proxy that fails keeps it from that.
        only = options(ControlMaster="no", BatchMode="yes", ProxyCommand="false")
        return [*self._ssh("-T", *extra, "-S", str(self._socket)), *only, "--", self._endpoint.host]

    def _answers(self, path: Path) -> bool:
        if not path.exists():
            return False
        done = subprocess.run(
            [*self._ssh("-O", "check", "-S", str(path)), "--", self._endpoint.host],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=10,
            check=False,
        )
        return done.returncode == 0

    def _resolved(self) -> dict[str, list[str]]:
        try:
            done = subprocess.run(
                [*self._ssh("-G"), "--", self._endpoint.host],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=10,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise ConnectError(f"The ssh command does not answer: {exc}", "Is OpenSSH installed?") from exc
        if done.returncode:
            raise failure(done.stderr.decode("utf-8", "replace"), self._address, self._endpoint.host, None)
        return parse_options(done.stdout.decode("utf-8", "replace"))

    def _ssh(self, *words: str) -> list[str]:
        return [*client_words(self._endpoint, *words), *options(RequestTTY="no")]

    def _lost(self, words: str = "") -> ConnectionLost:
        if self._socket is None:
            return ConnectionLost(f"Not connected to {self._address}", "Connect first.")
        last = next((line for line in reversed(words.splitlines()) if line.strip()), "")
        return ConnectionLost(
            f"The connection to {self._address} broke{f': {last.strip()}' if last else ''}",
            "Jobs on the cluster go on without it.",
        )


class _Ear:
    """Listens to what a client says while it logs in, and lets it talk afterwards: a full pipe would hold it up.

    Args:
        client: whose stderr is a pipe, and who tells its steps.

    Attributes:
        over: set once it is in: the keys that it exchanges anew every hour are no step of a login.
    """

    over = False

    def __init__(self, client: subprocess.Popen[bytes], login: Login, tell: Tell) -> None:
        self._client, self._login, self._tell = client, login, tell
        self._said: deque[str] = deque(maxlen=_MOST_LINES)
        self._thread = threading.Thread(target=self._listen, name="ssh-says", daemon=True)
        self._thread.start()

    def complaints(self) -> str:
        """What it has said, once it has ended, without its steps."""
        self._thread.join(1.0)
        return complaints("\n".join(self._said))

    def _listen(self) -> None:
        assert self._client.stderr is not None
        with self._client.stderr as stream:
            for raw in iter(lambda: stream.readline(_LONGEST_LINE), b""):
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                self._said.append(line)
                if not self.over and (step := self._login.take(line)) is not None:
                    self._tell(step)


class _PipeStream:
    """A process's pipes as the byte stream that SFTP wants."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._in, self._out = process, process.stdin, process.stdout
        os.set_blocking(self._in.fileno(), False)

    def send(self, data: bytes, seconds: float) -> None:
        view = memoryview(data)
        while view:
            _wait(self._in.fileno(), selectors.EVENT_WRITE, seconds)
            with contextlib.suppress(BlockingIOError):
                view = view[os.write(self._in.fileno(), view) :]

    def recv(self, limit: int, seconds: float) -> bytes:
        _wait(self._out.fileno(), selectors.EVENT_READ, seconds)
        return os.read(self._out.fileno(), limit)

    def close(self) -> None:
        end_session(self._process)
        threading.Thread(target=self._process.wait, daemon=True).start()


def _wait(descriptor: int, event: int, seconds: float) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, event)
        if not selector.select(seconds):
            raise TimeoutError


def _short_folder() -> str:
    """Where the socket's path stays below what the system allows, however long TMPDIR is (macOS's always is)."""
    for folder in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir()):
        if folder and len(folder) < _LONGEST_FOLDER and Path(folder).is_dir():
            return folder
    return "/tmp"


def _bury(master: subprocess.Popen[bytes], folder: Path | None) -> None:
    try:
        master.wait(5)
    except subprocess.TimeoutExpired:
        end_session(master)
        master.wait()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
