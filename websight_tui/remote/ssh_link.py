"""One authenticated SSH connection: socket, key exchange, host key, hops. `ssh.py` runs commands on what this makes."""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import paramiko

from websight_tui.errors import ConnectError, HostKeyError
from websight_tui.remote import known_hosts
from websight_tui.remote.fallback import NeedsOpenSsh
from websight_tui.remote.port import HostKey
from websight_tui.remote.ssh_auth import Questions, authenticate, plain
from websight_tui.remote.ssh_config import Hop
from websight_tui.remote.ssh_keys import KeyRing
from websight_tui.remote.ssh_transport import LoginTransport
from websight_tui.remote.steps import Stage, Step, Tell, to_nobody

Place = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
"""One answer of getaddrinfo."""
KEEPALIVE_S: Final = 20.0
"""Seconds between two keepalives, and the longest wait for the answer to one."""

# Without a handler of its own, the library's complaints would be written to stderr, through the app's screen.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False


def log_in(
    hops: tuple[Hop, ...],
    questions: Questions,
    ring: KeyRing,
    opened: Callable[[paramiko.Transport], None],
    tell: Tell = to_nobody,
) -> paramiko.Transport:
    """Logs in to each hop through the one before; the last one's transport is returned.

    Args:
        opened: told of every transport at once, so that it can be closed from another thread meanwhile.
        tell: told each step as it begins.

    Raises: ConnectError, HostKeyError, AuthError.
    """
    transport: LoginTransport | None = None
    for number, hop in enumerate(hops, 1):

        def begin(stage: Stage, method: str = "", host: str = hop.hostname, number: int = number) -> None:
            tell(Step(stage, host, number, len(hops), method))

        line = _connect(hop, begin) if transport is None else _through(transport, hop, begin)
        begin(Stage.KEYS)
        transport = _exchange_keys(hop, line)
        opened(transport)
        begin(Stage.HOST_KEY)
        _check_host_key(transport, hop, questions)
        begin(Stage.LOGIN)
        authenticate(transport, hop, questions, ring, partial(begin, Stage.LOGIN))
    assert transport is not None
    return transport


def watch_peer(transport: paramiko.Transport, interval: float, ended: threading.Event) -> None:
    """Ends `transport` when the server leaves a keepalive unanswered. Returns when the connection is over."""
    while not ended.wait(interval) and transport.is_active():
        guard = threading.Timer(interval, transport.close)
        guard.daemon = True
        guard.start()
        with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
            # Any answer will do; servers usually refuse the request, which proves them alive.
            transport.global_request("keepalive@openssh.com", wait=True)
        guard.cancel()


def _connect(hop: Hop, begin: Callable[[Stage], None]) -> socket.socket:
    if hop.proxy_command:
        begin(Stage.REACH)
        return _run_proxy(hop)
    try:
        begin(Stage.NAME)
        places = socket.getaddrinfo(hop.hostname, hop.port, type=socket.SOCK_STREAM)
        begin(Stage.REACH)
        line = _first_that_answers(places, hop.connect_timeout_s)
    except socket.gaierror as exc:
        raise ConnectError(f"The name {hop.hostname} is not known", "Check it, and your network or VPN.") from exc
    except TimeoutError as exc:
        raise ConnectError(
            f"{hop.hostname} port {hop.port} does not answer", "Are you on the right network or VPN?"
        ) from exc
    except OSError as exc:
        raise ConnectError(
            f"{hop.hostname} port {hop.port}: {exc.strerror or exc}", "Check the port, and your network or VPN."
        ) from exc
    # Without it a command waits for the acknowledgement of the packet before: 40 ms each.
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return line


def _first_that_answers(places: Sequence[Place], timeout_s: float) -> socket.socket:
    """A connection to one of the addresses of a name, tried in their order. Raises the last one's OSError."""
    last: OSError = OSError("it has no address")
    for family, kind, protocol, _, address in places:
        line = socket.socket(family, kind, protocol)
        line.settimeout(timeout_s)
        try:
            line.connect(address)
        except OSError as exc:
            line.close()
            last = exc
        else:
            return line
    raise last


