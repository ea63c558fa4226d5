"""Where an alias leads: the user's SSH configuration, asked of `ssh -G`, or of paramiko where no ssh is installed."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from websight_tui.errors import ConnectError
from websight_tui.remote.port import Endpoint

METHODS: Final = ("publickey", "keyboard-interactive", "password")
"""Login methods in OpenSSH's order of preference."""
CONFIG_VARIABLE: Final = "WEBSIGHT_TUI_SSH_CONFIG"
"""Environment variable that names another file than ~/.ssh/config."""
_MAX_HOPS: Final = 8
Options = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Hop:
    """One SSH server on the way, with all that the configuration says of it.

    Args:
        alias: as the user wrote it.
        hostname, port, user: where to connect and as whom.
        identity_files, certificate_files: expanded paths, in order.
        identities_only: offer no other keys of the agent.
        agent: the agent's socket; None for $SSH_AUTH_SOCK, "none" for no agent.
        known_hosts: files to look in; the first is the one that is written.
        host_key_alias: the name to look up there instead of the host's.
        strict: StrictHostKeyChecking: "ask", "yes" (never accept a new one), "accept-new".
        hash_names: HashKnownHosts.
        methods: login methods in order of preference.
        proxy_jump: hops before this one, as ProxyJump writes them; "" for none.
        proxy_command: a command that connects, tokens replaced; "" for none.
        connect_timeout_s: seconds for the connection and the key exchange.
    """

    alias: str
    hostname: str
    port: int = 22
    user: str = ""
    identity_files: tuple[Path, ...] = ()
    certificate_files: tuple[Path, ...] = ()
    identities_only: bool = False
    agent: str | None = None
    known_hosts: tuple[Path, ...] = ()
    host_key_alias: str = ""
    strict: str = "ask"
    hash_names: bool = False
    methods: tuple[str, ...] = METHODS
    proxy_jump: str = ""
    proxy_command: str = ""
    connect_timeout_s: float = 15.0

    @property
    def address(self) -> str:
        return f"{self.user}@{self.hostname}" + (f":{self.port}" if self.port != 22 else "")


def route(endpoint: Endpoint) -> tuple[Hop, ...]:
    """The servers to log in to one after the other; the cluster is the last.

    Raises: ConnectError if the configuration cannot be read or leads in a circle.
    """
    if not endpoint.use_ssh_config:
        return (_complete(endpoint),)
    target = resolve(endpoint.host, endpoint.user, endpoint.port)
    if endpoint.identity_file:
        target = replace(target, identity_files=(_path(endpoint.identity_file),), identities_only=True)
    if endpoint.known_hosts:
        target = replace(target, known_hosts=(_path(endpoint.known_hosts),))
    return (*_jumps(target, 0), target)


def resolve(host: str, user: str | None = None, port: int | None = None) -> Hop:
    """What the configuration says of `host` ("alias" or "user@host"). Raises ConnectError."""
    check_host(host)
    name = os.environ.get(CONFIG_VARIABLE)
    config = _path(name) if name else None
    options = _ask_ssh(host, user, port, config) if shutil.which("ssh") else _ask_paramiko(host, user, port, config)
    return _hop(host, options)


def check_host(host: str) -> None:
    """Raises ConnectError for what ssh would take for an option, or a shell for more than a name."""
    if not host or host.startswith("-") or re.search(r"[\s\x00-\x1f\x7f'\"`$;&|<>\\]", host):
        raise ConnectError(
            f"{host!r} is not a host name", "Set `host` of this cluster in the configuration.", retryable=False
        )


def parse_options(text: str) -> dict[str, list[str]]:
    """`ssh -G`'s output: lower-case option → its values, in order."""
    options: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key:
            options.setdefault(key.lower(), []).append(value.strip())
    return options


def split_jump(jump: str) -> list[tuple[str, int | None]]:
    """ProxyJump's value as (host or user@host, port) pairs, nearest first."""
    hops: list[tuple[str, int | None]] = []
    for part in jump.split(","):
        found = re.fullmatch(r"(?:ssh://)?((?:[^@]+@)?(?:\[[^\]]+\]|[^:\[\]]+))(?::(\d+))?/?", part.strip())
        if not found:
            raise ConnectError(f"ProxyJump {jump!r} cannot be read", "It must be host, user@host or user@host:port.")
        hops.append((found[1].replace("[", "").replace("]", ""), int(found[2]) if found[2] else None))
    return hops


def _jumps(hop: Hop, depth: int) -> tuple[Hop, ...]:
    if not hop.proxy_jump:
        return ()
    if depth >= _MAX_HOPS:
        raise ConnectError(
            f"The ProxyJump settings of {hop.alias} lead in a circle", "Check ~/.ssh/config.", retryable=False
        )
    hops = [resolve(host, None, port) for host, port in split_jump(hop.proxy_jump)]
    # Only the nearest hop's own proxy counts: the others are reached through the one before.
    return (*_jumps(hops[0], depth + 1), hops[0], *(replace(h, proxy_command="") for h in hops[1:]))


