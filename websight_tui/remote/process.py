"""Runs a framed command as a process of this machine and ends all of it when its time is over."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

from websight_tui.remote.framing import Framed, Lines
from websight_tui.remote.port import Hear

_READ = 1 << 16


def converse(
    argv: Sequence[str],
    framed: Framed,
    timeout: float,
    stdin: bytes | None,
    *,
    started: Callable[[subprocess.Popen[bytes]], None] | None = None,
    hear: Hear | None = None,
) -> tuple[bytes, bytes, int]:
    """(stdout, stderr, status) of `argv`, whose output holds `framed`'s markers; 128 + N after signal N.

    Returns as soon as the command's end is marked: something that it left behind may keep the streams open.

    Args:
        timeout: seconds; after it the process and all that it started in its session are killed.
        started: told of the process, so that others can end it.
        hear: told each whole line of the command's output as it comes.

    Raises: TimeoutError, OSError if `argv` cannot be run.
    """
    deadline = time.monotonic() + timeout
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    if started is not None:
        started(process)
    assert process.stdout is not None
    assert process.stderr is not None
    if process.stdin is not None:
        threading.Thread(target=_feed, args=(process, stdin), daemon=True).start()
    out, err = bytearray(), bytearray()
    lines = Lines(framed, hear) if hear is not None else None
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, out)
            selector.register(process.stderr, selectors.EVENT_READ, err)
            while selector.get_map() and not framed.finished(out, err):
                for key, _ in _ready(selector, deadline):
                    data = os.read(key.fd, _READ)
                    key.data.extend(data)
                    if not data:
                        selector.unregister(key.fileobj)
                if lines is not None:
                    lines.look(out)
        status = _status(process, deadline, marked=framed.finished(out, err))
    except (TimeoutError, subprocess.TimeoutExpired):
        end_session(process)
        process.wait(5)
        raise TimeoutError from None
    finally:
        process.stdout.close()
        process.stderr.close()
    return bytes(out), bytes(err), status if status >= 0 else 128 - status


def end_session(process: subprocess.Popen[bytes]) -> None:
    """Kills a process that leads its own session, with all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _status(process: subprocess.Popen[bytes], deadline: float, *, marked: bool) -> int:
    if not marked:
        return process.wait(max(0.05, deadline - time.monotonic()))
    try:
        return process.wait(0.5)
    except subprocess.TimeoutExpired:
        # An ssh client that waits for something the command left behind; the command itself has ended.
        process.kill()
        return process.wait(5)


def _ready(selector: selectors.BaseSelector, deadline: float) -> list[tuple[selectors.SelectorKey, int]]:
    left = deadline - time.monotonic()
    if left <= 0 or not (found := selector.select(left)):
        raise TimeoutError
    return found


def _feed(process: subprocess.Popen[bytes], data: bytes | None) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError, ValueError):
        process.stdin.write(data or b"")
    with contextlib.suppress(OSError, ValueError):
        process.stdin.close()
