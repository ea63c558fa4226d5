"""SFTP against servers that misbehave, from bytes alone."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.remote.servers import Person, Server
from websight_tui.errors import ConnectionLost, RemoteFileError, RemoteTimeout
from websight_tui.remote import sftp
from websight_tui.remote.sftp import Sftp
from websight_tui.remote.ssh import SshTransport


class Script:
    """A stream that says what it was given, then ends or falls silent."""

    def __init__(self, says: bytes, *, silent: bool = False) -> None:
        self.says, self.silent, self.closed = says, silent, False
        self.heard = b""
        self.heard_at_recv: list[int] = []

    def send(self, data: bytes, seconds: float) -> None:
        self.heard += data

    def recv(self, limit: int, seconds: float) -> bytes:
        if not self.says and self.silent:
            raise TimeoutError
        self.heard_at_recv.append(len(self.heard))
        some = min(limit, 100)
        data, self.says = self.says[:some], self.says[some:]
        return data

    def close(self) -> None:
        self.closed = True


def packet(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


VERSION = packet(2, struct.pack(">I", 3))


def status(number: int, code: int) -> bytes:
    return packet(101, struct.pack(">II", number, code) + sftp.text("words") + sftp.text(""))


def test_a_start_up_file_that_prints_is_named_as_the_cause() -> None:
    stream = Script(b"Welcome to the cluster!\n")
    with pytest.raises(RemoteFileError, match="does not speak SFTP") as caught:
        Sftp(stream, 1.0, "hai")
    assert "bashrc" in caught.value.hint
    assert stream.closed


def test_silence_and_an_early_end() -> None:
    with pytest.raises(RemoteTimeout):
        Sftp(Script(b"", silent=True), 1.0, "hai")
    with pytest.raises(ConnectionLost):
        Sftp(Script(VERSION[:3]), 1.0, "hai")


def test_answers_in_any_order_find_their_requests() -> None:
    session = Sftp(Script(VERSION + status(1, 3) + status(99, 4) + status(0, 2)), 1.0, "hai")
    first, second = session.batch([(sftp.STAT, sftp.text("/a")), (sftp.STAT, sftp.text("/b"))])
    assert first.missing
    assert second.code == 3
    assert second.text == "words"


def test_a_session_that_broke_stays_closed() -> None:
    session = Sftp(Script(VERSION), 1.0, "hai")
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            session.batch([(sftp.STAT, sftp.text("/a"))])
    assert session.closed


def test_a_damaged_answer_does_not_pass_for_one() -> None:
    session = Sftp(Script(VERSION + packet(101, b"\0")), 1.0, "hai")
    with pytest.raises(ConnectionLost, match="damaged"):
        session.batch([(sftp.STAT, sftp.text("/a"))])


def test_many_requests_go_out_in_portions() -> None:
    count = sftp.IN_FLIGHT * 3
    stream = Script(VERSION + b"".join(status(number, 0) for number in range(count)))
    session = Sftp(stream, 1.0, "hai")
    stream.heard = b""
    stream.heard_at_recv.clear()
    one = len(sftp.text("/a")) + 9
    assert len(session.batch([(sftp.STAT, sftp.text("/a"))] * count)) == count
    assert stream.heard_at_recv[0] == one * sftp.IN_FLIGHT
    assert len(stream.heard) == one * count


def test_a_server_that_renames_only_to_free_names(server: Server, tmp_path: Path) -> None:
    line = SshTransport(server.endpoint())
    line.connect(Person())
    target = tmp_path / "file"
    line.upload(b"one", str(target))
    assert line._files is not None
    line._files.posix_rename = False
    line.upload(b"two", str(target))
    assert target.read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []
    line.close()