def _complete(endpoint: Endpoint) -> Hop:
    user, _, host = endpoint.host.rpartition("@")
    return Hop(
        alias=endpoint.host,
        hostname=host,
        port=endpoint.port or 22,
        user=endpoint.user or user or getpass.getuser(),
        identity_files=(_path(endpoint.identity_file),) if endpoint.identity_file else (),
        identities_only=True,
        agent="none",
        known_hosts=(_path(endpoint.known_hosts),) if endpoint.known_hosts else (Path.home() / ".ssh/known_hosts",),
    )


def _ask_ssh(host: str, user: str | None, port: int | None, config: Path | None) -> Options:
    command = ["ssh", "-G", *(["-F", str(config)] if config else [])]
    command += ["-l", user] if user else []
    command += ["-p", str(port)] if port else []
    try:
        done = subprocess.run(
            [*command, "--", host], capture_output=True, timeout=10, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ConnectError(
            f"`ssh -G {host}` did not answer: {exc}", "Does a Match exec in ~/.ssh/config hang?"
        ) from exc
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ConnectError(
            f"The SSH configuration cannot be read: {words[0] if words else 'ssh -G failed'}",
            f"`ssh -G {host}` shows the same; correct that line.",
            retryable=False,
        )
    return parse_options(done.stdout.decode("utf-8", "replace"))


def _ask_paramiko(host: str, user: str | None, port: int | None, config: Path | None) -> Options:
    import paramiko

    name_user, _, name = host.rpartition("@")
    path = config or Path.home() / ".ssh/config"
    try:
        parsed = paramiko.SSHConfig.from_path(str(path)) if path.exists() else paramiko.SSHConfig()
        found = parsed.lookup(name)
    except (paramiko.ConfigParseError, paramiko.CouldNotCanonicalize, OSError, ImportError) as exc:
        raise ConnectError(f"{path} cannot be read: {exc}", "Install an ssh client, which reads all of it.") from exc
    options = {key: list(value) if isinstance(value, list) else [str(value)] for key, value in found.items()}
    for key, value in (("user", user or name_user), ("port", str(port or ""))):
        if value:
            options[key] = [value]
    return options


def _hop(alias: str, options: Options) -> Hop:
    def first(key: str, default: str = "") -> str:
        return next(iter(options.get(key, ())), default)

    def paths(key: str, tokens: Mapping[str, str]) -> tuple[Path, ...]:
        values = [value for line in options.get(key, ()) for value in ([line] if key != _USER_FILES else line.split())]
        return tuple(_path(_expand(value, tokens)) for value in values if value != "none")

    host = first("hostname", alias.rpartition("@")[2])
    port, user = int(first("port", "22")), first("user") or getpass.getuser()
    tokens = {
        "h": host,
        "p": str(port),
        "r": user,
        "n": alias.rpartition("@")[2],
        "d": str(Path.home()),
        "u": getpass.getuser(),
    }
    jump, command = first("proxyjump"), first("proxycommand")
    timeout = first("connecttimeout")
    known = (paths(_USER_FILES, tokens) or (Path.home() / ".ssh/known_hosts",)) + tuple(
        Path(name) for name in first("globalknownhostsfile", "/etc/ssh/ssh_known_hosts").split()
    )
    wanted = first("preferredauthentications")
    return Hop(
        alias=alias,
        hostname=host,
        port=port,
        user=user,
        identity_files=paths("identityfile", tokens) or _default_keys(),
        certificate_files=paths("certificatefile", tokens),
        identities_only=first("identitiesonly") == "yes",
        agent=_agent(first("identityagent"), tokens),
        known_hosts=known,
        host_key_alias=first("hostkeyalias"),
        strict={"yes": "yes", "true": "yes", "accept-new": "accept-new"}.get(first("stricthostkeychecking"), "ask"),
        hash_names=first("hashknownhosts") in ("yes", "true"),
        methods=tuple(wanted.split(",")) if wanted else METHODS,
        proxy_jump="" if jump == "none" else jump,
        proxy_command="" if command in ("", "none") else _expand(command, tokens),
        connect_timeout_s=float(timeout) if timeout.isdigit() and int(timeout) else 15.0,
    )


_USER_FILES: Final = "userknownhostsfile"


def _default_keys() -> tuple[Path, ...]:
    return tuple(Path.home() / ".ssh" / name for name in ("id_ed25519", "id_ecdsa", "id_rsa"))


def _agent(value: str, tokens: Mapping[str, str]) -> str | None:
    if not value or value == "SSH_AUTH_SOCK":
        return None
    if value.startswith("$"):
        return os.environ.get(value[1:].strip("{}"), "none")
    return "none" if value == "none" else str(_path(_expand(value, tokens)))


def _expand(value: str, tokens: Mapping[str, str]) -> str:
    return re.sub(r"%(.)", lambda found: "%" if found[1] == "%" else tokens.get(found[1], found[0]), value)


def _path(value: str) -> Path:
    return Path(value.strip('"')).expanduser()
