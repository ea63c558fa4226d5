"""A server program on the login node that ends when this side lets go of it, however that happens."""

from __future__ import annotations

import contextlib
import shlex
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from websight_tui.errors import ConnectError, RemoteError
from websight_tui.metrics.lines import json_object
from websight_tui.metrics.terminal_text import plain
from websight_tui.remote import leashed
from websight_tui.remote.forward import LOOPBACK, Forwarding, Stream, forwarding
from websight_tui.remote.port import ExecResult, Transport

_MARK: Final = "leashed: "
_EXEC_S: Final = leashed.START_S + 30


class DidNotStart(RemoteError):
    """The program ended, or said nothing in time; the message is the last line that it said."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A program that listens on the login node's loopback interface.

    Args:
        way: the connection to the cluster.
        port: where it listens.
        leash: what keeps it alive.
    """

    way: Forwarding
    port: int
    leash: Stream

    def open(self) -> Stream:
        """One connection to the program. Raises ConnectError, ConnectionLost."""
        return self.way.open_tcp(LOOPBACK, self.port)

    def wait(self) -> bool:
        """Waits until the program is gone or out of reach: True if it ended, False if the connection broke."""
        return bool(_line(self.leash))


@contextlib.contextmanager
def serving(
    transport: Transport, words: Sequence[str], *, pattern: str, python: str, setup: Sequence[str] = ()
) -> Iterator[Serving]:
    """Runs `python WORDS…` on the login node for as long as the context lasts.

    Args:
        transport: connected.
        pattern: regular expression whose first group is the port, in what the program says when it listens.
        python: there; may begin with "~/".
        setup: lines of bash before it ("module load …").

    Raises: DidNotStart, ConnectError (forwarding is forbidden), RemoteTimeout, ConnectionLost.
    """
    way = forwarding(transport)
    source = Path(leashed.__file__).read_bytes()
    home, rest = ('"$HOME"/', python[2:]) if python.startswith("~/") else ("", python)
    # The setup lines must not read the source, which comes on standard input.
    start = f"exec {home}{shlex.quote(rest)} {shlex.join(['-', pattern, *words])} <&3 3<&-"
    script = "\n".join(["exec 3<&0 </dev/null", *setup, start])
    result = transport.exec(shlex.join(("bash", "-lc", script)), timeout=_EXEC_S, stdin=source)
    port, leash_port, token = _answer(result)
    leash = way.open_tcp(LOOPBACK, leash_port)
    try:
        leash.sendall(token.encode())
        if _line(leash) != b"held":
            raise ConnectError(
                "The connection does not forward ports", "Ask the site about AllowTcpForwarding.", retryable=False
            )
        yield Serving(way, port, leash)
    finally:
        with contextlib.suppress(OSError, EOFError):
            leash.shutdown(socket.SHUT_WR)
            _line(leash)  # its end: the program is gone
        leash.close()


def _answer(result: ExecResult) -> tuple[int, int, str]:
    """(the program's port, the leash's, the leash's token). Raises DidNotStart with the program's last words."""
    found = [line for line in result.stdout.splitlines() if line.startswith(_MARK)]
    answer = json_object(found[-1].removeprefix(_MARK)) if found else None
    match answer:
        case {"port": int(port), "leash": int(leash), "token": str(token)} if 0 < port < 65536 and 0 < leash < 65536:
            return port, leash, token
    said = result.stderr if answer is None else str(answer.get("said", ""))
    lines = [line for line in map(plain, said.splitlines()) if line.strip()]
    raise DidNotStart(lines[-1].strip() if lines else "it said nothing")


def _line(stream: Stream) -> bytes:
    """What comes up to the next line's end; b"" if the stream is at its end or broken."""
    line = b""
    with contextlib.suppress(OSError, EOFError):
        while not line.endswith(b"\n") and (byte := stream.recv(1)):
            line += byte
    return line.strip()
