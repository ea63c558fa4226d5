"""One curve over all segments of a run: what the model that exists now was trained on.

A segment that resumed at step 700 takes everything after 700 away from the segments before it, even if they had got
further: those steps were lost.
"""

from __future__ import annotations

from bisect import bisect_right

from websight_tui.metrics.model import FIELDS, Columns, Evaluation, Segment, TrainingLog


def surviving(log: TrainingLog) -> list[tuple[Segment, int, float]]:
    """For each segment the number of its first points that still count, and the step up to which they do."""
    result: list[tuple[Segment, int, float]] = []
    limit = float("inf")
    for segment in reversed(log.segments):
        steps = segment.columns.step
        result.append((segment, bisect_right(steps, limit, hi=len(segment.columns)), limit))
        if len(segment.columns):
            limit = min(limit, float(segment.start_step))
    return result[::-1]


def stitched(log: TrainingLog) -> Columns:
    """The points of all segments, in order of steps, the later segment winning; `elapsed` stays each segment's own."""
    curve = Columns()
    for segment, count, _ in surviving(log):
        for name in FIELDS:
            getattr(curve, name).extend(getattr(segment.columns, name)[:count])
    return curve


def stitched_evaluations(log: TrainingLog) -> list[Evaluation]:
    """The evaluations of all segments, without those of steps that were lost."""
    return [e for segment, _, limit in surviving(log) for e in segment.evaluations if e.step <= limit]
