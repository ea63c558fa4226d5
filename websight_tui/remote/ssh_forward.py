"""Forwarded connections of paramiko's: a direct-tcpip channel each."""

from __future__ import annotations

from typing import Final

import paramiko

from websight_tui.errors import ConnectError
from websight_tui.remote.forward import LOOPBACK, OPEN_S, Stream
from websight_tui.remote.ssh_auth import plain

_FORBIDDEN: Final = 1
"""SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254, section 5.1)."""


def open_tcp(transport: paramiko.Transport, host: str, port: int, address: str) -> Stream:
    """A connection to `host` and `port` as seen from the other end of `transport`.

    Args:
        address: the cluster's, for messages.

    Raises: ConnectError if the server refuses; paramiko's own errors and OSError if the line is broken.
    """
    try:
        return transport.open_channel("direct-tcpip", (host, port), (LOOPBACK, 0), timeout=OPEN_S)
    except paramiko.ChannelException as exc:
        if exc.code == _FORBIDDEN:
            raise ConnectError(
                f"{address} does not allow port forwarding", "Ask the site about AllowTcpForwarding.", retryable=False
            ) from exc
        raise ConnectError(f"{address} does not reach {host} port {port}: {plain(str(exc))}") from exc
