"""Runs on the cluster: starts a server program that lives only as long as somebody holds its leash.

Sent as text and run by the cluster's Python (`python - PATTERN WORDS… <THIS` runs `python WORDS…`), with nothing of the
package imported. Prints one line and returns; what it started stays behind in a session of its own:

    leashed: {"port": 6006, "leash": 40123, "token": "…"}    PATTERN was found in the program's output
    leashed: {"said": "…"}                                    it ended, or said nothing in time: its last words

The leash is a connection to the second port that begins with the token. When it breaks, for whatever reason, the
program is ended: nothing is left on a login node by a laptop that was closed. "held" is answered first, and "ended" if
the program ends by itself.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import re
import secrets
import select
import signal
import socket
import subprocess
import sys
import threading
import time

START_S = 120.0
"""Seconds until the program must listen: a first import from a busy file system is slow."""
LEASH_S = 30.0
"""Seconds until the leash must have been taken."""
END_S = 5.0


def main(pattern: str, words: list[str]) -> int:
    read, write = os.pipe()
    if os.fork():
        os.close(write)
        with os.fdopen(read, "rb") as answer:
            sys.stdout.write("leashed: " + answer.read().decode() + "\n")
        return 0
    os.close(read)
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    keep(write, pattern, [sys.executable, *words])
    return 0


def keep(answer: int, pattern: str, command: list[str]) -> None:
    token = secrets.token_hex(16)
    server = socket.create_server(("127.0.0.1", 0))
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        port, said = port_of(child, pattern)
        known = {"port": port, "leash": server.getsockname()[1], "token": token} if port else {"said": said[-2000:]}
        os.write(answer, json.dumps(known).encode())
        os.close(answer)
        if port and (leash := taken(server, token)):
            hold(leash, child)
    finally:
        end(child)


def port_of(child: subprocess.Popen[bytes], pattern: str) -> tuple[int, str]:
    """(the port that the program names, 0 if it does not; what it said). What it says later is thrown away."""
    assert child.stdout is not None
    out, said, deadline = child.stdout.fileno(), b"", time.monotonic() + START_S
    while select.select([out], [], [], max(0.0, deadline - time.monotonic()))[0] and (data := os.read(out, 4096)):
        said += data
        if (found := re.search(pattern, said.decode(errors="replace"))) is not None:
            threading.Thread(target=drain, args=(out,), daemon=True).start()
            return int(found[1]), ""
    return 0, said.decode(errors="replace")


def drain(descriptor: int) -> None:
    while os.read(descriptor, 1 << 16):
        pass


def taken(server: socket.socket, token: str) -> socket.socket | None:
    """The first connection that knows the token."""
    deadline = time.monotonic() + LEASH_S
    with contextlib.suppress(TimeoutError):
        while (left := deadline - time.monotonic()) > 0:
            server.settimeout(left)
            leash, _ = server.accept()
            leash.settimeout(10)
            with contextlib.suppress(OSError):
                if hmac.compare_digest(leash.recv(len(token), socket.MSG_WAITALL), token.encode()):
                    return leash
            leash.close()
    return None


def hold(leash: socket.socket, child: subprocess.Popen[bytes]) -> None:
    """Returns when the leash is cut, or the program has ended."""
    with contextlib.suppress(OSError):
        leash.sendall(b"held\n")
        while child.poll() is None:
            if select.select([leash], [], [], 1.0)[0] and not leash.recv(64):
                return
        leash.sendall(b"ended\n")


def end(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(END_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
