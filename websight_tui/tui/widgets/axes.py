"""Scales and their ticks: round values, on whole rows of the picture, at even distances. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from websight_tui import words
from websight_tui.metrics.curves import Axis

Window = tuple[float, float]
_NAMED: Final = 40
"""Cells from which on the axis' name stands at its end; a smaller chart is beside one that says it."""
_LEAST_APART: Final = 7
"""Cells between two ticks of the lower axis."""
_NICE: Final = (1.0, 2.0, 2.5, 5.0)
_SECONDS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values to cells: `low` to 0 and `high` to `cells`, by logarithm if `log`."""

    low: float
    high: float
    cells: int
    log: bool = False

    def __call__(self, value: float) -> float:
        """Where `value` is, in cells from the beginning; far outside values are held near the edges."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(max(value, 1e-300))
        share = (at - low) / (high - low) if high > low else 0.5
        return min(4.0, max(-3.0, share)) * self.cells

    def all(self, values: Iterable[float]) -> list[float]:
        """Where each of `values` is; in one go, since a curve has hundreds."""
        if self.log or self.high <= self.low:
            return [self(value) for value in values]
        low, each = self.low, self.cells / (self.high - self.low)
        least, most = -3.0 * self.cells, 4.0 * self.cells
        placed = [(value - low) * each for value in values]
        inside = not placed or (least <= min(placed) and max(placed) <= most)
        return placed if inside else [min(most, max(least, at)) for at in placed]

    def cell(self, value: float) -> int:
        """The cell that holds `value`; the end of the scale belongs to the last one."""
        at = self(value)
        return self.cells - 1 if self.cells <= at < self.cells + 0.5 else math.floor(at)

    def value(self, cell: float) -> float:
        """The value at a distance of so many cells from the beginning."""
        share = cell / self.cells if self.cells else 0.0
        if self.log:
            low, high = math.log10(self.low), math.log10(self.high)
            return float(10 ** (low + (high - low) * share))
        return self.low + (self.high - self.low) * share


