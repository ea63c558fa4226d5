"""The paramiko transport against a real SSH server."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from tests.remote.servers import Person, Server, hanging
from websight_tui.errors import ConnectionLost, RemoteFileError, RemoteTimeout
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import ReadRequest, Transport
from websight_tui.remote.sftp import Sftp
from websight_tui.remote.ssh import SshTransport, _ChannelStream


@pytest.fixture
def line(server: Server) -> Iterator[Transport]:
    transport = open_transport(server.endpoint())
    transport.connect(Person())
    yield transport
    transport.close()


def test_runs_a_command_and_keeps_its_streams_apart(line: Transport) -> None:
    result = line.exec("echo out; echo err >&2; exit 3", timeout=10)
    assert (result.exit, result.stdout, result.stderr) == (3, "out\n", "err\n")
    assert line.connected
    assert not line.may_prompt


def test_no_packet_waits_for_the_one_before(server: Server) -> None:
    transport = SshTransport(server.endpoint())
    transport.connect(Person())
    assert transport._transport is not None
    line = transport._transport.sock
    assert isinstance(line, socket.socket)
    assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    transport.close()


def test_gives_bytes_to_standard_input(line: Transport) -> None:
    assert line.exec("cat", timeout=10, stdin=b"a\nb").stdout == "a\nb"
    assert line.exec("cat", timeout=10).stdout == ""


def test_takes_a_large_output(line: Transport) -> None:
    result = line.exec("head -c 3000000 /dev/zero | tr '\\0' x; head -c 100000 /dev/zero | tr '\\0' y >&2", timeout=20)
    assert (len(result.stdout), len(result.stderr)) == (3_000_000, 100_000)


def test_a_timeout_ends_the_command_and_not_the_line(line: Transport) -> None:
    with pytest.raises(RemoteTimeout):
        line.exec("sleep 30", timeout=0.3)
    assert line.exec("echo still", timeout=10).stdout == "still\n"


def test_does_not_wait_for_what_a_command_leaves_behind(line: Transport) -> None:
    assert line.exec("sleep 20 & echo done", timeout=5).stdout == "done\n"


def test_commands_of_several_threads_run_side_by_side(line: Transport) -> None:
    results: dict[int, str] = {}

    def one(number: int) -> None:
        results[number] = line.exec(f"echo {number}", timeout=20).stdout

    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == {n: f"{n}\n" for n in range(8)}


def test_a_broken_line_is_noticed_everywhere(line: Transport, server: Server, tmp_path: Path) -> None:
    thread, errors = hanging(line)
    server.drop()
    thread.join(10)
    assert errors
    assert not line.connected
    with pytest.raises(ConnectionLost):
        line.exec("true", timeout=5)
    with pytest.raises(ConnectionLost):
        line.read("/etc/passwd", 0, 10)
    with pytest.raises(ConnectionLost):
        line.upload(b"x", str(tmp_path / "x"))


def test_connects_again_after_a_break_without_asking(line: Transport, server: Server) -> None:
    server.drop()
    with pytest.raises(ConnectionLost):
        line.exec("true", timeout=5)
    person = Person()
    line.connect(person)
    assert line.exec("echo back", timeout=5).stdout == "back\n"
    assert not person.asked


def test_closing_is_final_and_safe_to_repeat(line: Transport) -> None:
    line.close()
    line.close()
    assert not line.connected
    with pytest.raises(ConnectionLost):
        line.exec("true", timeout=5)


def test_reads_several_files_at_offsets(line: Transport, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789" * 20)
    (tmp_path / "b").write_bytes(bytes(range(256)) * 1024)
    a, missing, b, end = line.read_many(
        [
            ReadRequest(str(tmp_path / "a"), 5, 3),
            ReadRequest(str(tmp_path / "none"), 0, 10),
            ReadRequest(str(tmp_path / "b"), 100, 200_000),
            ReadRequest(str(tmp_path / "a"), -4, 100),
        ]
    )
    assert a is not None
    assert (a.data, a.size) == (b"567", 200)
    assert missing is None
    assert b is not None
    assert b.data == (bytes(range(256)) * 1024)[100:200_100]
    assert end is not None
    assert end.data == b"6789"


def test_identity_follows_the_file_and_not_its_length(line: Transport, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"started 10:00 " * 20)
    first = line.read(str(log), 0, 10)
    with log.open("ab") as stream:
        stream.write(b"more")
    grown = line.read(str(log), 0, 10)
    log.write_bytes(b"started 11:30 " * 60)
    other = line.read(str(log), 0, 10)
    assert first is not None
    assert grown is not None
    assert other is not None
    assert first.identity == grown.identity != other.identity


def test_uploads_with_mode_into_new_folders(line: Transport, tmp_path: Path) -> None:
    target = tmp_path / "new" / "deep" / "run.sh"
    seen: list[tuple[int, int]] = []
    line.upload(b"x" * 100_000, str(target), mode=0o750, progress=lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == b"x" * 100_000
    assert target.stat().st_mode & 0o777 == 0o750
    assert [p.name for p in target.parent.iterdir()] == ["run.sh"]
    assert seen == [(done, 100_000) for done in (0, 32_768, 65_536, 98_304, 100_000)], "told block by block"
    line.upload(b"again", str(target))
    assert target.read_bytes() == b"again"


def test_a_failed_upload_leaves_nothing(line: Transport, tmp_path: Path) -> None:
    (tmp_path / "folder" / "in the way").mkdir(parents=True)
    with pytest.raises(RemoteFileError):
        line.upload(b"x", str(tmp_path / "folder"))
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_downloads_go_on_where_they_stopped(line: Transport, tmp_path: Path) -> None:
    remote, target = tmp_path / "adapter", tmp_path / "here" / "adapter"
    content = bytes(range(251)) * 20_000
    remote.write_bytes(content)
    target.parent.mkdir()
    (target.parent / "adapter.part").write_bytes(content[:3_000_000])
    seen: list[int] = []
    line.download(str(remote), target, progress=lambda done, total: seen.append(done))
    assert target.read_bytes() == content
    assert seen[0] == 3_000_000
    assert seen[-1] == len(content)
    steps = [after - before for before, after in itertools.pairwise(seen)]
    assert max(steps) <= 32_768, "told block by block"
    assert min(steps) > 0
    assert not (target.parent / "adapter.part").exists()


def test_a_part_of_another_file_is_not_continued(line: Transport, tmp_path: Path) -> None:
    remote, target = tmp_path / "adapter", tmp_path / "copy"
    remote.write_bytes(b"new" * 50_000)
    (tmp_path / "copy.part").write_bytes(b"old" * 10_000)
    line.download(str(remote), target)
    assert target.read_bytes() == b"new" * 50_000


def test_a_missing_file_is_named(line: Transport, tmp_path: Path) -> None:
    with pytest.raises(RemoteFileError, match="does not exist"):
        line.download(str(tmp_path / "none"), tmp_path / "copy")


def test_a_read_larger_than_all_buffers_comes_through(line: Transport, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4 * 1024 * 30
    (tmp_path / "large").write_bytes(content)
    chunk = line.read(str(tmp_path / "large"), 0, len(content))
    assert chunk is not None
    assert len(chunk.data) == len(content)
    assert chunk.data == content


@pytest.mark.parametrize("broken", [EOFError(), paramiko.SSHException("gone")])
def test_a_line_that_breaks_in_the_middle_of_a_packet_is_a_lost_connection(broken: Exception) -> None:
    class Channel:
        def settimeout(self, seconds: float) -> None: ...

        def sendall(self, data: bytes) -> None:
            raise broken

        def recv(self, limit: int) -> bytes:
            raise broken

        def close(self) -> None: ...

    stream = _ChannelStream(Channel())  # type: ignore[arg-type]
    with pytest.raises(OSError, match="broke"):
        stream.recv(1, 1.0)
    with pytest.raises(ConnectionLost):
        Sftp(stream, 1.0, "somebody")
