"""Long series made small enough to draw, and smoothed, without ever looking at all points again.

A chart of 120 columns needs about 480 points, however many were logged. `reduce` takes the lowest and the highest
point of each bucket, so that no spike is lost; `Pyramid` keeps buckets of growing size while points arrive, so that
reducing a million points costs as much as reducing a few thousand.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import exp, inf, isfinite, log, nan
from typing import Final

Point = tuple[float, float]
_FIRST: Final = 64
_NEXT: Final = 32
_LEVELS: Final = 4


def reduce(
    xs: Sequence[float], ys: Sequence[float], lo: float, hi: float, width: int, count: int | None = None
) -> list[Point]:
    """At most 2 × width points that draw the same curve: the lowest and highest of each of `width` equal parts.

    Args:
        xs: ascending (steps, seconds). ys: as many values; NaN and infinite ones are left out.
        lo, hi: the part of x to draw, both ends included. width: parts, at least 1.
        count: points that belong to the series, the first ones; None: all.

    Returns: finite points in order of x.
    """
    count = min(len(xs), len(ys)) if count is None else count  # a writer may be between two columns
    first, last = bisect_left(xs, lo, 0, count), bisect_right(xs, hi, 0, count)
    if last - first <= 2 * max(1, width):
        return [(x, y) for x, y in zip(xs[first:last], ys[first:last], strict=True) if isfinite(x) and isfinite(y)]
    points: list[Point] = []
    width = max(1, width)
    # buckets are cut by x, so that a gap in x stays a gap; each bucket's ends are found by bisection
    begin = first
    span = hi - lo if isfinite(hi - lo) and hi > lo else xs[last - 1] - xs[first]
    start = lo if isfinite(lo) else xs[first]
    for part in range(width):
        end = last if part == width - 1 else bisect_left(xs, start + span * (part + 1) / width, begin, last)
        if end > begin:
            _extremes(xs, ys, begin, end, points)
            begin = end
    return points


def _extremes(xs: Sequence[float], ys: Sequence[float], begin: int, end: int, into: list[Point]) -> None:
    """Appends the lowest and the highest finite point of one bucket, in order of x."""
    part = ys[begin:end]
    low, high = min(part), max(part)  # a NaN wins only where it comes first
    if not (isfinite(low) and isfinite(high)):
        finite = [y for y in part if isfinite(y)]
        if not finite:
            return
        low, high = min(finite), max(finite)
    at, to = part.index(low), part.index(high)
    chosen = (at,) if at == to else (min(at, to), max(at, to))
    into.extend((xs[begin + i], part[i]) for i in chosen if isfinite(xs[begin + i]))


class Pyramid:
    """An append-only series that can be reduced at any time at a cost that does not grow with it.

    Each level holds the lowest and highest point of every 64 points, or of every 32 entries of the level below. The
    series given to `extend` is not copied: only what is new since the last call is looked at.
    """

    def __init__(self) -> None:
        self._taken = 0
        self._xs: Sequence[float] = ()
        self._ys: Sequence[float] = ()
        self._levels = [(array("d"), array("d")) for _ in range(_LEVELS)]
        self._read = [0] * _LEVELS

    def __len__(self) -> int:
        return self._taken

    def extend(self, xs: Sequence[float], ys: Sequence[float], count: int | None = None) -> None:
        """Takes the points that were appended to the same two columns since the last call.

        A column that became shorter, or whose first point changed, is another one: everything is taken anew.

        Args:
            count: points that belong to the series; None: all.
        """
        count = min(len(xs), len(ys)) if count is None else count
        if count < self._taken or (self._taken and self._xs is not xs):
            self.__init__()  # type: ignore[misc]
        self._xs, self._ys, self._taken = xs, ys, count
        source: tuple[Sequence[float], Sequence[float]] = (xs, ys)
        available = count
        for level, (level_xs, level_ys) in enumerate(self._levels):
            size = _FIRST if level == 0 else _NEXT
            begin = self._read[level]
            points: list[Point] = []
            while begin + size <= available:
                _extremes(source[0], source[1], begin, begin + size, points)
                begin += size
            self._read[level] = begin
            for x, y in points:
                level_xs.append(x)
                level_ys.append(y)
            source, available = (level_xs, level_ys), len(level_xs)

    def reduce(self, lo: float, hi: float, width: int) -> list[Point]:
        """As `reduce` of the whole columns; a bucket's points are exact, its edge may be off by one group."""
        wanted = 4 * max(1, width)
        xs, ys = self._xs, self._ys
        covered = bisect_right(xs, hi, 0, self._taken) - bisect_left(xs, lo, 0, self._taken)
        if covered <= 4 * wanted:
            return reduce(xs, ys, lo, hi, width, self._taken)
        for level in range(_LEVELS - 1, -1, -1):
            level_xs, level_ys = self._levels[level]
            inside = bisect_right(level_xs, hi) - bisect_left(level_xs, lo)
            if inside >= wanted:
                return _joined(self._tail(level, lo, hi), reduce(level_xs, level_ys, lo, hi, width))
        return reduce(xs, ys, lo, hi, width, self._taken)

    def _tail(self, level: int, lo: float, hi: float) -> list[Point]:
        """The points after the last full group of a level, up to the newest."""
        begin = self._read[0] if level == 0 else self._covered(level)
        begin = max(begin, bisect_left(self._xs, lo, 0, self._taken))
        end = bisect_right(self._xs, hi, 0, self._taken)
        return reduce(self._xs[begin:end], self._ys[begin:end], lo, hi, 8) if begin < end else []

    def _covered(self, level: int) -> int:
        xs = self._levels[level][0]
        return bisect_right(self._xs, xs[-1], 0, self._taken) if len(xs) else 0


