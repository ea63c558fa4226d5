"""A small drawing surface of terminal cells: braille dots, lines that are two of them thick, text over them. Pure.

A dot is one of the 2 × 4 of a braille cell (U+2800 and the bits of its dots). A cell has one ink: what is drawn later
wins it. x counts from the left, y from the bottom, both in cells.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import Final

DOTS_X: Final = 2
DOTS_Y: Final = 4
_BITS: Final = ((0x40, 0x80), (0x04, 0x20), (0x02, 0x10), (0x01, 0x08))  # from the bottom up
_LOWER: Final = 0x40 | 0x80 | 0x04 | 0x20

Cell = tuple[str, str, str]
"""A character, its colour and its background ("" for the default)."""
Points = Sequence[tuple[float, float]]
"""(x, y) in cells."""


class Canvas:
    """`width` × `height` cells."""

    def __init__(self, width: int, height: int, *, ascii_only: bool = False) -> None:
        self.width, self.height, self.ascii_only = max(1, width), max(1, height), ascii_only
        count = self.width * self.height
        self._bits = bytearray(count)
        self._colours = [""] * count
        self._backs = [""] * count
        self._chars: dict[int, str] = {}

    def _index(self, column: int, row: int) -> int | None:
        inside = 0 <= column < self.width and 0 <= row < self.height
        return (self.height - 1 - row) * self.width + column if inside else None

    def dot(self, x: float, y: float, colour: str) -> None:
        """Sets the dot at a point; outside the canvas nothing happens."""
        dot_x, dot_y = math.floor(x * DOTS_X), math.floor(y * DOTS_Y)
        if (index := self._index(dot_x // DOTS_X, dot_y // DOTS_Y)) is not None:
            self._bits[index] |= _BITS[dot_y % DOTS_Y][dot_x % DOTS_X]
            self._colours[index] = colour

    def dotted(self, points: Points, colour: str) -> None:
        """Joins the points by dots."""
        for x, low, high in spans(points, self.width, DOTS_X, DOTS_Y):
            for y in range(max(0, low), min(self.height * DOTS_Y - 1, high) + 1):
                index = (self.height - 1 - y // DOTS_Y) * self.width + x // DOTS_X
                self._bits[index] |= _BITS[y % DOTS_Y][x % DOTS_X]
                self._colours[index] = colour

    def line(self, points: Points, colour: str, letter: str = "") -> None:
        """Joins the points by one line, two dots thick; it takes its cells whole, so that nothing else looks like it.

        Args:
            letter: stands for it where there is nothing but ASCII, to tell lines apart.
        """
        touched: dict[int, int] = {}
        lowered = [(x, y - 0.5 / DOTS_Y) for x, y in points]  # the middle of the two dots is where the point is
        for x, low, high in spans(lowered, self.width, DOTS_X, DOTS_Y):
            for y in range(max(0, low), min(self.height * DOTS_Y - 1, high + 1) + 1):
                index = (self.height - 1 - y // DOTS_Y) * self.width + x // DOTS_X
                touched[index] = touched.get(index, 0) | _BITS[y % DOTS_Y][x % DOTS_X]
        for index, bits in touched.items():
            self._chars.pop(index, None)
            self._colours[index], self._bits[index] = colour, bits
            if self.ascii_only:
                self._bits[index] = 0
                self._chars[index] = letter or _ascii(bits & _LOWER, bits & ~_LOWER, '_"|')

    def _ink(self, x: int, y: int, char: str, colour: str) -> None:
        if (index := self._index(x, y)) is not None:
            self._chars[index], self._colours[index], self._bits[index] = char, colour, 0

    def column(self, x: int, char: str, colour: str) -> None:
        """A vertical line of `char` through the cells of column `x` that hold nothing yet."""
        for row in range(self.height):
            self.under(x, row, char, colour)

    def under(self, x: int, y: int, char: str, colour: str) -> None:
        """One character where nothing is yet."""
        index = self._index(x, y)
        if index is not None and not self._bits[index] and index not in self._chars:
            self._chars[index], self._colours[index] = char, colour

    def shade(self, x0: int, x1: int, colour: str, low: int = 0, high: int | None = None) -> None:
        """A background for the columns from `x0` to `x1`, in the rows from `low` to `high`."""
        last = self.height - 1 if high is None else high
        for row in range(max(0, low), min(self.height - 1, last) + 1):
            for x in range(max(0, x0), min(self.width - 1, x1) + 1):
                index = self._index(x, row)
                assert index is not None
                self._backs[index] = colour

    def text(self, x: int, y: int, text: str, colour: str, back: str = "") -> None:
        """Text over everything, clipped at the edges."""
        for offset, char in enumerate(text):
            if (index := self._index(x + offset, y)) is not None:
                self._ink(x + offset, y, char, colour)
                if back:
                    self._backs[index] = back

    def row(self, line: int) -> list[Cell]:
        """The cells of one line, counted from the top, neighbours of one style joined."""
        begin, end = line * self.width, (line + 1) * self.width
        chars = [self._char(index, bits) for index, bits in enumerate(self._bits[begin:end], begin)]
        cells: list[Cell] = []
        at = 0
        for (colour, back), alike in groupby(zip(self._colours[begin:end], self._backs[begin:end], strict=True)):
            count = len(list(alike))
            cells.append(("".join(chars[at : at + count]), colour, back))
            at += count
        return cells

    def _char(self, index: int, bits: int) -> str:
        if not bits:
            return self._chars.get(index, " ")
        return _ascii(bits & _LOWER, bits & ~_LOWER, ".':") if self.ascii_only else chr(0x2800 + bits)


def _ascii(lower: int, upper: int, chars: str) -> str:
    """One of `chars`: for the lower half, the upper half, or both."""
    return chars[2] if lower and upper else chars[0] if lower else chars[1]


def spans(points: Points, width: int, across: int, up: int) -> Iterator[tuple[int, int, int]]:
    """(column, lowest, highest row) of the line that joins the points, on a grid of `across` × `up` parts a cell.

    The line is cut at the columns' edges, so that it is joined wherever it is steep. Nothing of it is left out however
    many points there are, and no column comes twice.
    """
    columns = width * across
    lows, highs = [math.inf] * columns, [-math.inf] * columns
    for (x0, y0), (x1, y1) in pairwise(points) if len(points) > 1 else [(p, p) for p in points]:
        begin, end = x0 * across, x1 * across
        first = math.floor(begin)
        final = max(first, math.floor(end))
        slope, y = ((y1 - y0) / (end - begin) if final > first else 0.0), y0
        for column in range(first, final + 1):
            edge = y0 + (column + 1 - begin) * slope if column < final else y1
            if 0 <= column < columns:
                low, high = (y, edge) if y <= edge else (edge, y)
                if low < lows[column]:
                    lows[column] = low
                if high > highs[column]:
                    highs[column] = high
            y = edge
    for column, (low, high) in enumerate(zip(lows, highs, strict=True)):
        if low <= high:
            bottom = math.floor(low * up)
            yield column, bottom, max(bottom, math.ceil(high * up) - 1)
