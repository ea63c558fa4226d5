"""What breaks: full disks, dead peers, servers without SFTP, start-up files that print into it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.remote.servers import Person, Server, hanging
from websight_tui.errors import ConnectionLost, RemoteError, RemoteFileError
from websight_tui.remote.ssh import SshTransport

Make = Callable[..., Server]


def connected(server: Server, **changes: Any) -> SshTransport:
    transport = SshTransport(server.endpoint(), **changes)
    transport.connect(Person())
    return transport


class SmallDisk(asyncssh.SFTPServer):
    """Fails like a disk that is full after 100,000 bytes."""

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if offset + len(data) > 100_000:
            raise asyncssh.SFTPFailure("Failure")
        return super().write(file_obj, offset, data)


class LateQuota(asyncssh.SFTPServer):
    """Notices only at close that there is no room, as NFS does."""

    def close(self, file_obj: Any) -> None:
        writable = file_obj.writable()
        super().close(file_obj)
        if writable:
            raise asyncssh.SFTPFailure("Disk quota exceeded")


@pytest.mark.parametrize(("disk", "says"), [(SmallDisk, "full"), (LateQuota, "quota")])
def test_no_room_leaves_nothing_and_says_what_to_look_at(
    make_server: Make, tmp_path: Path, disk: type, says: str
) -> None:
    line = connected(make_server(sftp=disk))
    folder = tmp_path / "cluster"
    folder.mkdir()
    (folder / "kept").write_bytes(b"old")
    with pytest.raises(RemoteFileError) as caught:
        line.upload(b"x" * 300_000, str(folder / "kept"))
    assert says in caught.value.message + caught.value.hint
    assert [path.name for path in folder.iterdir()] == ["kept"]
    assert (folder / "kept").read_bytes() == b"old"
    line.close()


def test_a_server_without_sftp_still_runs_commands(make_server: Make) -> None:
    line = connected(make_server(sftp=None))
    with pytest.raises(RemoteError):
        line.read("/etc/passwd", 0, 10)
    assert line.exec("echo on", timeout=10).stdout == "on\n"
    line.close()


class Line:
    """A TCP line to a port that can go dead: nothing arrives any more, nothing is closed."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open = threading.Event()
        self._open.set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._ends: list[socket.socket] = [self._server]
        threading.Thread(target=self._accept, daemon=True).start()

    def die(self) -> None:
        self._open.clear()

    def stop(self) -> None:
        for end in self._ends:
            end.close()

    def _accept(self) -> None:
        try:
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()
        except OSError:
            return

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if self._open.is_set():
                    sink.sendall(data)
        except OSError:
            return


@pytest.fixture
def dead_end(server: Server) -> Iterator[tuple[Server, Line]]:
    line = Line(server.port)
    key = server.host_key.export_public_key().decode().split()
    server.known_hosts.write_text(f"[127.0.0.1]:{line.port} {key[0]} {key[1]}\n")
    yield server, line
    line.stop()


def test_a_silent_line_is_given_up(dead_end: tuple[Server, Line]) -> None:
    server, line = dead_end
    transport = SshTransport(server.endpoint(port=line.port), keepalive_s=0.3)
    transport.connect(Person())
    pause = threading.Event()
    pause.wait(1.0)  # some keepalives are answered
    assert transport.connected
    line.die()
    begin = time.monotonic()
    with pytest.raises(ConnectionLost):
        transport.exec("echo never", timeout=20)
    assert time.monotonic() - begin < 5
    assert not transport.connected
    transport.close()


def test_closing_from_another_thread_ends_a_command(server: Server) -> None:
    line = connected(server)
    thread, errors = hanging(line)
    begin = time.monotonic()
    line.close()
    assert time.monotonic() - begin < 0.2
    thread.join(10)
    assert errors


def test_at_most_two_commands_run_at_once_beside_the_file_session(server: Server) -> None:
    line = connected(server)
    line.read("/etc/passwd", 0, 1)
    spans: list[tuple[int, int]] = []

    def work() -> None:
        begin, end = line.exec("date +%s%N; sleep 0.1; date +%s%N", timeout=30).stdout.split()
        spans.append((int(begin), int(end)))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    line.close()
    assert len(spans) == 6
    assert max(sum(b <= begin < e for b, e in spans) for begin, _ in spans) <= 2
