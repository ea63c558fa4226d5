"""Runs that use the time they have: they end by their deadline, and the question is at which step.

Their trainer (`trainer/budget.py`) counts at every step how many still fit, and brings the learning rate down for the
last of them. So the end is known and the steps are projected, the other way round than in ordinary runs.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from websight_tui.metrics.model import Segment
from websight_tui.projection.model import Band
from websight_tui.projection.pace import Pace, Rhythm


@dataclass(frozen=True, slots=True)
class Reach:
    """Where such a segment ends.

    Args:
        step: the last one that is expected.
        total_s: seconds of the whole segment: all that it has.
        narrow, wide: bands below it; it stops a little before the deadline, never after.
    """

    step: int
    total_s: float
    narrow: Band
    wide: Band


def uses_the_time(segment: Segment) -> bool:
    """Whether the trainer said so at its start."""
    return segment.meta.get("use_the_time") is True


def budget_of(segment: Segment, limit: float | None) -> float | None:
    """Seconds from the first step to the deadline, the trainer's own before `limit`; None if neither is known."""
    deadline = segment.meta.get("deadline")
    if not isinstance(deadline, (int, float)) or isinstance(deadline, bool) or segment.started_at is None:
        return limit
    seconds = deadline - segment.started_at
    return max(0.0, seconds) if math.isfinite(seconds) else limit


def reach_of(pace: Pace, step: int, most: int, budget: float, floor: float, length: Callable[[Rhythm], float]) -> Reach:
    """How far a segment gets in its budget.

    Args:
        step, most: where it is and where its epochs end.
        budget: seconds of the segment, `floor` of which have passed.
        length: seconds of one pause of a kind, seen or guessed.
    """
    lengths = [(rhythm, length(rhythm)) for rhythm in pace.rhythms]

    def seconds(last: int) -> float:
        pauses = sum(rhythm.to_come(step, last) * each for rhythm, each in lengths)
        return (last - step) * pace.seconds + pauses

    last = step + bisect_right(range(step + 1, most + 1), budget - floor, key=seconds)
    # the trainer keeps a quarter more than the end takes, and a step that would not fit is not begun
    early = 3 * pace.seconds + 0.5 * sum(each for _, each in lengths)
    total = max(budget, floor)
    narrow, wide = (max(min(floor, total - pace.seconds), total - times * early) for times in (1, 2))
    return Reach(last, total, (narrow, total), (wide, total))
