"""What a crosshair says of the points it stands on. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from websight_tui import words
from websight_tui.metrics.curves import Axis, Curve
from websight_tui.tui.widgets.axes import axis_label


@dataclass(frozen=True, slots=True)
class Reading:
    """One point of a curve.

    Args:
        step: optimizer step. seconds: trained up to there.
        raw, smooth: value as logged and smoothed.
    """

    x: float
    step: float
    seconds: float
    raw: float
    smooth: float

    def lines(self, axis: Axis, name: str) -> list[str]:
        """Step, time and values, the axis' own first."""
        where = [axis_label(axis, self.x)]
        where += [f"step {self.step:,.0f}"] if axis is not Axis.STEP else []
        where += [words.clock(self.seconds)] if axis is not Axis.TIME else []
        name = f"{name} " if name else ""
        if self.raw == self.smooth:
            return [*where, f"{name}{self.raw:.4g}"]
        return [*where, f"{name}{self.raw:.4g}", f"smoothed {self.smooth:.4g}"]


def nearest(curve: Curve, x: float) -> int | None:
    """Index of the point nearest to `x`; None if there is none."""
    if not curve.count:
        return None
    i = bisect_left(curve.xs, x, 0, curve.count)
    return min((j for j in (i - 1, i) if 0 <= j < curve.count), key=lambda j: abs(curve.xs[j] - x))


def readings(curve: Curve, x: float) -> Reading | None:
    """The point of `curve` nearest to `x`."""
    i = nearest(curve, x)
    if i is None:
        return None
    return Reading(curve.xs[i], curve.steps[i], curve.seconds[i], curve.ys[i], curve.smooth[i])


def layer_readings(
    axis: Axis, cursor: float, found: Sequence[tuple[str, str, str, Reading, float]], plain: str
) -> list[tuple[str, str]]:
    """Lines for several curves: where, then each one's value and how far it is from the first.

    Args:
        found: (label, mark, colour, reading, difference to the first).
        plain: colour of the first line.
    """
    width = max(len(label[:18]) for label, *_ in found)
    lines = [(axis_label(axis, cursor), plain)]
    for index, (label, mark, colour, reading, difference) in enumerate(found):
        apart = f" {difference:+.3g}" if index else ""
        lines.append((f"{mark} {label[:18]:<{width}} {reading.smooth:.4g}{apart}", colour))
    return lines
