"""This machine as a cluster."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.remote.servers import Person
from websight_tui.errors import ConnectionLost, RemoteFileError, RemoteTimeout
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import Endpoint, Transport


@pytest.fixture
def here() -> Iterator[Transport]:
    transport = open_transport(Endpoint(transport="local"))
    transport.connect(Person())
    yield transport
    transport.close()


def gone(pid: int) -> bool:
    """Whether the process has ended (one that waits for its parent to notice counts as ended)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False


def test_runs_commands(here: Transport) -> None:
    result = here.exec("echo out; echo err >&2; cat; exit 4", timeout=10, stdin=b"in")
    assert (result.exit, result.stdout, result.stderr) == (4, "out\nin", "err\n")


def test_a_signal_counts_as_in_a_shell(here: Transport) -> None:
    assert here.exec("kill -9 $$", timeout=10).exit == 128 + signal.SIGKILL


def test_a_timeout_ends_all_that_the_command_started(here: Transport, tmp_path: Path) -> None:
    with pytest.raises(RemoteTimeout):
        here.exec(f"sleep 60 & echo $! > {tmp_path}/pid; wait", timeout=1.0)
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 5
    while not gone(pid) and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    assert gone(pid)


def test_nothing_runs_after_close(here: Transport) -> None:
    here.close()
    with pytest.raises(ConnectionLost):
        here.exec("true", timeout=5)


def test_files(here: Transport, tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    here.upload(b"0123456789", str(path), mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600
    chunk = here.read(str(path), -3, 100)
    assert chunk is not None
    assert (chunk.data, chunk.size) == (b"789", 10)
    assert here.read(str(tmp_path / "none"), 0, 1) is None
    here.download(str(path), tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"0123456789"
    with pytest.raises(RemoteFileError):
        here.upload(b"x", str(path / "below a file"))
    with pytest.raises(RemoteFileError):
        here.read(str(tmp_path), 0, 1)
