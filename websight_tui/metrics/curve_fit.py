"""What going on with a training is expected to gain, from the shape of its loss so far.

Two shapes are held against the curve: a power law `c + a·t^-b`, which losses of large models follow, and an
exponential `c + a·e^(-t/τ)`, which small data sets follow. For each exponent of a grid, a and c are a plain least
squares fit. No single fit is believed: every one whose error is within the F limit of the best's counts, and the
spread of their answers is the uncertainty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, isfinite, sqrt
from statistics import median
from typing import Final

Shape = Callable[[float], float]
_BUCKETS: Final = 40
_FEWEST: Final = 12
_POWERS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)
_DECAYS: Final = (0.03, 0.06, 0.1, 0.15, 0.25, 0.4, 0.7, 1.2)
"""τ as shares of the steps so far."""
_WARM_UP: Final = 0.05


@dataclass(frozen=True, slots=True)
class Gain:
    """The loss that going on is expected to take away.

    Args:
        now: the loss's level now (on the fitted curve). until: the step it is asked for.
        gain, lo, hi: expected fall of the loss up to then, and the range that fits the curve as well.
        noise: standard deviation around the curve of the up to 40 medians that it was fitted to.
    """

    now: float
    until: float
    gain: float
    lo: float
    hi: float
    noise: float


def expected_gain(steps: Sequence[float], losses: Sequence[float], until: float) -> Gain | None:
    """The expected fall of the loss from the last step to `until`; None below a dozen finite points.

    Args:
        steps: ascending optimizer steps. losses: as many; NaN is left out.
        until: the step to go on to. An annealing of the learning rate that is still to come gains more than this says.
    """
    points = [(x, y) for x, y in zip(steps, losses, strict=False) if isfinite(x) and isfinite(y)]
    if len(points) < _FEWEST or until <= points[-1][0]:
        return None
    begin, end = points[0][0], points[-1][0]
    points = [p for p in points if p[0] >= begin + _WARM_UP * (end - begin)]
    size = max(1, len(points) // _BUCKETS)
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    xs = [sum(x for x, _ in g) / len(g) for g in groups]
    ys = [median(y for _, y in g) for g in groups]
    if len(xs) < _FEWEST - 4:
        return None
    scale = max(end, 1.0)
    shapes = [_power(power, scale) for power in _POWERS] + [_decay(begin, share * scale) for share in _DECAYS]
    fits = [_fit(xs, ys, shape, end, until) for shape in shapes]
    best = min(fit.error for fit in fits)
    limit = best * (1 + 8.0 / max(1, len(xs) - 3)) + 1e-18  # two parameters at 95 %: F(2, n-3) is about 4
    good = [fit for fit in fits if fit.error <= limit]
    chosen = min(fits, key=lambda fit: fit.error)
    # a falling learning rate makes losses fall faster than either shape says, and epochs end in steps: the straight
    # line through the newest part is the most that is seen in recorded runs, nothing at all the least
    recent = len(xs) * 3 // 5
    line = _fit(xs[recent:], ys[recent:], lambda x: -x / scale, end, until)
    lo = min(0.0, *(fit.gain - 2 * fit.blur for fit in good))
    hi = max(line.gain + 2 * line.blur, *(fit.gain + 2 * fit.blur for fit in good), chosen.gain)
    return Gain(chosen.now, until, chosen.gain, lo, hi, sqrt(best / max(1, len(xs) - 3)))


def _power(power: float, scale: float) -> Shape:
    return lambda x: (max(x, 1.0) / scale) ** -power


def _decay(begin: float, tau: float) -> Shape:
    return lambda x: exp(-(x - begin) / tau)


@dataclass(frozen=True, slots=True)
class _Fit:
    """Squared error; gain with its standard error; present level."""

    error: float
    gain: float
    blur: float
    now: float


def _fit(xs: Sequence[float], ys: Sequence[float], shape: Shape, end: float, until: float) -> _Fit:
    """The least squares fit `y = c + a·shape(x)`."""
    zs = [shape(x) for x in xs]
    count = len(xs)
    mean_z, mean_y = sum(zs) / count, sum(ys) / count
    spread = sum((z - mean_z) ** 2 for z in zs)
    a = sum((z - mean_z) * (y - mean_y) for z, y in zip(zs, ys, strict=True)) / spread if spread > 0 else 0.0
    c = mean_y - a * mean_z
    error = sum((y - c - a * z) ** 2 for z, y in zip(zs, ys, strict=True))
    way = shape(end) - shape(until)
    blur = sqrt(error / max(1, count - 3) / spread) * abs(way) if spread > 0 else 0.0
    return _Fit(error, a * way, blur, c + a * shape(end))
