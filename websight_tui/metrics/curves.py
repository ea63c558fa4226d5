"""A curve of a training log: one metric over steps, epochs or time, reduced to what a screen or a page can hold."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import compress, islice
from math import inf, isfinite, nan
from operator import add, le, sub
from typing import Final

from websight_tui.metrics.model import Columns, Segment, TrainingLog
from websight_tui.metrics.series import Pyramid
from websight_tui.metrics.smoothed import Smoothed, Totals
from websight_tui.metrics.stitch import stitched_evaluations, surviving


class Axis(StrEnum):
    """What runs along the bottom."""

    STEP = "step"
    EPOCH = "epoch"
    TIME = "time"


class Metric(StrEnum):
    """What can be drawn; the value is its heading."""

    LOSS = "loss"
    LEARNING_RATE = "learning rate"
    GRAD_NORM = "grad norm"
    PACE = "seconds a step"
    THROUGHPUT = "tokens a second"
    MEMORY = "GPU memory (GB)"
    UTILIZATION = "GPU utilisation (%)"


@dataclass(frozen=True, slots=True)
class Curve:
    """Points in order of x, and marks. The columns are append-only and shared; the first `count` of each are this
    curve's, and a parser may be adding to them: none is read from its end.

    Args:
        xs, ys, smooth: x, value as logged, value smoothed.
        steps, seconds: optimizer step of each, seconds trained up to it.
        raw, mean: `ys` and `smooth` as they are drawn.
        evaluations: (x, loss there).
        checkpoints: x of each.
        restarts: x at which a later segment took over.
        broken: x at which a value was NaN or infinite.
        behind: logged points that have not been looked at yet.
    """

    count: int = 0
    xs: Sequence[float] = ()
    ys: Sequence[float] = ()
    smooth: Sequence[float] = ()
    steps: Sequence[float] = ()
    seconds: Sequence[float] = ()
    raw: Pyramid = field(default_factory=Pyramid)
    mean: Pyramid | Smoothed = field(default_factory=Pyramid)
    evaluations: tuple[tuple[float, float], ...] = ()
    checkpoints: tuple[float, ...] = ()
    restarts: tuple[float, ...] = ()
    broken: tuple[float, ...] = ()
    behind: int = 0


_COLUMN: Final = {
    Metric.LOSS: "loss",
    Metric.LEARNING_RATE: "lr",
    Metric.GRAD_NORM: "grad_norm",
    Metric.MEMORY: "memory",
    Metric.UTILIZATION: "utilization",
}


class CurveReader:
    """Reads one metric of one log over one axis; each call looks only at the points that came since the last one.

    The log's own columns are the curve's, where one segment has it all, finite and in order, as almost every log does:
    a million points in six charts are 200 MB otherwise. Where one point is not so, all is read anew into columns of
    the curve's own.

    Args:
        half_life: of the smoothing, in logged points; 0 does not smooth. Another one may be asked for at each call.
    """

    def __init__(self, metric: Metric, axis: Axis, half_life: float = 0.0) -> None:
        self._metric, self._axis, self._half_life = metric, axis, half_life
        self._restart(())

    def _restart(self, shape: tuple[object, ...], *, borrows: bool = True) -> None:
        self._shape, self._borrows, self._count = shape, borrows and len(shape) == 1, 0
        self._xs, self._ys, self._seconds = array("d"), array("d"), array("d")
        self._steps = self._xs if self._axis is Axis.STEP else array("d")
        self._raw, self._totals = Pyramid(), Totals()
        self._read: dict[int, int] = {}
        self._offset = self._trained = 0.0
        self._restarts: list[float] = []

    def read(self, log: TrainingLog, half_life: float | None = None, most: int | None = None) -> Curve:
        """The curve of all points logged so far, lost ones left out.

        Args:
            most: new points to look at now; the rest waits for the next call (`Curve.behind`).
        """
        if half_life is not None:
            self._half_life = half_life
        parts = surviving(log)
        # an older segment that loses points, or a new one, changes what was read; then all is read again
        shape = tuple((id(segment), count) for segment, count, _ in parts[:-1]) + ((id(parts[-1][0]),) if parts else ())
        if shape != self._shape:
            self._restart(shape)
        left = most
        for index, (segment, count, _) in enumerate(parts):
            if index not in self._read:
                self._offset = self._trained
                if index and count:
                    self._restarts.append(self._at(segment.start_step) if self._axis is not Axis.TIME else self._offset)
            if index not in self._read and not count and index == len(parts) - 1:
                continue
            begin = self._read.get(index, 0)
            end = count if left is None else min(count, begin + left)
            if self._borrows and not self._borrow(segment.columns, begin, end):
                self._restart(shape, borrows=False)
                return self.read(log, half_life, most)
            if not self._borrows:
                self._take(segment.columns, begin, end)
            self._read[index] = end
            left = None if left is None else left - (end - begin)
            if end < count:
                break
        self._raw.extend(self._xs, self._ys, self._count)
        self._totals.extend(self._ys, self._count)
        return self._curve(log, parts)

    def _borrow(self, columns: Columns, begin: int, end: int) -> bool:
        """Makes the columns of a segment up to `end` the curve's; False if there is a point that has no place in it."""
        xs = {Axis.STEP: columns.step, Axis.EPOCH: columns.epoch, Axis.TIME: columns.elapsed}[self._axis]
        ys = self._values(columns, begin, end)
        last = xs[max(0, begin - 1) : end]
        if not (all(map(isfinite, map(add, xs[begin:end], ys))) and all(map(le, last, islice(last, 1, None)))):
            return False
        self._xs, self._steps, self._seconds, self._count = xs, columns.step, columns.elapsed, end
        if self._metric in _COLUMN and self._metric is not Metric.MEMORY:
            self._ys = getattr(columns, _COLUMN[self._metric])
        else:
            self._ys.extend(ys)
        return True

    def _take(self, columns: Columns, begin: int, end: int) -> None:
        """Takes the points from `begin` up to `end` of a segment: whole columns at a time, they may be very long."""
        if begin >= end:
            return
        steps, seconds = columns.step[begin:end], array("d", map(self._offset.__add__, columns.elapsed[begin:end]))
        trained = max(filter(isfinite, seconds), default=0.0)
        self._trained = max(self._trained, trained)
        xs = steps if self._axis is Axis.STEP else columns.epoch[begin:end] if self._axis is Axis.EPOCH else seconds
        ys = self._values(columns, begin, end)
        floor = self._xs[-1] if self._xs else -inf
        good = list(map(isfinite, map(add, xs, ys)))
        if not all(good) or xs[0] < floor or not all(map(le, xs, islice(xs, 1, None))):
            for i, x in enumerate(xs):
                good[i] = good[i] and x >= floor
                floor = x if good[i] else floor
            steps, seconds, xs, ys = (array("d", compress(column, good)) for column in (steps, seconds, xs, ys))
        for own, new in ((self._xs, xs), (self._ys, ys), (self._seconds, seconds)):
            own.extend(new)
        if self._steps is not self._xs:
            self._steps.extend(steps)
        self._count = len(self._xs)

    def _values(self, columns: Columns, begin: int, end: int) -> array[float]:
        if self._metric in _COLUMN:
            values: array[float] = getattr(columns, _COLUMN[self._metric])[begin:end]
            return array("d", map((1e-9).__mul__, values)) if self._metric is Metric.MEMORY else values
        seconds = _steps_of(columns.elapsed, begin, end)
        if self._metric is Metric.THROUGHPUT:
            return array("d", map(_over, _steps_of(columns.tokens, begin, end), seconds))
        return array("d", map(_over, seconds, _steps_of(columns.step, begin, end)))

    def _at(self, step: float) -> float:
        if self._axis is Axis.STEP:
            return step
        if not self._count:
            return nan
        return self._xs[min(bisect_left(self._steps, step, 0, self._count), self._count - 1)]

    def _curve(self, log: TrainingLog, parts: Sequence[tuple[Segment, int, float]]) -> Curve:
        evaluations: list[tuple[float, float]] = []
        if self._metric is Metric.LOSS:
            found = ((self._at(e.step), e.loss) for e in stitched_evaluations(log))
            evaluations = [(x, loss) for x, loss in found if isfinite(x) and loss is not None and isfinite(loss)]
        saved = (self._at(c.step) for segment, _, limit in parts for c in segment.checkpoints if c.step <= limit)
        broken = (self._at(n.step) for segment, _, limit in parts for n in segment.nonfinite if n.step <= limit)
        count = self._count
        half_life = self._half_life * max(0.0, self._xs[1] - self._xs[0]) if count > 1 else 0.0
        smoothed = Smoothed(self._xs, self._ys, self._totals, half_life, count) if half_life > 0 else None
        return Curve(
            count,
            self._xs,
            self._ys,
            self._ys if smoothed is None else smoothed,
            self._steps,
            self._seconds,
            self._raw,
            self._raw if smoothed is None else smoothed,
            tuple(evaluations),
            tuple(x for x in saved if isfinite(x)),
            tuple(self._restarts),
            tuple(x for x in broken if isfinite(x)),
            sum(count for _, count, _ in parts) - sum(self._read.values()),
        )


