"""What would have been projected while a segment ran, worked out again from its log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from typing import Final

from websight_tui.metrics.model import FIELDS, Columns, TrainingLog
from websight_tui.projection.model import Projection
from websight_tui.projection.timeline import cut_log
from websight_tui.runs.state import VerdictChange

_LOOKS: Final = 32
_POINTS: Final = 1500

Look = tuple[float | None, Projection]
"""(Unix s of the last line that it was made from, what would have been projected)."""


def looks_back(log: TrainingLog, project: Callable[[TrainingLog], Projection | None]) -> list[Look]:
    """The projections of the newest segment at even shares of what it has done, oldest first.

    Args:
        project: projects a log as if it ended there.
    """
    last = log.last
    if last is None or last.total_steps <= last.start_step or last.last_step <= last.start_step:
        return []
    reached = (last.last_step - last.start_step) / (last.total_steps - last.start_step)
    log = _thinned(log)
    found: list[Look] = []
    for part in range(1, _LOOKS + 1):
        seen = cut_log(log, reached * part / _LOOKS) if part < _LOOKS else log
        projection = project(seen)
        if projection is not None and seen.last is not None and len(seen.last.columns):
            t = seen.last.columns.t[-1]
            found.append((t if isfinite(t) else None, projection))
    return found


def _thinned(log: TrainingLog) -> TrainingLog:
    """The log with every k-th point of its newest segment, the last one included: a projection looks at no more."""
    last = log.segments[-1]
    count = len(last.columns)
    stride = -(-count // _POINTS)
    if stride <= 1:
        return log
    columns = Columns()
    for name in FIELDS:
        setattr(columns, name, getattr(last.columns, name)[(count - 1) % stride : count : stride])
    return replace(log, segments=[*log.segments[:-1], replace(last, columns=columns)])


def changes_in(looks: list[Look], job_id: str = "") -> tuple[VerdictChange, ...]:
    """The looks at which the verdict was another one than before; none where the log has no clock."""
    changes: list[VerdictChange] = []
    for t, projection in looks:
        if t is None or (changes and changes[-1].verdict is projection.verdict):
            continue
        changes.append(
            VerdictChange(
                t,
                projection.verdict,
                job_id,
                projection.step,
                projection.total_steps,
                projection.finish_at,
                projection.deadline,
                projection.reasons[0] if projection.reasons else "",
            )
        )
    return tuple(changes)
