"""Makes the transport that an endpoint asks for. The libraries behind each are imported only when it is made."""

from __future__ import annotations

import shutil

from websight_tui.errors import ConfigError
from websight_tui.remote.port import Endpoint, Transport


def open_transport(endpoint: Endpoint, *, login_shell: bool | None = None) -> Transport:
    """A transport for `endpoint`, not yet connected.

    Args:
        login_shell: True runs commands through a login shell, False never does, None finds out after the login.

    Raises: ConfigError if the endpoint asks for something that this machine does not have.
    """
    if endpoint.transport == "local" or (endpoint.transport == "auto" and not endpoint.host):
        from websight_tui.remote.local import LocalTransport

        return LocalTransport(login_shell=login_shell)
    if endpoint.transport == "openssh":
        client = _openssh(endpoint, login_shell)
        if client is None:
            raise ConfigError("There is no ssh command on this machine", 'Install it, or set transport = "paramiko".')
        return client

    from websight_tui.remote.ssh import SshTransport

    first = SshTransport(endpoint, login_shell=login_shell)
    if endpoint.transport == "paramiko" or not endpoint.use_ssh_config:
        return first

    from websight_tui.remote.fallback import AutoTransport

    return AutoTransport(first, lambda: _openssh(endpoint, login_shell))


def _openssh(endpoint: Endpoint, login_shell: bool | None) -> Transport | None:
    if shutil.which("ssh") is None:
        return None
    from websight_tui.remote.openssh import OpenSshTransport

    return OpenSshTransport(endpoint, login_shell=login_shell)