def _steps_of(column: array[float], begin: int, end: int) -> array[float]:
    """How much a column grew up to each of its points from `begin` up to `end`; NaN for the first of all."""
    grown = array("d", map(sub, column[max(1, begin) : end], column[max(0, begin - 1) : end - 1]))
    return grown if begin else array("d", [nan]) + grown


def _over(above: float, below: float) -> float:
    return above / below if below > 0 else nan


AT_ONCE: Final = 8_000
"""Points that are read between two frames, by all charts of a screen together: about 6 ms, and
twice that while the rest of the log is being read beside it."""


class Curves:
    """The readers of the logs that are on the screen, the most recently used ones kept."""

    def __init__(self, most: int = 48) -> None:
        self._most = most
        self._readers: OrderedDict[tuple[int, Metric, Axis], tuple[TrainingLog, CurveReader]] = OrderedDict()
        self._last: dict[tuple[int, Metric, Axis], tuple[int, float, Curve]] = {}

    def get(
        self, log: TrainingLog, version: int, metric: Metric, axis: Axis, half_life: float, most: int = AT_ONCE
    ) -> Curve:
        """The curve of `log`; the same object as before while `version` and `half_life` are the same.

        Args:
            most: points of a very long log that are read now, so that a screen does not stand still meanwhile.
        """
        key = (id(log), metric, axis)
        known = self._last.get(key)
        same = known is not None and known[:2] == (version, half_life) and self._readers[key][0] is log
        if same and known is not None and not known[2].behind:
            return known[2]
        if key not in self._readers or self._readers[key][0] is not log:
            self._readers[key] = (log, CurveReader(metric, axis))
        self._readers.move_to_end(key)
        curve = self._readers[key][1].read(log, half_life, most)
        self._last[key] = (version, half_life, curve)
        while len(self._readers) > self._most:
            old, _ = self._readers.popitem(last=False)
            del self._last[old]
        return curve
