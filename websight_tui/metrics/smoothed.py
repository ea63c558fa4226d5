"""A growing series seen through a running mean that is worked out only where somebody looks.

The mean of a point depends on few around it (a weight halves every half-life), so a single value, or the points of a
window, cost the same however long the series is, and another half-life costs nothing at all. Where a window holds more
points than can be drawn, the means of equal parts of it are smoothed instead of the points.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, overload

from websight_tui.metrics.series import Point, reduce, smooth

_EXACT: Final = 4096
"""Points of a window up to which each is smoothed."""
_BLOCK: Final = 64
"""Values of one running sum; a sum for each would take as much memory as they do."""
_MEMORY: Final = 16.0
"""Half-lives after which a point's weight is nothing (1/65,536)."""


class Totals:
    """Running sums of a growing column of finite values, for the mean of any part of it."""

    def __init__(self) -> None:
        self._sums = array("d", [0.0])
        self._ys: Sequence[float] = ()

    def extend(self, ys: Sequence[float], count: int) -> None:
        """Takes the values appended to the same column since the last call, up to `count` in all."""
        self._ys = ys
        for begin in range((len(self._sums) - 1) * _BLOCK, count - _BLOCK + 1, _BLOCK):
            self._sums.append(self._sums[-1] + sum(ys[begin : begin + _BLOCK]))

    def mean(self, begin: int, end: int) -> float:
        """Of the values from `begin` up to `end`, which is more."""
        return (self._before(end) - self._before(begin)) / (end - begin)

    def _before(self, index: int) -> float:
        block = index // _BLOCK
        return self._sums[block] + sum(self._ys[block * _BLOCK : index])


class Smoothed(Sequence[float]):
    """The smoothed values of a series: an item for each of its points, as `smooth` gives them.

    Args:
        xs, ys: the series, append-only, finite, xs ascending.
        totals: of `ys`.
        half_life: distance in x over which a point's weight halves, above 0.
        count: points that belong to it.
    """

    __slots__ = ("_count", "_half_life", "_totals", "_xs", "_ys")

    def __init__(self, xs: Sequence[float], ys: Sequence[float], totals: Totals, half_life: float, count: int) -> None:
        self._xs, self._ys, self._totals, self._half_life, self._count = xs, ys, totals, half_life, count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> float: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...

    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        if isinstance(index, slice):
            begin, end, step = index.indices(self._count)
            return self._values(begin, end)[::step] if step > 0 else list(self)[index]
        at = index + self._count if index < 0 else index
        if not 0 <= at < self._count:
            raise IndexError(index)
        return self._values(at, at + 1)[0]

    def __iter__(self) -> Iterator[float]:
        return iter(self._values(0, self._count))

    def _values(self, begin: int, end: int) -> array[float]:
        """The smoothed values from `begin` up to `end`."""
        if begin >= end:
            return array("d")
        first, last = self._around(begin, end)
        return smooth(self._xs[first:last], self._ys[first:last], self._half_life)[begin - first : end - first]

    def _around(self, begin: int, end: int) -> tuple[int, int]:
        """From which point up to which there is weight in the means of those from `begin` up to `end`."""
        reach = _MEMORY * self._half_life
        first = bisect_left(self._xs, self._xs[begin] - reach, 0, begin)
        return first, bisect_right(self._xs, self._xs[end - 1] + reach, end, self._count)

    def reduce(self, lo: float, hi: float, width: int) -> list[Point]:
        """At most 2 × `width` points from `lo` to `hi`, as `series.reduce` gives them."""
        first, last = bisect_left(self._xs, lo, 0, self._count), bisect_right(self._xs, hi, 0, self._count)
        if last - first <= max(_EXACT, 2 * width):
            return reduce(self._xs[first:last], self._values(first, last), lo, hi, width)
        part = (self._xs[last - 1] - self._xs[first]) / max(1, width)
        if part <= 0:
            return []
        begin, stop = self._around(first, last)
        xs, ys = array("d"), array("d")
        while begin < stop:
            end = max(begin + 1, bisect_right(self._xs, self._xs[begin] + part, begin, stop))
            xs.append((self._xs[begin] + self._xs[end - 1]) / 2)
            ys.append(self._totals.mean(begin, end))
            begin = end
        return [(x, y) for x, y in zip(xs, smooth(xs, ys, self._half_life), strict=True) if lo <= x <= hi]
