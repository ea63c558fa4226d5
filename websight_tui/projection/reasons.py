"""Why a projection says what it says, in words: the limit, then what makes it unsure, then where it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass

from websight_tui.metrics.model import Segment, TrainingLog
from websight_tui.projection.model import Band, Verdict
from websight_tui.projection.pace import Pace
from websight_tui.projection.timeline import Timeline
from websight_tui.words import duration


def pace_words(seconds: float) -> str:
    """ "2.35 s a step", "310 ms a step"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms a step"
    return f"{seconds:.3g} s a step" if seconds < 120 else f"{duration(seconds)} a step"


def count(number: int, what: str) -> str:
    """ "1 run", "3 runs"."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


@dataclass(slots=True)
class Findings:
    """What was seen on the way to a projection; `reasons_of` turns it into words.

    Args:
        start_up_s: seconds from the job's start to the first step, None if unknown.
        unseen: (kind, next due step, guessed seconds or None) of pauses that have not happened yet.
        silent_s: seconds that the next line is overdue.
        too_early: nothing can be projected.
        uses_the_time: it ends by its deadline, at whatever step that is.
        reached: that step, where it is not the last of its epochs.
    """

    log: TrainingLog
    segment: Segment
    timeline: Timeline
    pace: Pace | None
    start_up_s: float | None = None
    unseen: tuple[tuple[str, int, float | None], ...] = ()
    silent_s: float = 0.0
    too_early: bool = False
    uses_the_time: bool = False
    reached: int | None = None


def reasons_of(
    found: Findings, verdict: Verdict, total: float | None, band: Band | None, limit: float | None
) -> tuple[str, ...]:
    """All reasons, most telling first."""
    if found.too_early or total is None or band is None:
        return (*_too_early(found), *_odd(found))
    if band == (total, total):
        return (_ended(found, total), *_against(total, limit), *_odd(found))
    if found.reached is not None:
        most = found.timeline.total
        said = [f"uses the time it has: about step {found.reached:,} of at most {most:,} by its deadline"]
    else:
        said = [_verdict(verdict, total, band, limit)] if limit is not None else []
    return (*said, *_unsure(found), *_basis(found), *_odd(found))


def _too_early(found: Findings) -> list[str]:
    timeline = found.timeline
    if timeline.step > 0 and not timeline.steps and timeline.lines == 0:
        hint = "; the progress bar in the job's .err file has one" if found.log.source == "job_output" else ""
        return [f"the log has no clock: step {timeline.step:,} was reached, but not when{hint}"]
    if timeline.total <= 0 and timeline.lines:
        return ["the log does not say how many steps there will be"]
    if found.pace is not None and found.pace.seconds <= 0:
        return ["the clock of the log does not move"]
    if timeline.lines == 0:
        return ["no step has been logged yet"]
    return [f"only {count(timeline.lines, 'usable line')} so far; at least 4 are needed"]


def _ended(found: Findings, total: float) -> str:
    timeline, end = found.timeline, found.segment.end
    where = f"at step {timeline.step:,} of {timeline.total:,}" if timeline.step < 0.995 * timeline.total else ""
    took = f"after {duration(total)}"
    if end == "failed":
        return f"failed {where} {took}".replace("  ", " ")
    if end == "saved-and-stopped":
        return f"saved and stopped {where} {took}".replace("  ", " ")
    if where and found.uses_the_time:
        return f"used the time it had: finished {where.replace(' of ', ' of at most ')} {took}"
    return f"ended early {where} {took}" if where else f"finished {took}"


def _against(total: float, limit: float | None) -> list[str]:
    if limit is None:
        return []
    side = "inside" if total <= limit else "beyond"
    return [f"{duration(abs(limit - total))} {side} the limit of {duration(limit)}"]


def _verdict(verdict: Verdict, total: float, band: Band, limit: float | None) -> str:
    if limit is None:
        return ""
    gap = duration(abs(limit - total))
    side = "before" if total <= limit else "after"
    text = f"{gap} {side} the limit of {duration(limit)}"
    if verdict is Verdict.TIGHT and band[0] <= limit < band[1]:
        return f"the limit lies inside the band: expected {text}"
    if verdict is Verdict.TIGHT:
        return f"within 5 % of the limit: expected {text}"
    return f"expected {text}"


def _unsure(found: Findings) -> list[str]:
    pace, reasons = found.pace, []
    if found.silent_s > 0:
        reasons.append(f"no new line for {duration(found.silent_s)} longer than usual")
    for kind, due, length in found.unseen:
        if length is not None and length < 1:
            continue
        what = {"evaluation": "an evaluation", "save": "a save"}.get(kind, "a pause")
        guess = "of unknown length" if length is None else f"of about {duration(length)} (not seen yet)"
        reasons.append(f"{what} {guess} is due at step {due:,}")
    if pace is None:
        return reasons
    if pace.regime_at is not None and pace.regime_before:
        ratio = pace.regime_before / pace.seconds
        word = f"{ratio:.1f}× faster" if ratio > 1 else f"{1 / ratio:.1f}× slower"
        reasons.append(f"the pace changed at step {pace.regime_at:,}: {word} since; only that counts")
    if pace.unsettled:
        reasons.append("the pace flips between levels; the band is wide")
    elif abs(pace.drift - 1) > 0.03:
        word = "slower" if pace.drift > 1 else "faster"
        reasons.append(f"lately {abs(pace.drift - 1):.0%} {word} than on average")
    return reasons


def _basis(found: Findings) -> list[str]:
    pace, timeline = found.pace, found.timeline
    if pace is None:
        return []
    reasons = []
    if timeline.start > 0:
        reasons.append(f"resumed at {timeline.start:,}: pace of this segment only")
    reasons.append(f"{pace_words(pace.seconds)} over {count(pace.intervals, 'ordinary interval')}")
    for rhythm in pace.rhythms:
        times = math.ceil(rhythm.to_come(timeline.step, timeline.total))
        if rhythm.seconds is not None and times and rhythm.seconds >= 0.5:
            each = f"{duration(rhythm.seconds)} each"
            reasons.append(f"{count(times, rhythm.kind)} still to come, {each}")
    if pace.warm_up:
        reasons.append(f"{count(pace.warm_up, 'slow first interval')} left out as warm-up")
    if found.start_up_s is not None and found.start_up_s >= 30:
        reasons.append(f"the start-up took {duration(found.start_up_s)} of the limit")
    return reasons


def _odd(found: Findings) -> list[str]:
    odd = []
    if found.timeline.backwards:
        odd.append(f"{count(found.timeline.backwards, 'line')} out of order left out")
    if len(found.log.segments) > 1:
        odd.append(f"segment {len(found.log.segments)} of this run")
    return odd + found.log.notes[:4]
