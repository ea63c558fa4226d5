"""A small SSH server for the tests of the transports: real protocol, real shells, every kind of login."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from websight_tui.errors import ConnectionLost
from websight_tui.remote.port import Endpoint, HostKey, Prompt, Transport

USER = "alice"


@dataclass
class Person:
    """A Prompter that answers from a list and remembers what it was asked."""

    answers: list[list[str] | None] = field(default_factory=list)
    accepts: bool = True
    asked: list[tuple[str, str, tuple[Prompt, ...]]] = field(default_factory=list)
    keys: list[HostKey] = field(default_factory=list)

    def ask(self, title: str, instructions: str, prompts: Sequence[Prompt]) -> list[str] | None:
        self.asked.append((title, instructions, tuple(prompts)))
        if not prompts:
            return []
        return self.answers.pop(0) if self.answers else None

    def accept_host_key(self, key: HostKey) -> bool:
        self.keys.append(key)
        return self.accepts


class Rules(asyncssh.SSHServer):
    """What the server asks of a login.

    Args:
        factors: each a set of methods, one of which must succeed, in order.
        challenges: rounds of keyboard-interactive: (title, instructions, prompts, right answers).
    """

    def __init__(self, factors: Sequence[str], password: str, challenges: Sequence[Any], banner: str) -> None:
        self._left = list(factors)
        self._password, self._challenges = password, list(challenges)
        self._round, self._banner = 0, banner

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn

    def begin_auth(self, username: str) -> bool:
        if self._banner:
            self._conn.send_auth_banner(self._banner)
        return bool(self._left)

    def public_key_auth_supported(self) -> bool:
        return "publickey" in self._left

    def password_auth_supported(self) -> bool:
        return "password" in self._left

    def validate_password(self, username: str, password: str) -> bool:
        return password == self._password

    def kbdint_auth_supported(self) -> bool:
        return "keyboard-interactive" in self._left

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        self._round = 0
        title, instructions, prompts, _ = self._challenges[0]
        return title, instructions, "", prompts

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> Any:
        if list(responses) != self._challenges[self._round][3]:
            return False
        self._round += 1
        if self._round == len(self._challenges):
            return True
        title, instructions, prompts, _ = self._challenges[self._round]
        return title, instructions, "", prompts

    def connection_requested(self, *_: Any) -> bool:
        return True


async def _process(process: asyncssh.SSHServerProcess[bytes], shell_env: dict[str, str]) -> None:
    """Runs what was asked for in bash, as sshd would for this account."""
    child = await asyncio.create_subprocess_exec(
        "/bin/bash", "-c", process.command or "", stdin=-1, stdout=-1, stderr=-1, env=shell_env, start_new_session=True
    )

    async def give_input() -> None:
        with contextlib.suppress(ConnectionError, BrokenPipeError, asyncssh.Error):
            while data := await process.stdin.read(65536):
                child.stdin.write(data)
                await child.stdin.drain()
            child.stdin.close()

    async def take(source: asyncio.StreamReader, sink: asyncssh.SSHWriter[bytes]) -> None:
        with contextlib.suppress(ConnectionError, asyncssh.Error):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()

    feeding = asyncio.create_task(give_input())
    try:
        await asyncio.gather(take(child.stdout, process.stdout), take(child.stderr, process.stderr))
        process.exit(await child.wait())
    finally:
        feeding.cancel()
        child.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child._transport.close()  # else the garbage collector does it when the loop is long gone


class Server:
    """An SSH server on a free port of 127.0.0.1, in a thread with its own loop."""

    def __init__(self, folder: Path, **rules: Any) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key = folder / "id_ed25519"
        if not self.user_key.exists():
            key = asyncssh.generate_private_key("ssh-ed25519")
            key.write_private_key(str(self.user_key))
            key.write_public_key(str(self.user_key) + ".pub")
            self.user_key.chmod(0o600)
        self.authorized = folder / "authorized_keys"
        if not self.authorized.exists():
            self.authorized.write_bytes(Path(str(self.user_key) + ".pub").read_bytes())
        self.known_hosts = folder / "known_hosts"
        self.factors: Sequence[str] = rules.get("factors", ("publickey",))
        self.password: str = rules.get("password", "secret")
        self.banner: str = rules.get("banner", "")
        self.challenges: Sequence[Any] = rules.get("challenges", ())
        self.env = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "SHELL": "/bin/bash", **rules.get("env", {})}
        self.options: dict[str, Any] = rules.get("options", {})
        self.sftp: Any = rules.get("sftp", True)
        self.logins = 0
        self.connections: list[asyncssh.SSHServerConnection] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self.call(self._start)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def call(self, work: Callable[[], Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(20)

    def know(self) -> None:
        """Writes this server's key into its known_hosts."""
        key = self.host_key.export_public_key().decode().split()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {key[0]} {key[1]}\n")

    def endpoint(self, **changes: Any) -> Endpoint:
        values = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": USER,
            "identity_file": str(self.user_key),
            "known_hosts": str(self.known_hosts),
            "use_ssh_config": False,
            "transport": "paramiko",
            **changes,
        }
        return Endpoint(**values)

    def drop(self) -> None:
        """Breaks all connections, as a dead line does."""

        async def cut() -> None:
            for connection in self.connections:
                connection.abort()
            self.connections.clear()

        self.call(cut)

    def stop(self) -> None:
        async def end() -> None:
            self._server.close()
            for connection in self.connections:
                connection.abort()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=2)

        self.call(end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _start(self) -> Any:
        server = self

        class Here(Rules):
            def __init__(self) -> None:
                super().__init__(server.factors, server.password, server.challenges, server.banner)

            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                super().connection_made(conn)
                server.connections.append(conn)

            def auth_completed(self) -> None:
                server.logins += 1

        async def process(p: asyncssh.SSHServerProcess[bytes]) -> None:
            await _process(p, server.env)

        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Here,
            server_host_keys=[self.host_key],
            authorized_client_keys=str(self.authorized) if "publickey" in self.factors else None,
            process_factory=process,
            encoding=None,
            sftp_factory=self.sftp,
            line_editor=False,
            **self.options,
        )


def hanging(line: Transport) -> tuple[threading.Thread, list[ConnectionLost]]:
    """A command under way on `line`, in a thread; the list takes its loss of the connection."""
    running, lost = threading.Event(), list[ConnectionLost]()

    def hang() -> None:
        running.set()
        try:
            line.exec("sleep 30", timeout=30)
        except ConnectionLost as exc:
            lost.append(exc)

    thread = threading.Thread(target=hang)
    thread.start()
    running.wait(5)
    return thread, lost
