from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metrics.samples import bar
from websight_tui.metrics.terminal_text import MAX_COLUMNS, TerminalText, plain


def shown(text: str | bytes, max_lines: int = 100) -> list[str]:
    screen = TerminalText(max_lines)
    screen.feed(text if isinstance(text, bytes) else text.encode())
    return list(screen.lines)


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        ("a\nb\n", ["a", "b"]),
        ("a\nb", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("first\rsecond\rthird", ["thirdd"]),
        ("longer text\rshort", ["shortr text"]),
        ("progress\r\x1b[Kdone\n", ["done"]),
        ("abc\x08\x08X", ["aXc"]),
        ("\ta\tb", ["        a       b"]),
        ("a\x1b[31mred\x1b[0m b", ["ared b"]),
        ("a\x1b]0;title\x07b\x1b]52;c;AAAA\x1b\\c", ["abc"]),
        ("a\x1b]0;never ends\nb", ["a", "b"]),
        ("a\x00b\x0bc\x7fd", ["abcd"]),
        ("a\u202eb\u2066c\u200ed", ["abcd"]),
        ("a\x9b2Jb\x85c", ["abc"]),
        ("a\u2028b", ["ab"]),
        (b"a\xffb\xc3", ["a�b"]),
        ("one\ntwo\x1b[1A\rONE\n\n", ["ONE", "two"]),
        ("a\n\nb\n", ["a", "", "b"]),
        ("x\x1b[2J\x1b[Hy", ["xy"]),
    ],
)
def test_what_a_terminal_would_show(raw: str | bytes, lines: list[str]) -> None:
    assert shown(raw) == lines


def test_a_progress_bar_is_one_line_in_its_last_state() -> None:
    text = "".join("\r" + bar(step, 100, "00:10") for step in range(101)) + "\nnext\n"
    assert shown(text) == [bar(100, 100, "00:10"), "next"]


def test_two_bars_are_two_lines() -> None:
    text = "\r" + bar(3, 100, "00:10")
    for step in range(1, 21):
        text += "\n\r" + bar(step, 20, "00:01") + "\x1b[A"
    text += "\r" + bar(4, 100, "00:20")
    assert shown(text) == [bar(4, 100, "00:20"), bar(20, 20, "00:01")]


def test_cursor_up_stops_at_what_is_kept() -> None:
    assert shown("a\nb\nc\x1b[999Ax", max_lines=2) == ["bx", "c"]


def test_old_lines_are_dropped_and_counted() -> None:
    screen = TerminalText(max_lines=3)
    screen.feed(b"".join(b"%d\n" % i for i in range(10)))
    assert list(screen.lines) == ["7", "8", "9"]
    assert screen.dropped == 7
    screen.feed(b"half")
    assert list(screen.lines) == ["8", "9", "half"]
    assert screen.dropped == 8
    assert screen.lines[-1] == "half"
    assert screen.lines[:2] == ["8", "9"]


def test_endless_lines_and_sequences_are_bounded() -> None:
    screen = TerminalText(10)
    for _ in range(50):
        screen.feed(b"x" * 100_000)
    assert len(screen.lines[0]) == MAX_COLUMNS
    screen.feed(b"\n\x1b]0;")
    for _ in range(50):
        screen.feed(b"x" * 100_000)
    assert len(screen._pending) < 10_000
    screen.feed(b"\x07after\n")
    assert screen.lines[-1] == "after"


def test_version_grows_when_something_arrives() -> None:
    screen = TerminalText()
    before = screen.version
    screen.feed(b"")
    assert screen.version == before
    screen.feed(b"a")
    assert screen.version > before


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("train\x1b[31m-7b", "train-7b"),
        ("a\nb\tc\r\nd", "a b c d"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("\x1b]52;c;ZXZpbA==\x07ok", "ok"),
        ("\ud800x", "?x"),
        ("  spaced   out ", "spaced out"),
    ],
)
def test_plain(raw: str, safe: str) -> None:
    assert plain(raw) == safe


def test_plain_is_bounded() -> None:
    assert plain("x" * 10_000_000, 10) == "xxxxxxxxx…"


KEYS = ("a", "bc", "\x08", "\x08\x08", "\t", "\r", "\x1b[31m", "\x1b[0m", "\x1b[K", "x" * 4090)


@given(st.lists(st.sampled_from(KEYS)))
def test_a_line_that_is_written_over_again_and_again(parts: list[str]) -> None:
    """Against the plainest terminal: one character at a time, each with its colour."""
    cells: list[tuple[str, bool]] = []
    column, red = 0, False
    for part in parts:
        if part.startswith("\x1b"):
            red = red if part == "\x1b[K" else part == "\x1b[31m"
            del cells[column if part == "\x1b[K" else len(cells) :]
            continue
        for letter in part:
            if letter in "\r\x08":
                column = max(0, column - 1) if letter == "\x08" else 0
                continue
            for shown in " " * (8 - column % 8) if letter == "\t" else letter:
                if column < MAX_COLUMNS:
                    cells += [(" ", False)] * (column + 1 - len(cells))
                    cells[column] = (shown, red)
                    column += 1
    found = TerminalText(5)
    found.feed("".join(parts).encode())
    assert list(found.lines) == (["".join(letter for letter, _ in cells)] if cells else [])
    painted = {n for span in found.inks.get(0, ()) for n in range(span.start, span.end)}
    assert painted == {n for n, (_, coloured) in enumerate(cells) if coloured}


def test_letters_that_are_taken_back_cost_no_more_than_what_they_write() -> None:
    pair = b"a\x08b"
    for data in (pair * 350_000, b"a\x08" * 500_000, b"\x1b[31m" + pair * 350_000, (pair * 30 + b"\n") * 11_000):
        begun = process_time()
        TerminalText().feed(data)
        assert process_time() - begun < 2.0, "seconds for a megabyte, on a busy machine; 0.3 on a quiet one"
