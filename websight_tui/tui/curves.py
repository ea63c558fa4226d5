"""What a chart shows of a training log: one metric over steps, epochs or time, reduced to what a screen can hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from websight_tui.metrics.model import TrainingLog
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
    """Finite points in order of x (as logged, and smoothed), and marks.

    Args:
        xs, ys: as logged.
        smooth: `ys` smoothed, as long as them.
        evaluations: (x, loss there).
        checkpoints: x of each.
        restarts: x at which a later segment took over.
        broken: x at which a value was NaN or infinite.
    """

    xs: Sequence[float] = ()
    ys: Sequence[float] = ()
    smooth: Sequence[float] = ()
    evaluations: tuple[tuple[float, float], ...] = ()
    checkpoints: tuple[float, ...] = ()
    restarts: tuple[float, ...] = ()
    broken: tuple[float, ...] = ()


_COLUMN = {Metric.LOSS: "loss", Metric.LEARNING_RATE: "lr", Metric.GRAD_NORM: "grad_norm", Metric.MEMORY: "memory"}


def curve_of(log: TrainingLog, metric: Metric, axis: Axis, smoothing: float) -> Curve:
    """The curve of one metric over all segments of a run.

    Args:
        smoothing: weight of the past in the moving average, from 0 (none) to below 1; the average is corrected for
            its start, so that it does not begin at 0.
    """
    xs: list[float] = []
    ys: list[float] = []
    restarts: list[float] = []
    to_x = _Positions(axis)
    checkpoints: list[float] = []
    broken: list[float] = []
    for index, (segment, count, limit) in enumerate(surviving(log)):
        columns = segment.columns
        before = to_x.offset
        to_x.enter()
        if index and count:
            restarts.append(to_x.at_step(segment.start_step) if axis is not Axis.TIME else before)
        values = _values(columns, metric, count)
        for i in range(count):
            x = to_x.of(columns, i)
            if math.isfinite(x) and math.isfinite(values[i]):
                xs.append(x)
                ys.append(values[i])
        checkpoints += [to_x.at_step(c.step) for c in segment.checkpoints if c.step <= limit]
        broken += [to_x.at_step(n.step) for n in segment.nonfinite if n.step <= limit]
    evaluations = []
    if metric is Metric.LOSS:
        evaluations = [
            (to_x.at_step(e.step), e.loss)
            for e in stitched_evaluations(log)
            if e.loss is not None and math.isfinite(e.loss)
        ]
    return Curve(
        xs,
        ys,
        ema(ys, smoothing),
        tuple(p for p in evaluations if math.isfinite(p[0])),
        tuple(x for x in checkpoints if math.isfinite(x)),
        tuple(restarts),
        tuple(x for x in broken if math.isfinite(x)),
    )


def _values(columns: object, metric: Metric, count: int) -> Sequence[float]:
    if metric is Metric.PACE:
        steps, times = columns.step, columns.elapsed  # type: ignore[attr-defined]
        pace = [math.nan] * count
        for i in range(1, count):
            if steps[i] > steps[i - 1]:
                pace[i] = (times[i] - times[i - 1]) / (steps[i] - steps[i - 1])
        return pace
    values: Sequence[float] = getattr(columns, _COLUMN[metric])
    return [v / 1e9 for v in values[:count]] if metric is Metric.MEMORY else values


class _Positions:
    """Where steps lie on the chosen axis; time runs on over segments without the waiting between them."""

    def __init__(self, axis: Axis) -> None:
        self.axis = axis
        self.offset = 0.0
        self._last = 0.0
        self._steps: list[float] = []
        self._xs: list[float] = []

    def enter(self) -> None:
        """Begins the next segment."""
        self.offset = self._last

    def of(self, columns: object, i: int) -> float:
        step: float = columns.step[i]  # type: ignore[attr-defined]
        if self.axis is Axis.STEP:
            return step
        if self.axis is Axis.EPOCH:
            x: float = columns.epoch[i]  # type: ignore[attr-defined]
        else:
            x = self.offset + columns.elapsed[i]  # type: ignore[attr-defined]
            self._last = x if math.isfinite(x) else self._last
        if math.isfinite(x):
            self._steps.append(step)
            self._xs.append(x)
        return x

    def at_step(self, step: float) -> float:
        if self.axis is Axis.STEP:
            return step
        from bisect import bisect_left

        if not self._steps:
            return math.nan
        return self._xs[min(bisect_left(self._steps, step), len(self._xs) - 1)]


def ema(values: Sequence[float], weight: float) -> list[float]:
    """An exponential moving average, corrected for its start (as in Adam); `weight` 0 gives the values back."""
    if weight <= 0:
        return list(values)
    out: list[float] = []
    mean, norm = 0.0, 0.0
    for value in values:
        mean = weight * mean + (1 - weight) * value
        norm = weight * norm + (1 - weight)
        out.append(mean / norm)
    return out


def thin(
    xs: Sequence[float], ys: Sequence[float], low: float, high: float, buckets: int
) -> tuple[list[float], list[float]]:
    """The points between `low` and `high`, at most 2 a bucket: its least and greatest, in their order."""
    from bisect import bisect_left, bisect_right

    first, last = max(0, bisect_left(xs, low) - 1), min(len(xs), bisect_right(xs, high) + 1)
    count = last - first
    if count <= 2 * buckets:
        return list(xs[first:last]), list(ys[first:last])
    out_x: list[float] = []
    out_y: list[float] = []
    for bucket in range(buckets):
        begin, end = first + bucket * count // buckets, first + (bucket + 1) * count // buckets
        part = ys[begin:end]
        least, most = part.index(min(part)) + begin, part.index(max(part)) + begin
        for i in sorted({least, most}):
            out_x.append(xs[i])
            out_y.append(ys[i])
    return out_x, out_y
