"""The loss that the guide expects of its fine-tuning, to be laid under a run's own. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from websight_tui.metrics.curves import Axis
from websight_tui.metrics.stitch import surviving
from websight_tui.runs.state import RunView

Points = tuple[tuple[float, float], ...]

GUIDE: Final[Points] = ((0, 2.78), (100, 0.70), (200, 0.60), (400, 0.50), (600, 0.45), (800, 0.42))
"""(optimizer step, training loss) that the user's guide gives, with its effective batch of 64."""
LABEL: Final = "the guide's expectation"


def guide_for(run: RunView, axis: Axis) -> Points:
    """The guide's curve on `axis`; empty where the run has not logged enough to place its steps there.

    Over steps it is the guide's own. Over epochs and time each step stands where the run has it, or would have it at
    the rate of what it has logged so far.
    """
    if axis is Axis.STEP:
        return GUIDE
    steps, xs = _places(run, axis)
    if not steps or steps[-1] <= 0 or xs[-1] <= 0:
        return ()
    return tuple((_at(step, steps, xs), loss) for step, loss in GUIDE)


def _places(run: RunView, axis: Axis) -> tuple[list[float], list[float]]:
    """Steps and where they are on the axis, both ascending from 0."""
    steps, xs, offset = [0.0], [0.0], 0.0
    for segment, count, _ in surviving(run.log):
        columns = segment.columns
        for i in range(count):
            x = columns.epoch[i] if axis is Axis.EPOCH else offset + columns.elapsed[i]
            if columns.step[i] > steps[-1] and x > xs[-1]:
                steps.append(columns.step[i])
                xs.append(x)
        offset = xs[-1]
    return steps, xs


def _at(step: float, steps: Sequence[float], xs: Sequence[float]) -> float:
    i = bisect_left(steps, step)
    if i >= len(steps):
        return xs[-1] * step / steps[-1]
    if steps[i] == step:
        return xs[i]
    share = (step - steps[i - 1]) / (steps[i] - steps[i - 1])
    return xs[i - 1] + share * (xs[i] - xs[i - 1])


def clipped(points: Points, low: float, high: float) -> Points:
    """The part of a joined line between `low` and `high`, cut where it crosses them."""
    found: list[tuple[float, float]] = []
    for (x0, y0), (x1, y1) in pairwise(points):
        if x1 < low or x0 > high or x1 <= x0:
            continue
        for x in (max(x0, low), min(x1, high)):
            share = (x - x0) / (x1 - x0)
            if not found or x != found[-1][0]:
                found.append((x, y0 * (1 - share) + y1 * share))
    return tuple(found)
