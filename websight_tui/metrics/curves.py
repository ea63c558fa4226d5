"""A curve of a training log: one metric over steps, epochs or time, reduced to what a screen or a page can hold."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite, nan
from typing import Final

from websight_tui.metrics.model import Columns, Segment, TrainingLog
from websight_tui.metrics.series import Pyramid, Smoother
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
    MEMORY = "GPU memory (GB)"


@dataclass(frozen=True, slots=True)
class Curve:
    """Points in order of x, and marks. The columns are append-only and shared; `count` of them are this curve's.

    Args:
        xs, ys, smooth: x, value as logged, value smoothed.
        raw, mean: `ys` and `smooth` as they are drawn.
        evaluations: (x, loss there).
        checkpoints: x of each.
        restarts: x at which a later segment took over.
        broken: x at which a value was NaN or infinite.
    """

    count: int = 0
    xs: Sequence[float] = ()
    ys: Sequence[float] = ()
    smooth: Sequence[float] = ()
    raw: Pyramid = field(default_factory=Pyramid)
    mean: Pyramid = field(default_factory=Pyramid)
    evaluations: tuple[tuple[float, float], ...] = ()
    checkpoints: tuple[float, ...] = ()
    restarts: tuple[float, ...] = ()
    broken: tuple[float, ...] = ()


_COLUMN: Final = {
    Metric.LOSS: "loss",
    Metric.LEARNING_RATE: "lr",
    Metric.GRAD_NORM: "grad_norm",
    Metric.MEMORY: "memory",
}


class CurveReader:
    """Reads one metric of one log over one axis; each call looks only at the points that came since the last one.

    Args:
        half_life: of the smoothing, in logged points; 0 does not smooth.
    """

    def __init__(self, metric: Metric, axis: Axis, half_life: float) -> None:
        self._metric, self._axis, self._half_life = metric, axis, half_life
        self._restart(())

    def _restart(self, shape: tuple[object, ...]) -> None:
        self._shape = shape
        self._xs, self._ys, self._steps = array("d"), array("d"), array("d")
        self._raw, self._mean = Pyramid(), Pyramid()
        self._smoother: Smoother | None = None
        self._read: dict[int, int] = {}
        self._offset = self._end = 0.0
        self._restarts: list[float] = []

    def read(self, log: TrainingLog) -> Curve:
        """The curve of all points logged so far, lost ones left out."""
        parts = surviving(log)
        # an older segment that loses points, or a new one, changes what was read; then all is read again
        shape = tuple((id(segment), count) for segment, count, _ in parts[:-1]) + ((id(parts[-1][0]),) if parts else ())
        if shape != self._shape:
            self._restart(shape)
        for index, (segment, count, _) in enumerate(parts):
            if index not in self._read:
                self._offset = self._end
                if index and count:
                    self._restarts.append(self._at(segment.start_step) if self._axis is not Axis.TIME else self._offset)
            if index not in self._read and not count and index == len(parts) - 1:
                continue
            self._take(segment.columns, self._read.get(index, 0), count)
            self._read[index] = count
        self._smooth()
        return self._curve(log, parts)

    def _take(self, columns: Columns, begin: int, end: int) -> None:
        for i in range(begin, end):
            step, value = columns.step[i], self._value(columns, i)
            if self._axis is Axis.STEP:
                x = step
            elif self._axis is Axis.EPOCH:
                x = columns.epoch[i]
            else:
                x = self._offset + columns.elapsed[i]
            if isfinite(x) and isfinite(value) and not (self._xs and x < self._xs[-1]):
                self._xs.append(x)
                self._ys.append(value)
                self._steps.append(step)
                self._end = max(self._end, x)

    def _value(self, columns: Columns, i: int) -> float:
        if self._metric is not Metric.PACE:
            value: float = getattr(columns, _COLUMN[self._metric])[i]
            return value / 1e9 if self._metric is Metric.MEMORY else value
        steps = columns.step[i] - columns.step[i - 1] if i else 0.0
        return (columns.elapsed[i] - columns.elapsed[i - 1]) / steps if steps > 0 else nan

    def _smooth(self) -> None:
        if self._smoother is None and len(self._xs) > 1:
            self._smoother = Smoother(self._half_life * max(0.0, self._xs[1] - self._xs[0]))
        if self._smoother is not None:
            self._smoother.extend(self._xs, self._ys)
            self._mean.extend(self._xs, self._smoother.values)
        self._raw.extend(self._xs, self._ys)

    def _at(self, step: float) -> float:
        if self._axis is Axis.STEP:
            return step
        if not self._steps:
            return nan
        return self._xs[min(bisect_left(self._steps, step), len(self._xs) - 1)]

    def _curve(self, log: TrainingLog, parts: Sequence[tuple[Segment, int, float]]) -> Curve:
        evaluations: list[tuple[float, float]] = []
        if self._metric is Metric.LOSS:
            found = ((self._at(e.step), e.loss) for e in stitched_evaluations(log))
            evaluations = [(x, loss) for x, loss in found if isfinite(x) and loss is not None and isfinite(loss)]
        saved = (self._at(c.step) for segment, _, limit in parts for c in segment.checkpoints if c.step <= limit)
        broken = (self._at(n.step) for segment, _, limit in parts for n in segment.nonfinite if n.step <= limit)
        return Curve(
            len(self._xs),
            self._xs,
            self._ys,
            self._smoother.values if self._smoother is not None else self._ys,
            self._raw,
            self._mean if self._smoother is not None else self._raw,
            tuple(evaluations),
            tuple(x for x in saved if isfinite(x)),
            tuple(self._restarts),
            tuple(x for x in broken if isfinite(x)),
        )


class Curves:
    """The readers of the logs that are on the screen, the most recently used ones kept."""

    def __init__(self, most: int = 48) -> None:
        self._most = most
        self._readers: OrderedDict[tuple[int, Metric, Axis, float], tuple[TrainingLog, CurveReader]] = OrderedDict()
        self._last: dict[tuple[int, Metric, Axis, float], tuple[int, Curve]] = {}

    def get(self, log: TrainingLog, version: int, metric: Metric, axis: Axis, half_life: float) -> Curve:
        """The curve of `log`; the same object as before while `version` is the same."""
        key = (id(log), metric, axis, half_life)
        known = self._last.get(key)
        if known is not None and known[0] == version and self._readers[key][0] is log:
            return known[1]
        if key not in self._readers or self._readers[key][0] is not log:
            self._readers[key] = (log, CurveReader(metric, axis, half_life))
        self._readers.move_to_end(key)
        curve = self._readers[key][1].read(log)
        self._last[key] = (version, curve)
        while len(self._readers) > self._most:
            old, _ = self._readers.popitem(last=False)
            del self._last[old]
        return curve
