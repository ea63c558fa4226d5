"""How sure a projection is: bands from the errors that the same rule made on other people's runs.

A band is `estimate + quantile × unit × remaining seconds`. The unit says how rough this log is (its scatter, how little
has been seen); the quantiles are conformal: the errors of finished runs in their units, each repository counting the
same, so that a nominal 80 % holds on runs that were never looked at (split conformal prediction, arXiv:2107.07511).
The upper one is never the smaller: runs end late more often than early.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from websight_tui.projection.conformal import QUANTILES
from websight_tui.projection.model import Band
from websight_tui.projection.pace import Pace

Row = tuple[float, float, float, float, float]
"""Greatest share of the run it is for; lower 95, lower 80, upper 80, upper 95."""

_FLOOR: Final = 0.01
"""The unit of a log without any scatter: some surprise is always left."""


def unit(pace: Pace, share: float, pauses: float = 0.0) -> float:
    """Roughness of a log, relative to the remaining seconds.

    Args:
        share: of the segment's steps that are done, 0 to 1.
        pauses: what the scatter of the pauses' lengths makes of the remaining seconds, relative to them.
    """
    young = 0.02 / math.sqrt(10 * max(share, 0.01))
    few = 0.1 / max(1, pace.intervals)
    jumpy = 0.5 if pace.unsettled else 0.0
    return math.hypot(_FLOOR, young, few, jumpy, 1.5 * pace.error, min(pauses, 0.3))


def bands(
    estimate: float,
    remaining: float,
    roughness: float,
    *,
    floor: float,
    share: float,
    unknown: float = 0.0,
    table: Sequence[Row] = QUANTILES,
) -> tuple[Band, Band]:
    """The 80 % and the 95 % band of a total.

    Args:
        estimate: projected total seconds.
        remaining: seconds of it that are still to come.
        roughness: `unit` of the log.
        floor: seconds that have already passed; no band reaches below.
        share: of the segment's steps that are done, 0 to 1.
        unknown: seconds by which it may come later for reasons that the log cannot show (a pause never seen yet).
        table: quantiles by share, for a backtest that leaves some out.
    """
    scale = roughness * max(0.0, remaining)
    quantiles = next((q[1:] for q in table if share <= q[0]), table[-1][1:])
    low95, low80, high80, high95 = (q * scale for q in quantiles)
    floor = min(floor, estimate)
    narrow = (max(floor, estimate + min(0.0, low80)), estimate + max(0.0, high80) + unknown / 2)
    wide = (max(floor, estimate + min(0.0, low95)), estimate + max(0.0, high95) + unknown)
    return narrow, (min(wide[0], narrow[0]), max(wide[1], narrow[1]))
