"""Forwarded connections of the OpenSSH client: one `ssh -W` each, through the connection that is shared."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Sequence

from websight_tui.errors import ConnectError
from websight_tui.remote.process import end_session


class PipedStream:
    """A process whose standard input and output are the two directions of a connection.

    Args:
        argv: the command. It says nothing if it cannot connect: the stream is at its end at once.

    Raises: ConnectError if the command cannot be run.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self._ours, theirs = socket.socketpair()
        end = theirs.fileno()
        try:
            self._process = subprocess.Popen(
                argv, stdin=end, stdout=end, stderr=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as exc:
            self._ours.close()
            raise ConnectError(f"The ssh command does not run: {exc.strerror}", "Is OpenSSH installed?") from exc
        finally:
            theirs.close()
        threading.Thread(target=self._process.wait, name="ssh-forward", daemon=True).start()

    def recv(self, limit: int, /) -> bytes:
        return self._ours.recv(limit)

    def sendall(self, data: bytes, /) -> None:
        self._ours.sendall(data)

    def shutdown(self, how: int, /) -> None:
        self._ours.shutdown(how)

    def close(self) -> None:
        self._ours.close()
        end_session(self._process)
