"""Cuts a log of any size into pieces of whole lines, and finds the place of a line in the file. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from websight_tui.metrics.terminal_text import TerminalText
from websight_tui.runs.state import LogTail

AROUND: Final = 128 * 1024
"""Bytes that are shown before and after a place."""
_LINES_AROUND: Final = 2000
_COLOURS: Final = re.compile(rb"\x1b\[[0-9;:]*m")
_MOVES: Final = re.compile(rb"\x1b\[[0-9;]*[AB]")

Find = Callable[[Sequence[str]], Sequence[int]]
"""Indices of the lines that are looked for, in their order."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line somewhere in a log.

    Args:
        stream: "stdout" or "stderr".
        tail: the lines around it, as a terminal would show them.
        line: which of them it is.
        begin, end: bytes of the file that `tail` shows.
        size: bytes of the file.
    """

    stream: str
    tail: LogTail
    line: int
    begin: int
    end: int
    size: int


class Cut(NamedTuple):
    """Bytes of a file that are whole lines, or a part of one that is longer than a piece."""

    offset: int
    data: bytes


def cuts(
    read: Callable[[int, int], bytes], limit: Callable[[], int], begin: int, end: int, forward: bool
) -> Iterator[Cut]:
    """What lies from `begin` to before `end`, cut at line ends; from its end back if not `forward`.

    Args:
        read: (offset, limit) → that many bytes.
        limit: bytes to read next.
    """
    while begin < end:
        wanted = min(limit(), end - begin)
        if forward:
            cut = _first_lines(Cut(begin, read(begin, wanted)), last=begin + wanted >= end)
            begin += len(cut.data)
        else:
            cut = _last_lines(Cut(end - wanted, read(end - wanted, wanted)), first=end - wanted <= begin)
            end = cut.offset
        yield cut


def _first_lines(cut: Cut, *, last: bool) -> Cut:
    """What of it is whole lines, from its begin; nothing follows the last one."""
    return cut if last else Cut(cut.offset, cut.data[: cut.data.rfind(b"\n") + 1] or cut.data)


def _last_lines(cut: Cut, *, first: bool) -> Cut:
    """What of it is whole lines, up to its end; nothing comes before the first one."""
    begin = 0 if first else cut.data.find(b"\n") + 1
    return cut if begin == len(cut.data) else Cut(cut.offset + begin, cut.data[begin:])


def lines_of(data: bytes) -> list[str]:
    """The lines as a terminal would show them, without colours."""
    text = TerminalText(data.count(b"\n") + 2)
    text.feed(_COLOURS.sub(b"", data))
    return list(text.lines)


def offset_of(data: bytes, line: int) -> int:
    """Where in `data` the line with this index (of `lines_of`) begins; its end if it has not that many."""
    parts = data.split(b"\n", line) if not _MOVES.search(data) else None
    if parts is not None:
        return len(data) - len(parts[-1]) if len(parts) > line else len(data)
    text, offset = TerminalText(line + 2), 0
    while text.number < line and (end := data.find(b"\n", offset) + 1):
        text.feed(data[offset:end])
        offset = end
    return offset if text.number >= line else len(data)


def place(stream: str, data: bytes, offset: int, at: int, size: int, find: Find) -> Place:
    """The view on what lies around a line.

    Args:
        data: bytes of the file from `offset` on, which reach some way to both sides.
        at: where in the file the line begins.
    """
    before, after = data[: at - offset], data[at - offset :]
    if offset:
        before = before[before.find(b"\n") + 1 :]
    before = b"\n".join(before.rsplit(b"\n", _LINES_AROUND + 1)[-_LINES_AROUND - 1 :])
    if offset + len(data) < size:
        after = after[: after.rfind(b"\n") + 1] or after
    if len(parts := after.split(b"\n", _LINES_AROUND)) > _LINES_AROUND:
        after = after[: len(after) - len(parts[-1])]
    text = TerminalText(2 * _LINES_AROUND + 4)
    text.feed(before)
    line = text.number
    text.feed(after)
    lines = tuple(text.lines)
    found = find(lines)  # a cursor that moves up may have written over it once more
    line = min(found, key=lambda index: abs(index - line)) if found else min(line, len(lines) - 1)
    tail = LogTail(lines, size=size, inks=dict(text.inks))
    return Place(stream, tail, line, at - len(before), at + len(after), size)
