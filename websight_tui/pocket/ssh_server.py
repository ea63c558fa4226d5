"""The way in: an SSH server on the loopback interface with one key, plain commands, and SFTP on the real files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import asyncssh

_CHUNK = 1 << 16
KEEPALIVE_S = 30


def ensure_key(path: Path) -> asyncssh.SSHKey:
    """The Ed25519 key in `path`, made on first use (mode 0600, with its public half beside it)."""
    if not path.exists():
        key = asyncssh.generate_private_key("ssh-ed25519", comment="pocket")
        new = path.with_name(path.name + ".new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(key.export_private_key())
        path.with_name(path.name + ".pub").write_bytes(key.export_public_key())
        new.replace(path)
    return asyncssh.read_private_key(path)


class _Server(asyncssh.SSHServer):
    """Who may log in: whoever holds the one key (asyncssh compares it). All are the one user."""

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - everybody must show the key
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return False

    def kbdint_auth_supported(self) -> bool:
        return False

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:  # noqa: ARG002
        """Forwarding leads to servers of this machine's loopback interface and nowhere else."""
        if dest_host != "127.0.0.1":
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "only to 127.0.0.1")
        return True


class Gate:
    """The listening server.

    Args:
        folder: the state folder; keys are kept in FOLDER/ssh, commands start in FOLDER/home.
        environment: what commands find.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.port = 0
        self._server: asyncssh.SSHAcceptor | None = None

    async def open(self, port: int = 0) -> None:
        """Listens on 127.0.0.1, on `port` if it is free, else on any; writes known_hosts for clients."""
        keys = self.folder / "ssh"
        keys.mkdir(mode=0o700, exist_ok=True)
        host_key = ensure_key(keys / "host_key")
        client_key = ensure_key(keys / "client_key")
        (keys / "authorized_keys").write_bytes(client_key.export_public_key())
        try:
            self._server = await self._listen(port, host_key, keys)
        except OSError:
            self._server = await self._listen(0, host_key, keys)
        self.port = self._server.get_port()
        public = host_key.export_public_key().decode().split()
        (keys / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {public[0]} {public[1]}\n")

    async def _listen(self, port: int, host_key: asyncssh.SSHKey, keys: Path) -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            _Server,
            "127.0.0.1",
            port,
            server_host_keys=[host_key],
            authorized_client_keys=str(keys / "authorized_keys"),
            process_factory=self._run,
            sftp_factory=True,
            encoding=None,
            agent_forwarding=False,
            x11_forwarding=False,
            allow_scp=True,
            keepalive_interval=KEEPALIVE_S,
            login_timeout=30,
        )

    async def close(self) -> None:
        """Stops listening and ends all logins."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 2)

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """One exec request: /bin/sh -c COMMAND, its streams, its exit status."""
        if process.command is None:
            process.stderr.write(b"This small cluster has no interactive shell: give a command.\n")
            process.exit(1)
            return
        child = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            process.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.folder / "home",
            env={**self.environment, **_sent_environment(process)},
            start_new_session=True,
        )
        assert child.stdin
        assert child.stdout
        assert child.stderr
        feeding = asyncio.ensure_future(_feed(process.stdin, child.stdin))
        closed = asyncio.ensure_future(process.wait_closed())
        closed.add_done_callback(lambda _: _hang_up(child))
        try:
            await asyncio.gather(_pump(child.stdout, process.stdout), _pump(child.stderr, process.stderr))
            status = await child.wait()
        finally:
            feeding.cancel()
        if closed.done():
            return
        if status < 0:
            process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            process.exit(status)


def _sent_environment(process: asyncssh.SSHServerProcess[bytes]) -> dict[str, str]:
    """The variables that servers commonly accept from clients."""
    return {key: value for key, value in process.env.items() if key in ("LANG", "TZ") or key.startswith("LC_")}


def _hang_up(child: asyncio.subprocess.Process) -> None:
    """The login is gone: SIGHUP for what it was running, which nohup and traps may outlive."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGHUP)


async def _pump(source: asyncio.StreamReader, target: asyncssh.SSHWriter[bytes]) -> None:
    """Passes output on to its end, even if nobody listens any more: a command must not block on a full pipe."""
    while data := await source.read(_CHUNK):
        with contextlib.suppress(OSError, asyncssh.Error):
            target.write(data)
            await target.drain()


async def _feed(source: asyncssh.SSHReader[bytes], target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncssh.Error):
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()
    target.close()
