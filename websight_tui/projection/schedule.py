"""How many steps lie between two pauses of a kind, read off those that were seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Final

_MOST_PERIODS: Final = 10_000
"""Periods that may have passed before a segment began; more are damage."""


def period_of(steps: Sequence[int], start: int = 0, slack: int = 1) -> int:
    """Steps between pauses that came after `steps` (rising); 0 if there is none.

    Args:
        start: the step that the segment began at; pauses before it are not in the log.
        slack: it began at `start` or less than so many steps later (a log that names every tenth step only).
    """
    seen = [step for step in steps if step > 0]
    if not seen:
        return 0
    if len(seen) == 1:
        return _of_one(seen[0], start, slack)
    gaps = [b - a for a, b in pairwise(seen)]
    usual = int(median(gaps))
    regular = [step for step in seen if usual and step % usual == 0]
    return usual if len(regular) * 2 >= len(seen) else math.gcd(*seen)


def _of_one(step: int, start: int, slack: int) -> int:
    """The period by the first pause alone. None came between `start` and it, so it is `step` itself or a part of it.

    A segment usually begins at a checkpoint, and checkpoints and evaluations mostly share a schedule: then the pause
    before would have been at the start. Else the way to the first pause is half of a period on average.
    """
    gap = step - start
    if start <= 0 or gap <= 0:
        return step
    shortest = max(1, gap - slack + 1)
    parts = [step // n for n in range(min(step // shortest, _MOST_PERIODS), 0, -1) if step % n == 0]
    shared = next((part for part in parts if part <= gap), None)
    return shared or next(part for part in parts if part >= 2 * gap or part == step)
