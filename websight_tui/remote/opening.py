"""Makes the transport that an endpoint asks for. The libraries behind each are imported only when it is made."""

from __future__ import annotations

from websight_tui.remote.port import Endpoint, Transport


def open_transport(endpoint: Endpoint, *, login_shell: bool | None = None) -> Transport:
    """A transport for `endpoint`, not yet connected.

    Args:
        login_shell: True runs commands through a login shell, False never does, None finds out after the login.
    """
    if endpoint.transport == "local" or (endpoint.transport == "auto" and not endpoint.host):
        from websight_tui.remote.local import LocalTransport

        return LocalTransport(login_shell=login_shell)
    from websight_tui.remote.ssh import SshTransport

    return SshTransport(endpoint, login_shell=login_shell)
