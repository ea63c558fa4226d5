"""A small drawing surface of terminal cells: braille dots, text over them, colours by cell. Pure, no terminal.

A cell holds 2 × 4 dots (U+2800 and the bits of its dots). A cell has one colour: what is drawn later wins it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

DOTS_X: Final = 2
DOTS_Y: Final = 4
_BITS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_UPPER: Final = 0x01 | 0x08 | 0x02 | 0x10

Cell = tuple[str, str, str]
"""A character, its colour and its background ("" for the default)."""


class Canvas:
    """`width` × `height` cells; coordinates of dots count from the upper left corner."""

    def __init__(self, width: int, height: int, *, ascii_only: bool = False) -> None:
        self.width, self.height, self.ascii_only = max(1, width), max(1, height), ascii_only
        count = self.width * self.height
        self._bits = bytearray(count)
        self._colours = [""] * count
        self._backs = [""] * count
        self._chars: dict[int, str] = {}

    def dot(self, x: int, y: int, colour: str) -> None:
        """Sets one dot; outside the canvas nothing happens."""
        column, row = x >> 1, y >> 2
        if 0 <= column < self.width and 0 <= row < self.height:
            index = row * self.width + column
            self._bits[index] |= _BITS[y & 3][x & 1]
            self._colours[index] = colour

    def line(self, x0: int, y0: int, x1: int, y1: int, colour: str) -> None:
        """A straight line of dots between two points, clipped to the canvas' height and width."""
        steps = max(abs(x1 - x0), abs(y1 - y0))
        if steps > 8 * (self.width * DOTS_X + self.height * DOTS_Y):
            return
        for i in range(steps + 1):
            share = i / steps if steps else 0.0
            self.dot(round(x0 + (x1 - x0) * share), round(y0 + (y1 - y0) * share), colour)

    def column(self, x: int, char: str, colour: str) -> None:
        """A vertical line of `char` through the cells of column `x` that hold nothing yet."""
        if 0 <= x < self.width:
            for row in range(self.height):
                index = row * self.width + x
                if not self._bits[index] and index not in self._chars:
                    self._chars[index], self._colours[index] = char, colour

    def shade(self, x0: int, x1: int, colour: str) -> None:
        """A background for the columns from `x0` to `x1`."""
        for x in range(max(0, x0), min(self.width - 1, x1) + 1):
            for row in range(self.height):
                self._backs[row * self.width + x] = colour

    def text(self, x: int, y: int, text: str, colour: str) -> None:
        """Text over everything, clipped at the edges."""
        if 0 <= y < self.height:
            for offset, char in enumerate(text):
                if 0 <= x + offset < self.width:
                    index = y * self.width + x + offset
                    self._chars[index], self._colours[index] = char, colour

    def row(self, y: int) -> list[Cell]:
        """The cells of one row, neighbours of one style joined."""
        cells: list[Cell] = []
        for index in range(y * self.width, (y + 1) * self.width):
            char = self._chars.get(index) or self._dots(self._bits[index])
            colour, back = self._colours[index], self._backs[index]
            if cells and cells[-1][1:] == (colour, back):
                cells[-1] = (cells[-1][0] + char, colour, back)
            else:
                cells.append((char, colour, back))
        return cells

    def _dots(self, bits: int) -> str:
        if not bits:
            return " "
        if not self.ascii_only:
            return chr(0x2800 + bits)
        return ":" if bits & _UPPER and bits & ~_UPPER else "'" if bits & _UPPER else "."


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values to dots: `low` to 0 and `high` to `dots` - 1, by logarithm if `log`."""

    low: float
    high: float
    dots: int
    log: bool = False

    def __call__(self, value: float) -> int:
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(max(value, 1e-300))
        share = (at - low) / (high - low) if high > low else 0.5
        return round(min(4.0, max(-3.0, share)) * (self.dots - 1))

    def value(self, dot: float) -> float:
        """The value at a dot."""
        share = dot / (self.dots - 1) if self.dots > 1 else 0.0
        if self.log:
            low, high = math.log10(self.low), math.log10(self.high)
            return float(10 ** (low + (high - low) * share))
        return self.low + (self.high - self.low) * share


def polyline(canvas: Canvas, points: Sequence[tuple[int, int]], colour: str) -> None:
    """Joins the points; their y counts from the bottom."""
    top = canvas.height * DOTS_Y - 1
    for (x0, y0), (x1, y1) in pairwise(points):
        canvas.line(x0, top - y0, x1, top - y1, colour)
    if len(points) == 1:
        canvas.dot(points[0][0], top - points[0][1], colour)


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` round values from `low` to `high` (1, 2, 2.5 or 5 times a power of ten)."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low or most < 1:
        return [low] if math.isfinite(low) else []
    raw = (high - low) / most
    power = 10 ** math.floor(math.log10(raw))
    step = next(f * power for f in (1, 2, 2.5, 5, 10, 20) if f * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, first + most + 2) if i * step <= high + step * 1e-9][: most + 1]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round values on a logarithmic axis: 1, 2, 5 times powers of ten, or powers alone where those are too many."""
    for factors in ((1, 2, 5), (1, 5), (1,)):
        ticks = [
            f * 10.0**power
            for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            for f in factors
            if low * (1 - 1e-9) <= f * 10.0**power <= high * (1 + 1e-9)
        ]
        if len(ticks) <= most + 1:
            return ticks or [low, high]
    return ticks[:: math.ceil(len(ticks) / most)]


def tick_label(value: float, ticks: Iterable[float] = ()) -> str:
    """A short label, with as many decimals as the distance of the ticks asks for."""
    if value == 0:
        return "0"
    ordered = list(ticks)
    gap = abs(ordered[1] - ordered[0]) if len(ordered) > 1 else abs(value)
    if abs(value) >= 1e6 or max(abs(value), gap) < 1e-3:
        return f"{value:.2g}".replace("e-0", "e-").replace("e+0", "e")
    decimals = next((d for d in range(6) if abs(round(gap, d) - gap) <= gap * 0.01), 5)
    return f"{value:,.{decimals}f}"
