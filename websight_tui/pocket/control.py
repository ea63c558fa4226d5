"""Starting, finding and stopping a pocket cluster from Python."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from websight_tui.errors import WebsightError
from websight_tui.pocket.processes import end_incarnations, identity, is_locked
from websight_tui.remote.port import Endpoint

START_S = 20.0
"""Seconds that a start may take before it is given up; about one is usual."""


class PocketError(WebsightError):
    """The embedded cluster could not be started, asked or stopped."""


@dataclass(frozen=True, slots=True)
class PocketInfo:
    """A running pocket cluster.

    Args:
        endpoint: complete in itself: host, port, user, key and known_hosts.
        folder: its state folder.
        home: the home folder of its logins ("~" there).
        pid: of the daemon.
        clock_factor: cluster seconds a real second.
    """

    endpoint: Endpoint
    folder: Path
    home: Path
    pid: int
    clock_factor: float


def start(folder: Path, *, clock_factor: float = 1.0, nodes: int = 2) -> PocketInfo:
    """Starts the cluster in `folder`, or finds it running there; returns once it accepts logins.

    Args:
        folder: made with mode 0700 if missing; jobs and files of an earlier start are found again.
        clock_factor: cluster seconds a real second; only used if the cluster has to be started.
        nodes: its nodes, 1 to 99; only used if the cluster has to be started.

    Raises: PocketError.
    """
    if not clock_factor > 0 or not 1 <= nodes <= 99:
        raise PocketError("a pocket cluster needs a clock factor above 0 and 1 to 99 nodes")
    folder = folder.expanduser().resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        with _starting(folder):
            return status(folder) or _launch(folder, clock_factor, nodes)
    except OSError as error:
        raise PocketError(
            f"the pocket cluster cannot use {folder}: {error.strerror or error}", "Choose another folder."
        ) from error


@contextlib.contextmanager
def _starting(folder: Path) -> Iterator[None]:
    """One start at a time."""
    handle = os.open(folder / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _launch(folder: Path, clock_factor: float, nodes: int) -> PocketInfo:
    ready, tell = os.pipe()
    log = folder / "daemon.log"
    with log.open("ab") as log_file:
        child = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "websight_tui.pocket.daemon",
                str(folder),
                f"--clock-factor={clock_factor}",
                f"--nodes={nodes}",
                f"--ready-fd={tell}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            pass_fds=[tell],
            start_new_session=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
    os.close(tell)
    try:
        # the pipe ends when the daemon does: no waiting for one that has failed
        readable, _, _ = select.select([ready], [], [], START_S)
        said = os.read(ready, 64) if readable else b""
    finally:
        os.close(ready)
    info = status(folder) if said else None
    if info is None:
        if child.poll() is None:
            child.kill()
        child.wait()
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise PocketError(f"the pocket cluster did not start: {last[0]}", f"Its log is {log}.")
    child.returncode = 0  # it is on its own now: no warning that it still runs when this object goes
    return info


def status(folder: Path) -> PocketInfo | None:
    """The cluster that runs in `folder`, or None."""
    folder = folder.expanduser().resolve()
    try:
        facts = json.loads((folder / "pocket.json").read_text())
    except (OSError, ValueError):
        return None
    if identity(facts["pid"]) != facts["identity"]:
        return None
    endpoint = Endpoint(
        host="127.0.0.1",
        transport="paramiko",
        port=facts["port"],
        user=facts["user"],
        identity_file=str(folder / "ssh" / "client_key"),
        known_hosts=str(folder / "ssh" / "known_hosts"),
        use_ssh_config=False,
    )
    return PocketInfo(endpoint, folder, folder / "home", facts["pid"], facts["clock_factor"])


def stop(folder: Path, *, timeout: float = 10) -> None:
    """Ends the cluster in `folder` and all its jobs; nothing happens if there is none.

    Args:
        timeout: seconds for jobs to end by themselves; what is left then is killed.

    Raises: PocketError if something would not end.
    """
    folder = folder.expanduser().resolve()
    deadline = time.monotonic() + timeout
    info = status(folder)
    if info is not None:
        known = identity(info.pid)
        if not _ask_shutdown(folder, timeout):
            _signal(info.pid, known, signal.SIGTERM)
        if not _gone(info.pid, known, max(1.0, deadline - time.monotonic())):
            _signal(info.pid, known, signal.SIGKILL)
            if not _gone(info.pid, known, 5):
                raise PocketError(f"the pocket cluster's daemon (process {info.pid}) does not end")
    spool = folder / "spool"
    if spool.is_dir():
        spools = [path for path in spool.iterdir() if is_locked(path / "lock")]
        end_incarnations(spools, max(0.5, deadline - time.monotonic()))
        if any(is_locked(path / "lock") for path in spools):
            raise PocketError("a job of the pocket cluster does not end", f"Look at the processes of {spool}.")
    (folder / "pocket.json").unlink(missing_ok=True)


def _ask_shutdown(folder: Path, timeout: float) -> bool:
    """Asks the daemon to end its jobs and itself; True once the jobs have ended and it has said yes."""
    try:
        command = [str(folder / "bin" / "pocketctl"), "shutdown"]
        return subprocess.run(command, capture_output=True, timeout=timeout, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _signal(pid: int, known: str | None, number: int) -> None:
    if known is not None and identity(pid) == known:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _gone(pid: int, known: str | None, timeout: float) -> bool:
    """Waits until the process `known` is no more; reaps it if it is a child of ours."""
    deadline = time.monotonic() + timeout
    while known is not None and identity(pid) == known:
        if time.monotonic() > deadline:
            return False
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                return True
        select.select([], [], [], 0.02)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return True
