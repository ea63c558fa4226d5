"""What a crosshair says of the points it stands on. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from websight_tui import words
from websight_tui.metrics.curves import Axis, Curve
from websight_tui.tui.widgets.axes import axis_label
from websight_tui.tui.widgets.layer_key import shortened

_NAME: Final = 18
"""Cells of a name at most, so that the box leaves the curves to be seen."""


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
            return [*where, name + figure(self.raw)]
        return [*where, name + figure(self.raw), f"smoothed {figure(self.smooth)}"]


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
    axis: Axis, cursor: float, found: Sequence[tuple[str, str, str, Reading, float]], plain: str, room: int
) -> list[tuple[str, str]]:
    """Lines for several curves in at most `room` cells: where, then each one's value and how far it is from the first.

    Args:
        found: (label, mark, colour, reading, difference to the first).
        plain: colour of the first line.
    """
    figures = _even([figure(reading.smooth) for *_, reading, _ in found])
    apart = _even(["", *(f"{difference:+.3g}" for *_, difference in found[1:])])
    width = min(max(len(label) for label, *_ in found), _NAME, room - len(figures[0]) - len(apart[0]) - 4)
    lines = [(axis_label(axis, cursor), plain)]
    for (label, mark, colour, *_), value, other in zip(found, figures, apart, strict=True):
        lines.append((f"{mark} {shortened(label, width):<{width}} {value} {other}".rstrip(), colour))
    return lines


def figure(value: float) -> str:
    """A value of a curve in four digits: "0.5391", "4,858"."""
    return f"{value:,.4g}"


def _even(figures: Sequence[str]) -> list[str]:
    width = max(len(figure) for figure in figures)
    return [figure.rjust(width) for figure in figures]