def upright(values: Sequence[float], rows: int, log: bool = False) -> tuple[Scale, list[float]]:
    """A scale for `values` over `rows` rows, and its ticks.

    On a plain scale a row is a round step, so that every tick is in the middle of a row and all are equally far apart;
    of the possible steps the one that leaves the least room unused is taken.

    Args:
        log: by logarithm, where there is a value above 0.
    """
    finite = [v for v in values if math.isfinite(v)]
    if log and (positive := [v for v in finite if v > 0]):
        low, high = min(positive), max(positive)
        low, high = (low / 1.1, high * 1.1) if high > low else (low / 2, high * 2)
        return Scale(low, high, rows, log=True), log_ticks(low, high, max(3, rows * 2 // 5))
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if high - low <= abs(high) * 1e-9:
        margin = abs(high) * 0.1 or 1.0
        low, high = low - margin, high + margin
    if 0 <= low < (high - low) * 0.1:
        low = 0.0
    choices = [choice for gap in range(1, max(2, rows // 2) + 1) for choice in _choices(low, high, rows, gap)]
    step, gap, first = min(choices, key=lambda choice: _cost(*choice, rows=rows))
    row = step / gap
    scale = Scale((first - 0.5) * row, (first + rows - 0.5) * row, rows)
    return scale, [n * row for n in range(first, first + rows) if n % gap == 0]


def _choices(low: float, high: float, rows: int, gap: int) -> Iterable[tuple[float, int, int]]:
    """(value between two ticks, rows between two ticks, rows from value 0 to the lowest row) that hold low to high."""
    least = (high - low) / max(1, rows - 1) * gap
    power = 10.0 ** math.floor(math.log10(least))
    for factor in (*_NICE, *(10 * f for f in _NICE)):
        step = factor * power
        first = math.floor(low / (step / gap) + 0.25)
        if step >= least * (1 - 1e-9) and high <= (first + rows - 0.75) * step / gap:
            yield step, gap, first


def _cost(step: float, gap: int, first: int, *, rows: int) -> float:
    """How much of the height is unused, and how far from a readable number of ticks it is."""
    ticks = sum(1 for n in range(first, first + rows) if n % gap == 0)
    wanted = max(2.0, min(6.0, rows / 2.5))
    crowd = abs(math.log(max(ticks, 0.2) / wanted))
    return math.log(step / gap) + 0.35 * crowd + (2.0 if ticks < 2 else 0.0)


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` + 1 round values from `low` to `high` (1, 2, 2.5 or 5 times a power of ten)."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low or most < 1:
        return [low] if math.isfinite(low) else []
    raw = (high - low) / most
    power = 10 ** math.floor(math.log10(raw))
    step = next(f * power for f in (*_NICE, 10, 20) if f * power >= raw * (1 - 1e-9))
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
    ordered = list(ticks)
    gap = abs(ordered[1] - ordered[0]) if len(ordered) > 1 else abs(value)
    if abs(value) < gap * 1e-6 or value == 0:
        return "0"
    if abs(value) >= 1e6 or max(abs(value), gap) < 1e-3:
        shown = next(text for d in (2, 3, 4, 5, 9) if _close(float(text := f"{value:.{d}g}"), value, gap) or d == 9)
        return shown.replace("e-0", "e-").replace("e+0", "e")
    decimals = next((d for d in range(9) if _close(round(gap, d), gap, gap)), 9)
    return f"{value:,.{decimals}f}"


def _close(shown: float, value: float, gap: float) -> bool:
    return abs(shown - value) <= gap * 0.01


def axis_label(axis: Axis, x: float) -> str:
    """A position on the axis in words: "step 420", "epoch 0.38", "1:02:03"."""
    if axis is Axis.TIME:
        return words.clock(x)
    return f"step {x:,.0f}" if axis is Axis.STEP else f"epoch {x:.2f}"


def bottom_line(axis: Axis, window: Window, across: Scale) -> str:
    """The labels under the x axis in `across.cells` cells, with the axis' name at the end."""
    width = across.cells
    name = {Axis.STEP: "step", Axis.EPOCH: "epoch", Axis.TIME: "time"}[axis]
    line = [" "] * width
    end = width
    if width >= _NAMED:
        line[width - len(name) :] = name
        end -= len(name) + 1
    ticks = _time_ticks(window, max(2, width // 13)) if axis is Axis.TIME else _across_ticks(axis, window, width)
    free = 0
    for tick in ticks:
        label = words.clock(tick) if axis is Axis.TIME else tick_label(tick, ticks)
        at = max(0, across.cell(tick) - (len(label) - 1) // 2)
        at = end - len(label) if 0 < at + len(label) - end <= 2 else at  # rather a little off than not there
        if at >= free and at + len(label) <= end:
            line[at : at + len(label)] = label
            free = at + len(label) + 2
    return "".join(line)


def _across_ticks(axis: Axis, window: Window, width: int) -> list[float]:
    """Round values, as many as have room for their labels and two cells between them."""
    for most in range(max(3, width // 7), 1, -1):
        ticks = nice_ticks(*window, most)
        if axis is Axis.STEP:
            ticks = [t for t in ticks if t == int(t)]
        widest = max((len(tick_label(t, ticks)) for t in ticks), default=0)
        if len(ticks) < 2 or (ticks[1] - ticks[0]) / (window[1] - window[0]) * width >= max(widest + 2, _LEAST_APART):
            break
    return ticks


def _time_ticks(window: Window, most: int) -> list[float]:
    days = (86400 * n for n in (1, 2, 7, 14, 28))
    step = next((s for s in (*_SECONDS, *days) if (window[1] - window[0]) / s <= most), 28 * 86400)
    first = math.ceil(window[0] / step)
    return [i * step for i in range(first, int(window[1] // step) + 1)]


def evenly(ticks: Sequence[float], scale: Scale) -> bool:
    """Whether all ticks are in the middle of a row and equally far apart (a few hundredths of a row are no matter)."""
    rows = [scale(t) for t in ticks]
    gaps = {round(b - a, 2) for a, b in pairwise(rows)}
    return len(gaps) <= 1 and all(abs(row - math.floor(row) - 0.5) < 0.02 for row in rows)