def _joined(tail: list[Point], body: list[Point]) -> list[Point]:
    last = body[-1][0] if body else -inf
    return body + [point for point in tail if point[0] > last]


def smooth(xs: Sequence[float], ys: Sequence[float], half_life: float) -> array[float]:
    """A running mean that leans to neither side: it goes through the middle of a fall and does not lag behind it.

    Args:
        xs: ascending, finite.
        ys: as many; one that is not finite has no weight.
        half_life: distance in x over which a point's weight halves, to the left and to the right; 0 does not smooth.

    Returns: a value for each point, NaN where no y is finite. The newest is the bias-corrected exponential mean, as
    nothing is known to its right. The oldest is the first y: left of it the series is thought turned about that point,
    as scipy's filtfilt does with padtype "odd", or the mean would begin below a fall.
    """
    if half_life <= 0:
        return array("d", ys)
    rate = log(2) / half_life
    count = len(ys)
    kept = [0.0] * count  # of a point's weight at the one after it; kept[-1] is not used
    gap, keep = nan, 0.0
    for i in range(count - 1):
        if xs[i + 1] - xs[i] != gap:  # mostly the same, and exp() is most of the cost
            gap = xs[i + 1] - xs[i]
            keep = exp(-rate * gap)
        kept[i] = keep
    sums, weights = [0.0] * count, [0.0] * count
    total = weight = 0.0
    first = -1
    for i in range(count - 1, -1, -1):
        total, weight = total * kept[i], weight * kept[i]
        sums[i], weights[i] = total, weight
        if isfinite(ys[i]):
            total, weight, first = total + ys[i], weight + 1.0, i
    values = array("d", [nan]) * count
    if first < 0:
        return values
    total, weight = 2 * ys[first] * weights[first] - sums[first], weights[first]
    for i in range(count):
        if isfinite(y := ys[i]):
            total, weight = total + y, weight + 1.0
        if i >= first:
            values[i] = (total + sums[i]) / (weight + weights[i])
            total, weight = total * kept[i], weight * kept[i]
    return values
