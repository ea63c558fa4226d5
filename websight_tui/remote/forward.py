"""Port forwarding: a port of this machine's loopback interface that leads to a port as the cluster sees it.

An ability that a transport may have beside the Transport protocol: one method that opens one connection. All the rest,
the listening and the copying, is the same for every transport and stands here.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Final, Protocol, runtime_checkable

from websight_tui.errors import ConnectError, RemoteError
from websight_tui.remote.port import Transport

LOOPBACK: Final = "127.0.0.1"
OPEN_S: Final = 20.0
"""Seconds that opening one connection may take."""
_COPY: Final = 1 << 16
_POLL_S: Final = 0.1


@runtime_checkable
class Stream(Protocol):
    """A connection in both directions: what sockets and paramiko's channels have in common."""

    def recv(self, limit: int, /) -> bytes:
        """Up to `limit` bytes; b"" at the end, also when the connection below it is gone."""
        ...

    def sendall(self, data: bytes, /) -> None: ...

    def shutdown(self, how: int, /) -> None: ...

    def close(self) -> None: ...


@runtime_checkable
class Forwarding(Protocol):
    """A transport that can open connections from the cluster's side."""

    def open_tcp(self, host: str, port: int) -> Stream:
        """Connects to `host` and `port` as seen from the login node.

        Raises: ConnectError (refused, or the site forbids forwarding), ConnectionLost.
        """
        ...


def forwarding(transport: Transport) -> Forwarding:
    """`transport` as one that can forward. Raises ConnectError if it cannot."""
    if isinstance(transport, Forwarding):
        return transport
    raise ConnectError(
        f"This kind of connection to {transport.address} cannot forward ports",
        'Set transport = "auto" for this cluster.',
        retryable=False,
    )


@contextlib.contextmanager
def listening(open_stream: Callable[[], Stream], port: int = 0) -> Iterator[int]:
    """Accepts connections on this machine's loopback interface and joins each to a stream of its own.

    Args:
        open_stream: makes the far end of one connection; what it raises closes the near end.
        port: of this machine; 0 takes any that is free.

    Yields: the port. Connections that are open at the end of the context are closed.
    Raises: ConnectError if the port is taken.
    """
    try:
        server = _Listener(port, open_stream)
    except OSError as exc:
        if exc.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise ConnectError(f"Port {port} of this machine cannot be used: {exc.strerror}") from exc
        why = "is in use" if exc.errno == errno.EADDRINUSE else "is reserved"
        raise ConnectError(f"Port {port} of this machine {why}", "Choose another one, or none.") from exc
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_S,), name="forward", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        server.close_all()


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64  # a browser opens many at once
    server_address: tuple[str, int]

    def __init__(self, port: int, open_stream: Callable[[], Stream]) -> None:
        self.open_stream = open_stream
        self._open: set[Stream] = set()
        self._lock = threading.Lock()
        super().__init__((LOOPBACK, port), _Connection)

    def keep(self, *streams: Stream) -> None:
        with self._lock:
            self._open.update(streams)

    def close_all(self, *streams: Stream) -> None:
        """Closes these, or all that are open."""
        with self._lock:
            closing = set(streams) or set(self._open)
            self._open -= closing
        for stream in closing:
            with contextlib.suppress(OSError, EOFError):
                stream.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads it
            with contextlib.suppress(OSError, EOFError):
                stream.close()


class _Connection(socketserver.BaseRequestHandler):
    server: _Listener
    request: socket.socket

    def handle(self) -> None:
        try:
            far = self.server.open_stream()
        except RemoteError:
            return
        near = self.request
        self.server.keep(near, far)
        back = threading.Thread(target=self._copy, args=(far, near), name="forward-back", daemon=True)
        back.start()
        self._copy(near, far)
        back.join()
        self.server.close_all(near, far)

    def _copy(self, source: Stream, target: Stream) -> None:
        """Copies to the end, and passes the end on; an error in one direction ends both."""
        try:
            while data := source.recv(_COPY):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except (OSError, EOFError):
            self.server.close_all(source, target)
