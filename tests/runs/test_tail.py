"""Never a byte lost, never one twice, whatever happens to the file between two looks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from websight_tui.remote.identity import HEAD_BYTES, identity_of
from websight_tui.remote.port import FileChunk, ReadRequest
from websight_tui.runs import tail as module
from websight_tui.runs.tail import Tail


def read(data: bytes, request: ReadRequest) -> FileChunk:
    start = request.offset if request.offset >= 0 else max(0, len(data) + request.offset)
    return FileChunk(data[start : start + request.limit], len(data), identity_of(data[:HEAD_BYTES]))


def follow(tail: Tail, data: bytes) -> tuple[bytes, bool]:
    """All that one look brings, and whether the file began anew."""
    got, restarted = b"", False
    while True:
        step = tail.take(read(data, tail.request()))
        if step.restarted:
            got, restarted = b"", True
        got += step.data
        if not step.more:
            return got, restarted


@given(st.lists(st.binary(max_size=400), max_size=12), st.integers(1, 90))
@settings(max_examples=150)
def test_a_growing_file_comes_whole_in_pieces_of_any_size(parts: list[bytes], piece: int) -> None:
    before, module.PIECE = module.PIECE, piece
    try:
        tail, data, got = Tail("/f"), b"", b""
        for part in parts:
            data += part
            new, restarted = follow(tail, data)
            got += new
            assert not restarted
            assert got == data
    finally:
        module.PIECE = before


@given(st.binary(min_size=1, max_size=500), st.binary(max_size=900))
def test_another_file_in_its_place_is_read_from_its_beginning(old: bytes, new: bytes) -> None:
    tail = Tail("/f")
    follow(tail, old)
    got, restarted = follow(tail, new)
    if restarted:
        assert got == new
    else:  # it cannot be told from the old one's continuation, or it is a shorter view of the same head
        assert new.startswith(old) or len(new) < len(old)
        assert old + got == new or got == b""


def test_a_truncated_output_of_a_requeued_job_begins_anew() -> None:
    tail = Tail("/f")
    follow(tail, b"first attempt\n" * 50)
    got, restarted = follow(tail, b"second\n")
    assert (got, restarted) == (b"second\n", True)


def test_a_replaced_file_that_is_already_longer_is_noticed() -> None:
    tail = Tail("/f")
    follow(tail, b"a" * 20)
    got, restarted = follow(tail, b"b" * 60)
    assert (got, restarted) == (b"b" * 60, True)


def test_a_view_that_lags_behind_is_waited_for() -> None:
    tail, data = Tail("/f"), b"x" * 300 + b"end\n"
    follow(tail, data)
    for _ in range(3):
        assert follow(tail, data[:200]) == (b"", False)
    assert follow(tail, data + b"more\n") == (b"more\n", False)


def test_a_missing_file_is_waited_for() -> None:
    tail = Tail("/f")
    assert tail.take(None).data == b""
    assert follow(tail, b"here")[0] == b"here"
    assert tail.take(None).data == b""
    assert follow(tail, b"here again")[0] == b" again"


def test_a_huge_output_begins_near_its_end_and_goes_on_from_there() -> None:
    tail, data = Tail("/f", last=100), bytes(range(256)) * 40
    assert follow(tail, data)[0] == data[-100:]
    assert follow(tail, data + b"new")[0] == b"new"
    small = Tail("/f", last=100)
    assert follow(small, b"")[0] == b""
    assert follow(small, b"tiny")[0] == b"tiny"


def test_going_on_after_a_restart_of_the_app() -> None:
    data = b"0123456789" * 30
    tail = Tail("/f")
    tail.go_on(150, identity_of(data), data[:150])
    assert follow(tail, data)[0] == data[150:]
    other = Tail("/f")
    other.go_on(150, identity_of(data), b"something else entirely" * 10)
    assert follow(other, data) == (data, True)


def test_a_flood_is_skipped_on_purpose() -> None:
    tail = Tail("/f")
    follow(tail, b"start")
    data = b"start" + b"z" * 5000 + b"last"
    tail.skip_to_end(len(data), 4)
    assert follow(tail, data)[0] == b"last"
