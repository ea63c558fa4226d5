"""Where a run's loss is expected to go until its end, as an estimate with a band. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from websight_tui.metrics.curve_fit import expected_gain
from websight_tui.metrics.curves import Curve

Outlook = tuple[tuple[float, float, float, float], ...]
"""(x, lowest, expected, highest) from the newest point on, in order of x."""
_POINTS: Final = 6
_LOOKED_AT: Final = 480


def outlook(curve: Curve, end_step: float, end_x: float) -> Outlook:
    """The expected loss from the newest point to the end of the run; empty where there is no ground for one.

    The expectation and its band are those of `metrics.curve_fit`: what going on is expected to gain, and the range of
    gains that fits the curve as well.

    Args:
        curve: the loss.
        end_step: the run's last step.
        end_x: where that is on the curve's axis.
    """
    if not curve.count or end_step <= curve.steps[curve.count - 1] or end_x <= curve.xs[curve.count - 1]:
        return ()
    last_step, last_x = curve.steps[curve.count - 1], curve.xs[curve.count - 1]
    steps, losses = _thinned(curve)
    found: list[tuple[float, float, float, float]] = []
    for i in range(_POINTS + 1):
        share = i / _POINTS
        step = last_step + (end_step - last_step) * share
        gain = expected_gain(steps, losses, step if i else last_step + 1e-6 * (end_step - last_step))
        if gain is None:
            return ()
        x = last_x + (end_x - last_x) * share
        found.append((x, gain.now - gain.hi, gain.now - gain.gain, gain.now - gain.lo))
    return tuple(found)


def _thinned(curve: Curve) -> tuple[list[float], Sequence[float]]:
    """(steps, losses) of some hundred points; a bucket's lowest and highest both count, so that no side is favoured."""
    points = curve.raw.reduce(curve.xs[0], curve.xs[curve.count - 1], _LOOKED_AT)
    at = [min(bisect_left(curve.xs, x, 0, curve.count), curve.count - 1) for x, _ in points]
    return [curve.steps[i] for i in at], [y for _, y in points]
