"""Command lines for the OpenSSH client: the transport's, and the one that hands the terminal to a remote program."""

from __future__ import annotations

import os
import shlex
import shutil

from websight_tui.errors import ConfigError
from websight_tui.remote.port import Endpoint
from websight_tui.remote.ssh_config import CONFIG_VARIABLE, check_host


def client_words(endpoint: Endpoint, *words: str) -> list[str]:
    """`ssh`, `words`, and all that `endpoint` says but the host, which comes last, after "--"."""
    config = os.environ.get(CONFIG_VARIABLE)
    command = ["ssh", *words]
    if not endpoint.use_ssh_config:
        command += ["-F", "none"]
    elif config:
        command += ["-F", config]
    command += ["-l", endpoint.user] if endpoint.user else []
    command += ["-p", str(endpoint.port)] if endpoint.port else []
    if endpoint.identity_file:
        command += ["-i", endpoint.identity_file, *options(IdentitiesOnly="yes")]
    if endpoint.known_hosts:
        command += options(UserKnownHostsFile=_quoted(endpoint.known_hosts))
    return command + options(
        ServerAliveInterval="20",
        ServerAliveCountMax="2",
        ClearAllForwardings="yes",
        ForwardAgent="no",
        ForwardX11="no",
        PermitLocalCommand="no",
        RemoteCommand="none",
    )


def _quoted(path: str) -> str:
    """One path for an option that takes several parted by spaces, and reads %h and the like in them."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def options(**values: str) -> list[str]:
    """ssh's -o words."""
    return [word for key, value in values.items() for word in ("-o", f"{key}={value}")]


def terminal_command(endpoint: Endpoint, command: str) -> list[str]:
    """What to run, with the app suspended, for `command` to have the person's own terminal on the cluster.

    A login of its own: it may ask on the terminal. A master connection of the user's is used where there is one.

    Args:
        command: for a login shell there, built with shlex ("srun --jobid=7 --overlap --pty bash -l").

    Raises: ConfigError if this machine has no ssh, ConnectError if the host is none.
    """
    if endpoint.transport == "local" or not endpoint.host:
        return ["/bin/sh", "-lc", command]
    check_host(endpoint.host)
    if shutil.which("ssh") is None:
        raise ConfigError("There is no ssh command on this machine", "Install it to open a terminal on the cluster.")
    return [*client_words(endpoint, "-t"), "--", endpoint.host, f"exec bash -lc {shlex.quote(command)}"]
