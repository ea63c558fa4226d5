"""Colours of a job's output: what is kept, what is not, and that the text is the same with and without them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websight_tui.metrics.ink import MOST_SPANS, PLAIN, Ink, Span, changed, painted
from websight_tui.metrics.terminal_text import TerminalText

RED = Ink("red")


def screen(text: str) -> TerminalText:
    found = TerminalText(50)
    found.feed(text.encode())
    return found


def inks(text: str) -> dict[int, tuple[Span, ...]]:
    return dict(screen(text).inks)


@pytest.mark.parametrize(
    ("parameters", "ink"),
    [
        ("", PLAIN),
        ("0", PLAIN),
        ("31", RED),
        ("1;31", Ink("red", bold=True)),
        ("91", RED),
        ("30", Ink("grey")),
        ("90", Ink("grey")),
        ("37", PLAIN),
        ("31;39", PLAIN),
        ("1;22", PLAIN),
        ("3;4;2", Ink(dim=True, italic=True, underline=True)),
        ("4:3", Ink(underline=True)),
        ("4:0", PLAIN),
        ("38;5;1", RED),
        ("38;5;9", RED),
        ("38;5;46", Ink("green")),
        ("38;5;208", Ink("yellow")),
        ("38;5;240", Ink("grey")),
        ("38;5;255", PLAIN),
        ("38;2;255;0;0", RED),
        ("38:2::255:0:0", RED),
        ("38:2:255:0:0", RED),
        ("38;2;10;10;10", Ink("grey")),
        ("38;2;80;120;255", Ink("blue")),
        ("48;5;1", PLAIN),
        ("48;2;1;2;3;31", RED),
        ("5;31", RED),  # no blinking
        ("8", PLAIN),  # nothing is concealed
        ("7", PLAIN),
        ("30;40", Ink("grey")),  # nothing is written black on black
        (">4;2", PLAIN),
        ("?25", PLAIN),
        ("38", PLAIN),
        ("38;5", PLAIN),
        ("38;9;31", RED),
        ("999999", PLAIN),
    ],
)
def test_what_becomes_of_a_sequence(parameters: str, ink: Ink) -> None:
    assert changed(PLAIN, parameters) == ink


def test_colours_stand_beside_the_text() -> None:
    found = screen("plain \x1b[31mred\x1b[0m and \x1b[1;32mgreen\x1b[m\nnext\n")
    assert list(found.lines) == ["plain red and green", "next"]
    assert dict(found.inks) == {0: (Span(6, 9, RED), Span(14, 19, Ink("green", bold=True)))}


def test_a_colour_goes_on_over_line_ends_and_cuts() -> None:
    found = TerminalText(50)
    for byte in b"\x1b[31mone\ntwo\x1b[0m three":
        found.feed(bytes([byte]))
    assert list(found.lines) == ["one", "two three"]
    assert dict(found.inks) == {0: (Span(0, 3, RED),), 1: (Span(0, 3, RED),)}


def test_what_is_overwritten_or_erased_loses_its_colour() -> None:
    assert inks("\x1b[31mabcdef\x1b[0m\rxy") == {0: (Span(2, 6, RED),)}
    assert inks("\x1b[31mabcdef\x1b[0m\r\x1b[K") == {}
    assert inks("\x1b[31mabcdef\x1b[0m\rab\x1b[Kz") == {}
    assert inks("abcdef\r\x1b[31mxy\x1b[0m") == {0: (Span(0, 2, RED),)}


def test_a_coloured_bar_is_one_line() -> None:
    text = "".join(f"\r\x1b[32m{'#' * n}\x1b[0m {n}/9" for n in range(10)) + "\n"
    found = screen(text)
    assert list(found.lines) == ["######### 9/9"]
    assert dict(found.inks) == {0: (Span(0, 9, Ink("green")),)}


def test_colours_of_lines_that_fell_out_are_forgotten() -> None:
    found = screen("".join(f"\x1b[31mline {n}\x1b[0m\n" for n in range(5000)))
    assert found.dropped == 4950
    assert set(found.inks) == set(range(4950, 5000))


def test_sequences_that_only_look_like_colours_do_nothing() -> None:
    assert inks("\x1b[31 mx") == {}
    assert inks("\x1b[>4;2mx") == {}


def test_a_line_of_very_many_colours_is_bounded() -> None:
    (spans,) = inks("".join(f"\x1b[3{n % 7 + 1}mx" for n in range(4000))).values()
    assert len(spans) <= MOST_SPANS


def test_a_colour_beyond_the_end_of_a_line_writes_nothing() -> None:
    assert list(screen("\na\x1b[A\x1b[31m\r").lines) == ["", "a"]


@given(
    st.lists(st.tuples(st.sampled_from(["a", "bc\t", "\r", "\n", "\x08", "d\x1b[K", "\x1b[A"]), st.integers(0, 110)))
)
def test_the_text_is_the_same_with_and_without_colours(pieces: list[tuple[str, int]]) -> None:
    coloured = screen("".join(f"\x1b[{code}m{text}" for text, code in pieces))
    plain = screen("".join(text for text, _ in pieces))
    assert list(coloured.lines) == list(plain.lines)
    for number, spans in coloured.inks.items():
        line = coloured.lines[number - coloured.dropped] if number - coloured.dropped < len(coloured.lines) else ""
        assert all(0 <= span.start < span.end for span in spans)
        assert all(one.end <= two.start for one, two in pairwise(spans))
        assert not spans or spans[-1].end <= max(len(line), 1)


@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                "bcd",
                "\t",
                "\r",
                "\n",
                "\x08",
                "\x07",
                "\x1b[K",
                "\x1b[A",
                "\x1b[31m",
                "\x1b[0m",
                "\x1b[1;32m",
                "\x1b]0;t\n",
            ]
        ),
        max_size=40,
    )
)
def test_whole_lines_and_single_bytes_come_to_the_same(pieces: list[str]) -> None:
    """Whole coloured lines take a quick way, cut ones the long way."""
    data = "".join(pieces).encode()
    at_once, cut = screen(data.decode()), TerminalText(50)
    for byte in data:
        cut.feed(bytes([byte]))
    assert list(cut.lines) == list(at_once.lines)
    assert dict(cut.inks) == dict(at_once.inks)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.sampled_from([PLAIN, RED, Ink("green")]))))
def test_painting_is_as_painting_single_characters(strokes: list[tuple[int, int, Ink]]) -> None:
    spans: tuple[Span, ...] = ()
    cells = [PLAIN] * 31
    for start, end, ink in strokes:
        spans = painted(spans, start, end, ink)
        cells[start:end] = [ink] * max(0, end - start)
    shown = [PLAIN] * 31
    for span in spans:
        shown[span.start : span.end] = [span.ink] * (span.end - span.start)
    assert shown == cells
