"""When a running segment will finish: pace, pauses to come, bands, verdict, and why.

total = elapsed + steps left × ordinary pace + pauses to come × their mean length, all of the last segment only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from websight_tui.metrics.model import Segment, TrainingLog
from websight_tui.projection.bands import Row, bands, unit
from websight_tui.projection.conformal import QUANTILES
from websight_tui.projection.known import NOTHING_KNOWN, RunFacts, filled_in
from websight_tui.projection.model import Band, Projection, Verdict
from websight_tui.projection.pace import Pace, Rhythm, read_pace
from websight_tui.projection.reach import budget_of, reach_of, uses_the_time
from websight_tui.projection.reasons import Findings, reasons_of
from websight_tui.projection.timeline import MOST_SECONDS, Timeline, timeline_of

LEAST_LINES: Final = 4
"""Usable lines below which nothing is said."""
TIGHT: Final = 0.05
"""An estimate this near to the limit is tight, however narrow its band."""
_YET_UNSEEN: Final = 0.01
"""What a young run has not shown yet (a save, a slow batch) adds to what remains, at its very beginning …"""
_ALL_SEEN: Final = 0.25
"""… and the share at which it has shown everything: the mean error of 31 runs, which comes to nothing from there on."""
_FINAL_EVALUATION: Final = 0.25
"""How likely an evaluation after the last step is on a foreign log's clock: only the newest transformers makes one."""
_EVAL_SPEED: Final = 3.5
"""Samples evaluated in the time in which one is trained (forward only, no optimizer)."""


def project(
    log: TrainingLog,
    *,
    limit_s: float | None,
    now: float | None = None,
    job_started_at: float | None = None,
    deadline: float | None = None,
    known: RunFacts = NOTHING_KNOWN,
    table: Sequence[Row] = QUANTILES,
) -> Projection:
    """Projects the last segment of `log`. Pure; never raises, whatever the log holds.

    Args:
        limit_s: seconds that the job may take; None if there is no limit. It counts from `job_started_at`, or from
            the segment's first step where that is unknown.
        now: Unix s; lets a silent log be noticed.
        job_started_at: Unix s.
        deadline: Unix s at which the run must have saved; goes before `limit_s` where the log has a clock.
        known: what is known beside the log.
        table: the conformal quantiles, for a backtest.
    """
    segment = log.last or Segment()
    timeline = timeline_of(segment)
    started = segment.started_at if segment.started_at is not None and math.isfinite(segment.started_at) else None
    start_up = None
    if started is not None and job_started_at is not None and math.isfinite(job_started_at):
        start_up = max(0.0, started - job_started_at)
    limit = _limit(limit_s, deadline, started, start_up)
    known = filled_in(known, log, timeline)
    events = log.source == "events"
    pace = read_pace(
        timeline,
        eval_steps=known.eval_steps,
        save_steps=known.save_steps,
        # the trainer of this package evaluates after the last step, others do as their version has it
        final_eval=float(known.final_eval) if known.final_eval is not None else 1.0 if events else _FINAL_EVALUATION,
        final_save=0.0 if log.source == "job_output" else 1.0,  # a progress bar stops before the last save
    )
    found = Findings(log, segment, timeline, pace, start_up_s=start_up, uses_the_time=uses_the_time(segment))
    if _is_over(segment, timeline):
        if found.uses_the_time and segment.end == "finished":
            found.reached = timeline.step
        total = _real_end(segment, timeline)
        return _answer(found, timeline, limit, total, (total, total), (total, total), started, deadline)
    if pace is None or timeline.lines < LEAST_LINES or timeline.total <= 0 or pace.seconds <= 0:
        found.too_early = True
        return _answer(found, timeline, limit, None, None, None, started, deadline)
    # the newest line may be an evaluation's: its time is in `now`, not in the last training line
    left = max(0, timeline.total - (timeline.step if timeline.now > timeline.elapsed[-1] else int(timeline.steps[-1])))
    coming, scatter, unknown = _pauses_to_come(pace, timeline, known, found)
    silent = _silence(segment, timeline, pace, coming, now)
    found.silent_s = silent
    share = (timeline.steps[-1] - timeline.start) / max(1.0, timeline.total - timeline.start)
    share = min(1.0, max(0.0, share))
    remaining = left * pace.seconds + coming + known.tail_s
    remaining *= 1 + _YET_UNSEEN * max(0.0, 1 - share / _ALL_SEEN)
    estimate = timeline.now + remaining + silent
    roughness = unit(pace, share, scatter / remaining if remaining > 0 else 0.0)
    floor = timeline.now + silent
    narrow, wide = bands(estimate, remaining, roughness, floor=floor, share=share, unknown=unknown, table=table)
    budget = budget_of(segment, limit)
    if found.uses_the_time and budget is not None and estimate > budget:
        length = partial(_length, pace=pace, known=known)
        reach = reach_of(pace, timeline.step, timeline.total, budget, floor, length)
        found.reached = reach.step
        return _answer(found, timeline, limit, reach.total_s, reach.narrow, reach.wide, started, deadline)
    return _answer(found, timeline, limit, estimate, narrow, wide, started, deadline)