def _run_proxy(hop: Hop) -> socket.socket:
    ours, theirs = socket.socketpair()
    try:
        # The configuration's own words for a shell, as ssh runs them.
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {hop.proxy_command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        threading.Thread(target=process.wait, daemon=True).start()
    except OSError as exc:
        ours.close()
        raise ConnectError(f"ProxyCommand of {hop.alias} cannot run: {exc.strerror}", "Check ~/.ssh/config.") from exc
    finally:
        theirs.close()
    return ours


def _through(transport: paramiko.Transport, hop: Hop, begin: Callable[[Stage], None]) -> paramiko.Channel:
    begin(Stage.REACH)
    try:
        return transport.open_channel(
            "direct-tcpip", (hop.hostname, hop.port), ("127.0.0.1", 0), timeout=hop.connect_timeout_s
        )
    except (paramiko.SSHException, EOFError, OSError) as exc:
        raise ConnectError(
            f"The jump host does not reach {hop.hostname} port {hop.port}: {plain(str(exc))}",
            "Does the jump host allow forwarding, and is the name right as seen from there?",
        ) from exc


def _exchange_keys(hop: Hop, line: socket.socket | paramiko.Channel) -> LoginTransport:
    try:
        transport = LoginTransport(line)
    except (paramiko.SSHException, OSError) as exc:
        line.close()
        raise ConnectError(f"{hop.hostname} port {hop.port}: {plain(str(exc))}") from exc
    transport.banner_timeout = transport.handshake_timeout = hop.connect_timeout_s
    try:
        _prefer_known_kinds(transport, hop)
        transport.start_client(timeout=hop.connect_timeout_s)
        if not transport.initial_kex_done:
            raise paramiko.SSHException("no answer in time")
    except paramiko.ssh_exception.IncompatiblePeer as exc:
        transport.close()
        raise NeedsOpenSsh(
            f"{hop.hostname} speaks only algorithms that are switched off here: {plain(str(exc))}",
            'Set transport = "openssh" for this cluster; `ssh -v` shows what your client allows.',
        ) from exc
    except (paramiko.SSHException, EOFError, OSError) as exc:
        transport.close()
        raise ConnectError(
            f"{hop.hostname} port {hop.port} did not speak SSH: {plain(str(exc)) or 'it hung up'}",
            "Is it an SSH server, and does it accept connections from here right now?",
        ) from exc
    return transport


def _names(hop: Hop) -> tuple[str, ...]:
    if hop.host_key_alias:
        return (hop.host_key_alias,)
    return (known_hosts.host_name(hop.hostname, hop.port), hop.hostname.lower())


def _prefer_known_kinds(transport: paramiko.Transport, hop: Hop) -> None:
    """Asks first for the key types on record, so that a server with several keys shows the one we know."""
    kinds = {entry.kind for entry in known_hosts.find(hop.known_hosts, _names(hop)[0])}
    if "ssh-rsa" in kinds:
        kinds |= {"rsa-sha2-512", "rsa-sha2-256"}
    options = transport.get_security_options()
    options.key_types = tuple(sorted(options.key_types, key=lambda kind: kind not in kinds))


def _check_host_key(transport: paramiko.Transport, hop: Hop, questions: Questions) -> None:
    shown = transport.get_remote_server_key()
    kind, key = shown.get_name(), shown.get_base64()
    name = _names(hop)[0]
    print_ = known_hosts.fingerprint(key)
    entries = known_hosts.find(hop.known_hosts, name)
    verdict, entry = known_hosts.judge(entries, kind, key)
    if verdict == "known":
        return
    if verdict == "revoked" and entry:
        raise HostKeyError(
            f"The host key of {name} ({print_}) is revoked in {entry.path}, line {entry.line}",
            "Do not log in. Ask the administrators of the cluster which key is right.",
        )
    if verdict == "changed" and entry:
        raise HostKeyError(
            f"The host key of {name} is {kind} {print_}, but {entry.path}, line {entry.line} has another",
            "Someone may be listening in, or the server was reinstalled. Ask the administrators for its fingerprint; "
            f"if it is this one: ssh-keygen -R '{name}' -f '{entry.path}', then connect again.",
        )
    # Found under the bare name although the port is another: trusted if it is the very same key, as ssh does.
    for other in _names(hop)[1:]:
        if known_hosts.judge(known_hosts.find(hop.known_hosts, other), kind, key)[0] == "known":
            return
    if any(entry.marker == "@cert-authority" for entry in entries):
        raise NeedsOpenSsh(
            f"{name} proves itself by a certificate (@cert-authority in known_hosts)",
            'Set transport = "openssh" for this cluster: the OpenSSH client checks such certificates.',
        )
    if hop.strict == "yes":
        raise HostKeyError(
            f"The host key of {name} ({kind} {print_}) is not on record, and StrictHostKeyChecking is on",
            f"Add it to {hop.known_hosts[0]} after comparing the fingerprint.",
        )
    if hop.strict != "accept-new" and not questions.accept_host_key(HostKey(name, kind, print_)):
        raise HostKeyError(
            f"The host key of {name} ({kind} {print_}) is unknown and was not accepted",
            "Compare it with the fingerprint that the cluster's documentation gives, then connect again.",
        )
    known_hosts.remember(hop.known_hosts[0], name, kind, key, hashed=hop.hash_names)
