"""Conformal quantiles of projection errors, made by `python -m bench.projection … --write`."""

from __future__ import annotations

from typing import Final

QUANTILES: Final[tuple[tuple[float, float, float, float, float], ...]] = ((1.00, -1.79, -0.66, 0.92, 1.79),)
"""For shares of the segment up to the first number: lower 95, lower 80, upper 80, upper 95 in units of `bands.unit`."""

RUNS: Final = 31
REPOSITORIES: Final = 13
"""What they come from."""