def judge(estimate: float | None, band: Band | None, limit: float | None) -> Verdict:
    """The verdict on an estimate: tight where the limit lies inside `band` or within 5 %. Without a limit all fits."""
    if estimate is None or band is None:
        return Verdict.TOO_EARLY
    if limit is None:
        return Verdict.FITS
    low, high = band
    if low <= limit < high or abs(estimate - limit) <= TIGHT * limit:
        return Verdict.TIGHT
    return Verdict.FITS if estimate <= limit else Verdict.WILL_NOT_FIT


def _limit(
    limit_s: float | None, deadline: float | None, started: float | None, start_up: float | None
) -> float | None:
    """Seconds that the segment may take, counted from its first step."""
    if deadline is not None and started is not None and math.isfinite(deadline):
        return max(0.0, deadline - started)
    if limit_s is None or not math.isfinite(limit_s):
        return None
    return max(0.0, limit_s - (start_up or 0.0))


def _is_over(segment: Segment, timeline: Timeline) -> bool:
    ended = segment.end in ("finished", "saved-and-stopped", "failed") or "ended_early_at" in segment.meta
    return ended and _real_end(segment, timeline) > 0


def _real_end(segment: Segment, timeline: Timeline) -> float:
    """Seconds of a segment that has ended, by the best clock that its log has; 0 if it has none."""
    ends: list[Any] = [timeline.now]
    if segment.ended_at is not None and segment.started_at is not None:
        ends.append(segment.ended_at - segment.started_at)
    ends.append(segment.meta.get("final_pass_elapsed"))
    metrics = segment.meta.get("final_metrics")
    if isinstance(metrics, dict) and timeline.now <= 0:
        ends.append(metrics.get("train_runtime"))
    return max(end for end in ends if isinstance(end, (int, float)) and 0 <= end < MOST_SECONDS)


def _pauses_to_come(pace: Pace, timeline: Timeline, known: RunFacts, found: Findings) -> tuple[float, float, float]:
    """Seconds of pauses that are expected, their standard error, and what may come on top where a length is a guess."""
    expected = unknown = variance = 0.0
    for rhythm in pace.rhythms:
        times = rhythm.to_come(timeline.step, timeline.total)
        if times <= 0:
            continue
        if rhythm.seconds is not None:
            expected += times * rhythm.seconds
            scatter = rhythm.error * math.sqrt(1 + rhythm.seen / times)  # of the mean, and of those to come about it
            variance += (times * rhythm.seconds * scatter) ** 2
            continue
        length = _guess(rhythm, pace, known)
        expected += times * (length or 0.0)
        unseen = times * length if length is not None else 0.1 * pace.seconds * max(0, timeline.total - timeline.step)
        if rhythm.kind == "evaluation" or length is not None:
            unknown += unseen
            due = (timeline.step // rhythm.period + 1) * rhythm.period if rhythm.period else timeline.total
            found.unseen = (*found.unseen, (rhythm.kind, min(due, timeline.total), length))
    return expected, math.sqrt(variance), unknown


def _guess(rhythm: Rhythm, pace: Pace, known: RunFacts) -> float | None:
    """Length of a pause that this log has not shown yet; None if nothing can be said."""
    if rhythm.kind == "save":
        return known.save_s
    if known.eval_s is not None:
        return known.eval_s
    if known.eval_samples and known.step_samples:
        return known.eval_samples / (_EVAL_SPEED * known.step_samples / pace.seconds)
    return None


def _length(rhythm: Rhythm, pace: Pace, known: RunFacts) -> float:
    return rhythm.seconds if rhythm.seconds is not None else _guess(rhythm, pace, known) or 0.0


def _silence(segment: Segment, timeline: Timeline, pace: Pace, coming: float, now: float | None) -> float:
    """Seconds by which the next line is overdue beyond what its interval and a pause usually take."""
    if now is None or segment.started_at is None or not math.isfinite(now):
        return 0.0
    steps = timeline.steps
    usual = (steps[-1] - steps[0]) / max(1, timeline.lines - 1) * pace.seconds if len(steps) > 1 else 0.0
    longest = max((r.seconds or 0.0 for r in pace.rhythms), default=0.0)
    if any(r.seconds is None for r in pace.rhythms):
        longest = max(longest, coming)
    overdue = now - segment.started_at - timeline.now - 2.0 * usual - 1.5 * longest
    return overdue if overdue > max(60.0, usual) else 0.0


def _answer(
    found: Findings,
    timeline: Timeline,
    limit: float | None,
    total: float | None,
    narrow: Band | None,
    wide: Band | None,
    started: float | None,
    deadline: float | None,
) -> Projection:
    verdict = judge(total, wide, limit)
    if total is not None and limit is not None and narrow == (total, total):
        verdict = Verdict.FITS if total <= limit else Verdict.WILL_NOT_FIT
    elif total is not None and found.uses_the_time:
        verdict = Verdict.FITS  # it stops in time, whatever its pace
    return Projection(
        step=timeline.step,
        total_steps=timeline.total if found.reached is None else found.reached,
        segment_start=timeline.start,
        elapsed_s=total if total is not None and narrow == (total, total) else timeline.now,
        total_s=total,
        total_s_80=narrow,
        total_s_95=wide,
        limit_s=limit,
        verdict=verdict,
        reasons=reasons_of(found, verdict, total, wide, limit),
        finish_at=started + total if started is not None and total is not None else None,
        deadline=deadline,
        pace_s=found.pace.seconds if found.pace is not None and found.pace.seconds > 0 else None,
    )
