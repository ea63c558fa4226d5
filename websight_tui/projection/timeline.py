"""A segment as one clean clock: which step was reached after how many seconds, and where training paused.

Real logs repeat lines, go back, lose their clock and mix writers. What comes out of here never goes back, holds no NaN
and is bounded in size, so that everything behind it is simple and takes the same time for a million lines.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from websight_tui.metrics.model import Columns, Segment, TrainingLog

MOST_SECONDS: Final = 1e12
"""Times beyond this are damage, not time."""
MOST_POINTS: Final = 1000
"""Lines that are looked at; of a longer log every k-th."""


@dataclass(frozen=True, slots=True)
class Pause:
    """One interruption of training after `step`; `seconds` None if the log does not say how long."""

    step: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """One segment, cleaned.

    Args:
        start, total: the segment's first step and the last announced total.
        steps: rising strictly. Not empty unless the log has no clock.
        elapsed: seconds since the segment began at each of `steps`, never falling.
        now: elapsed seconds at the newest line of any kind.
        step: the newest step of any line, with or without a clock, an evaluation's included.
        evaluations, saves: the pauses that the log names, by step.
        lines: usable lines before thinning.
        backwards: lines that were left out because their step or time went back.
        whole_seconds: the clock has a resolution of one second only.
    """

    start: int
    total: int
    steps: tuple[float, ...]
    elapsed: tuple[float, ...]
    now: float
    step: int
    evaluations: tuple[Pause, ...] = ()
    saves: tuple[Pause, ...] = ()
    lines: int = 0
    backwards: int = 0
    whole_seconds: bool = True


def timeline_of(segment: Segment) -> Timeline:
    """Cleans one segment. Never raises, whatever the columns hold."""
    columns = segment.columns
    count = len(columns)
    elapsed = _clock(columns, count, segment.started_at)
    stride = max(1, count // MOST_POINTS)
    picks: Iterable[int] = range(count) if stride == 1 else [*range(0, count - 1, stride), count - 1]
    steps: list[float] = []
    seconds: list[float] = []
    backwards, newest = 0, segment.start_step
    last_step, last_second = float(segment.start_step), 0.0
    finite = math.isfinite
    for i in picks:
        step, second = columns.step[i], elapsed[i]
        if not finite(step) or not 0 <= step < 1e15:
            continue
        newest = max(newest, int(step))
        if not finite(second) or not 0 <= second < MOST_SECONDS:
            continue
        if step > last_step and second >= last_second:
            steps.append(step)
            seconds.append(second)
            last_step, last_second = step, second
        elif step < last_step or second < last_second:
            backwards += 1
    evaluations = _pauses((e.step, e.seconds) for e in segment.evaluations)
    saves = _pauses((c.step, c.seconds) for c in segment.checkpoints)
    now = last_second
    if count and finite(elapsed[count - 1]) and now < elapsed[count - 1] < MOST_SECONDS and steps:
        now = elapsed[count - 1]
    # A pause after the newest line has passed too. Its own stamp is trusted only where it has no length: output that
    # was buffered stamps it too late.
    after = [p.seconds or 0.0 for p in evaluations if steps and p.step >= steps[-1]]
    stamped = [
        _end(e.elapsed, e.t, segment.started_at)
        for e in segment.evaluations
        if e.seconds is None and steps and e.step >= steps[-1]
    ]
    now = max([now, last_second + max(after, default=0.0), *stamped])
    total = segment.total_steps if segment.total_steps >= 0 else 0
    newest = max([newest, *(p.step for p in evaluations if steps and p.step <= total)])
    return Timeline(
        start=max(0, segment.start_step),
        total=total,
        steps=tuple(steps),
        elapsed=tuple(seconds),
        now=now,
        step=newest,
        evaluations=evaluations,
        saves=saves,
        lines=len(steps) * stride,
        backwards=backwards * stride,
        whole_seconds=all(second == int(second) for second in seconds[:200]),
    )


def _clock(columns: Columns, count: int, started_at: float | None) -> Sequence[float]:
    """Elapsed seconds of every line (and of those that came since); from the Unix clock where there is only that."""
    if count and started_at is not None and not any(map(math.isfinite, islice(columns.elapsed, count))):
        return array("d", (t - started_at for t in islice(columns.t, count)))
    return columns.elapsed


def _pauses(found: Iterable[tuple[int, float | None]]) -> tuple[Pause, ...]:
    """By step, each step once (the longest of its lengths)."""
    longest: dict[int, float | None] = {}
    for step, seconds in found:
        usable = seconds if seconds is not None and math.isfinite(seconds) and 0 <= seconds < 1e9 else None
        known = longest.get(step)
        longest[step] = usable if known is None else max(known, usable or 0.0)
    return tuple(Pause(step, longest[step]) for step in sorted(longest))


def _end(elapsed: float | None, t: float | None, started_at: float | None) -> float:
    if elapsed is None and t is not None and started_at is not None:
        elapsed = t - started_at
    return elapsed if elapsed is not None and math.isfinite(elapsed) and 0 <= elapsed < MOST_SECONDS else 0.0


def cut_log(log: TrainingLog, share: float) -> TrainingLog:
    """The log as it was when `share` of its last segment's steps had been trained.

    Args:
        share: 0 to 1 of the way from the segment's first step to its announced total; 1 and more changes nothing.

    Returns: a new log; `log` itself is untouched. What only a finished log could know (its end) is taken out.
    """
    last = log.last
    if last is None or share >= 1:
        return log
    limit = last.start_step + max(0.0, share) * max(0, last.total_steps - last.start_step)
    steps = last.columns.step[: len(last.columns)]
    if last.end != "finished" and not any(step > limit for step in steps):
        return log
    columns = Columns()
    for i in (i for i, step in enumerate(steps) if step <= limit):
        columns.append(**{name: getattr(last.columns, name)[i] for name in Columns.__slots__})
    meta = {k: v for k, v in last.meta.items() if k not in ("ended_early_at", "final_pass_elapsed", "train_runtime")}
    segment = Segment(
        start_step=last.start_step,
        total_steps=last.total_steps,
        started_at=last.started_at,
        job_id=last.job_id,
        columns=columns,
        evaluations=[e for e in last.evaluations if e.step <= limit],
        checkpoints=[c for c in last.checkpoints if c.step <= limit],
        nonfinite=[n for n in last.nonfinite if n.step <= limit],
        meta=meta,
    )
    return TrainingLog(log.source, [*log.segments[:-1], segment], list(log.notes), log.version)
