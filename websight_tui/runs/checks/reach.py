"""Is the cluster there, and does it let us in? From the resolution of its name to the login."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from websight_tui.errors import AuthError, ConnectError, HostKeyError, RemoteError
from websight_tui.metrics.terminal_text import plain
from websight_tui.remote import known_hosts
from websight_tui.remote.port import Endpoint, Prompter, Transport, Unattended
from websight_tui.remote.ssh_config import Hop
from websight_tui.runs.checks.finding import Doing, Finding, fail, ok, skip, to_nobody

_BANNER_S: Final = 5.0
_BANNER_BYTES: Final = 8192


def is_local(endpoint: Endpoint) -> bool:
    """Whether the endpoint is this machine, without SSH."""
    return endpoint.transport == "local" or (endpoint.transport == "auto" and not endpoint.host)


def check_name(hops: tuple[Hop, ...]) -> Iterator[Finding]:
    """Where the configured name leads, and whether that name is known; only the first hop is resolved from here."""
    first, last = hops[0], hops[-1]
    to = last.address if last.alias == last.hostname else f"{last.alias} is {last.address}"
    through = f", through {', '.join(hop.address for hop in hops[:-1])}" if len(hops) > 1 else ""
    if first.proxy_command:
        yield ok("name", f"{to}{through}, reached by a ProxyCommand")
        return
    try:
        found = socket.getaddrinfo(first.hostname, first.port, type=socket.SOCK_STREAM)
    except OSError as exc:
        hint = "Check `host` in its table and ~/.ssh/config, your network and your VPN."
        yield fail("name", f"the name {plain(first.hostname)} is not known ({plain(exc.strerror or str(exc))})", hint)
        return
    numbers = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    which = "" if numbers == [first.hostname] else f" ({', '.join(numbers[:2])})"
    yield ok("name", f"{to}{through}{which}")


def check_reach(hop: Hop) -> Iterator[Finding]:
    """Whether an SSH server answers at the first hop."""
    if hop.proxy_command:
        yield skip("reach", "a ProxyCommand makes the connection")
        return
    started = time.monotonic()
    try:
        with socket.create_connection((hop.hostname, hop.port), timeout=hop.connect_timeout_s) as line:
            took = time.monotonic() - started
            greeting = _greeting(line)
    except TimeoutError:
        hint = "Are you on the right network or VPN? A firewall drops what it does not like without a word."
        yield fail("reach", f"{hop.hostname} port {hop.port} does not answer", hint)
        return
    except OSError as exc:
        hint = "Check the port, your network and your VPN."
        yield fail("reach", f"{hop.hostname} port {hop.port}: {plain(exc.strerror or str(exc)).lower()}", hint)
        return
    if not greeting.startswith("SSH-"):
        hint = "Is it the SSH port? A network that wants you to log in first may answer in the server's place."
        said = f": {plain(greeting, 60)}" if greeting else ""
        yield fail("reach", f"{hop.hostname} port {hop.port} answers, but not as an SSH server{said}", hint)
        return
    software = plain(greeting.split("-", 2)[-1], 40)
    yield ok("reach", f"port {hop.port} answers in {max(1, round(took * 1000))} ms: {software}")


def _greeting(line: socket.socket) -> str:
    """The server's identification, which may come after other lines (RFC 4253, section 4.2); else its first line."""
    line.settimeout(_BANNER_S)
    data = b""
    with contextlib.suppress(OSError):
        while len(data) < _BANNER_BYTES and (more := line.recv(1024)):
            data += more
            for text in data.split(b"\n")[:-1]:
                if text.startswith(b"SSH-"):
                    return text.decode("utf-8", "replace").strip()
    return data.decode("utf-8", "replace").split("\n")[0].strip()


def check_login(
    transport: Transport, hops: tuple[Hop, ...], prompter: Prompter, tell: Callable[[Doing], None] = to_nobody
) -> Iterator[Finding]:
    """Logs in, once, telling its steps; the connection stays open."""
    recorded = _on_record(hops[-1]) if hops else ""
    started = time.monotonic()
    try:
        transport.connect(prompter, lambda step: tell(Doing("login", plain(step.words, 120), *step.far)))
    except HostKeyError as exc:
        yield fail("host key", exc.message, exc.hint)
        yield skip("login", "nothing was sent to a server whose key is not trusted")
        return
    except RemoteError as exc:
        if hops and not isinstance(exc, ConnectError):
            yield ok("host key", recorded or "accepted")
        nobody = isinstance(exc, AuthError) and isinstance(prompter, Unattended)
        yield fail("login", exc.message, "Look again from a terminal, where it can ask you." if nobody else exc.hint)
        return
    if hops:
        yield ok("host key", recorded or "accepted just now, and remembered")
    took = f"in {time.monotonic() - started:.1f} s"
    if not hops:
        yield ok("login", f"commands run on {transport.address} as you")
    elif transport.may_prompt:
        message = f"{transport.address} {took}; it asks a person, so nothing reconnects by itself"
        yield ok("login", message)
    else:
        yield ok("login", f"{transport.address} {took}, without a question")


def check_files(transport: Transport, home: str) -> Iterator[Finding]:
    """Whether the file service (SFTP) works: logs and checkpoints are read through it.

    Raises: ConnectionLost if it is not the file service alone that broke.
    """
    try:
        transport.read(f"{home}/.websight-tui-no-such-file", 0, 1)
    except RemoteError as exc:
        if not transport.connected:
            raise
        hint = "Output of ~/.bashrc can break it (see shell); or SFTP is switched off: ask the administrators."
        yield fail("files", f"the file service (SFTP) does not work: {exc.message}", hint)
        return
    yield ok("files", "files can be read")


def _on_record(hop: Hop) -> str:
    name = hop.host_key_alias or known_hosts.host_name(hop.hostname, hop.port)
    entry = next(iter(known_hosts.find(hop.known_hosts, name)), None)
    return f"on record in {_short(entry.path)}:{entry.line}" if entry else ""


def _short(path: Path) -> str:
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)
