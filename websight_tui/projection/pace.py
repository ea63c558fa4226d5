"""Seconds a step and a pause, read off one segment's timeline.

An interval lies between two lines. The first line's own time holds the warm-up and belongs to no interval. Intervals
with an evaluation or a save in them are set apart; the others make the ordinary pace, as a mean over time (a median
forgets everything that happens now and then).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import Final

from websight_tui.projection.drift import Interval, settle
from websight_tui.projection.schedule import period_of
from websight_tui.projection.timeline import Pause, Timeline

_FEW: Final = 4
"""Intervals without any pause that are too few to be the only ground."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Pauses of one kind.

    Args:
        kind: evaluation · save · pause (seen, nature unknown).
        seconds: their mean length; None if none has been seen yet.
        period: steps between them; 0 if unknown.
        seen: how many have been measured.
        last: step of the newest one.
        final: how likely one follows the last step too, 0 to 1.
        phase: they come at steps that leave this rest when divided by `period`.
        error: standard error of `seconds`, relative to it.
    """

    kind: str
    seconds: float | None
    period: int
    seen: int
    last: int
    final: float = 1.0
    phase: int = 0
    error: float = 0.0

    def due_in(self, start: float, end: float) -> bool:
        """Whether one is due at a step from `start` to before `end`."""
        return self.period > 0 and math.ceil((start - self.phase) / self.period) * self.period + self.phase < end

    def to_come(self, step: int, total: int) -> float:
        """How many will still happen between `step` and `total`; the one at `step` counts if it is not yet seen.

        The one after the last step counts by its likelihood.
        """
        if self.period <= 0 or self.last >= total or step > total:
            return 0
        done = max(self.last, step - 1)
        regular = max(0, (total - 1 - self.phase) // self.period - (done - self.phase) // self.period)
        return regular + self.final


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a segment trains.

    Args:
        seconds: expected for each ordinary step to come.
        error: relative standard error of `seconds`, from the scatter of blocks of intervals.
        intervals: ordinary intervals it rests on.
        rhythms: pauses.
        drift: recent pace over mean pace, 1 if they agree.
        regime_at: step since which another pace holds, None if it never changed.
        regime_before: seconds a step before that.
        unsettled: the pace jumped more than once; a band must be wide.
        warm_up: leading intervals left out because they were far slower.
    """

    seconds: float
    error: float
    intervals: int
    rhythms: tuple[Rhythm, ...] = ()
    drift: float = 1.0
    regime_at: int | None = None
    regime_before: float | None = None
    unsettled: bool = False
    warm_up: int = 0


@dataclass(slots=True)
class _Kind:
    """A kind of pause while it is being measured; `under_way` is the step of one that no line has followed yet."""

    name: str
    named: tuple[Pause, ...]
    period: int
    final: float
    lengths: list[float] = field(default_factory=list)
    under_way: float | None = None


def read_pace(
    timeline: Timeline,
    *,
    eval_steps: int = 0,
    save_steps: int = 0,
    final_eval: float = 0.5,
    final_save: float = 1.0,
) -> Pace | None:
    """The pace of a segment; None if it has fewer than two intervals.

    Args:
        eval_steps, save_steps: the schedule by the configuration, 0 if unknown.
        final_eval, final_save: how likely an evaluation and a save follow the last step and are on this clock.
    """
    evaluations, saves = timeline.evaluations, timeline.saves
    slack = int(timeline.steps[0]) - timeline.start if timeline.steps else 1
    eval_steps = eval_steps or period_of([p.step for p in evaluations], timeline.start, slack)
    save_steps = save_steps or period_of([p.step for p in saves], timeline.start, slack)
    if eval_steps and timeline.total % eval_steps == 0:
        final_eval = 1.0  # due anyway
    kinds = [_Kind("evaluation", evaluations, eval_steps, final_eval), _Kind("save", saves, save_steps, final_save)]
    intervals = _intervals(timeline, kinds)
    if len(intervals) < 2:
        return None
    ordinary = [i for i in intervals if not i.pauses and not i.known]
    rhythms: tuple[Rhythm, ...] = ()
    if len(ordinary) < _FEW:  # lines are as rare as pauses: those count that the log can take the pauses out of
        ordinary = [i for i in intervals if not i.pauses]
    if len(ordinary) < 2:  # the pauses' cost stays in the pace, where it is rightly averaged
        ordinary = [replace(i, seconds=i.seconds + sum(i.known.values())) for i in intervals]
    else:
        usual = _usual(ordinary, timeline.whole_seconds)
        found = None if evaluations else _hidden_pauses(ordinary, usual, timeline, final_save)
        _measure(intervals, kinds, usual, found[0] if found else None)
        _measure_newest(timeline, kinds, usual)
        rhythms = tuple(_rhythm(k, timeline) for k in kinds if k.period or k.named)
        if found:
            rhythms, ordinary = (*rhythms, found[0]), found[1]
    settled = settle(ordinary, timeline.whole_seconds)
    return Pace(
        seconds=settled.seconds,
        error=settled.error,
        intervals=settled.intervals,
        rhythms=rhythms,
        drift=settled.drift,
        regime_at=settled.regime_at,
        regime_before=settled.regime_before,
        unsettled=settled.unsettled,
        warm_up=settled.warm_up,
    )


def _intervals(timeline: Timeline, kinds: Sequence[_Kind]) -> list[Interval]:
    """Intervals between lines, less the pauses whose length is known; what else paused in them is marked.

    A pause at step k comes after the line of step k, so it lies in the interval that begins at k.
    """
    steps, elapsed = timeline.steps, timeline.elapsed
    made = [Interval(a, b, f - e) for a, b, e, f in zip(steps, steps[1:], elapsed, elapsed[1:], strict=False) if b > a]
    for kind in kinds:
        named = {p.step: p.seconds for p in kind.named}
        if kind.period <= 0:
            marks = sorted(named)
        else:
            last = int(steps[-1]) if steps else 0
            first = int(steps[0]) if steps else 0
            if (last - first) // kind.period > len(made) * 2:
                continue  # pauses several times between two lines: part of the pace
            regular = range((first // kind.period) * kind.period, last, kind.period)
            marks = sorted({*named, *regular})
        for mark in marks:
            i = bisect_left(steps, mark + 1) - 1  # the last line at or before the pause
            if 0 <= i < len(made) and mark > 0:
                if known := min(named.get(mark) or 0.0, made[i].seconds):
                    made[i].seconds -= known
                    made[i].known[kind.name] = made[i].known.get(kind.name, 0.0) + known
                    kind.lengths.append(known)
                else:
                    made[i].pauses += (kind.name,)
            elif i >= len(made) and named.get(mark):
                kind.lengths.append(named[mark] or 0.0)
            elif i >= len(made) and mark in named:
                kind.under_way = mark
    return made


def _usual(ordinary: Sequence[Interval], whole_seconds: bool) -> float:
    """Seconds a step where nothing interrupted: a mean, since a clock of whole seconds spoils medians."""
    middle = median(i.pace for i in ordinary)
    slack = 1.5 if whole_seconds else 0.0
    calm = [i for i in ordinary if i.seconds <= 1.5 * middle * i.steps + slack] or list(ordinary)
    return sum(i.seconds for i in calm) / sum(i.steps for i in calm)


def _measure(intervals: Sequence[Interval], kinds: Sequence[_Kind], usual: float, hidden: Rhythm | None) -> None:
    """Adds to each kind what its intervals took beyond the ordinary pace and beyond what the log says of them.

    Where kinds fall together, those that stand alone are measured first; the others are what is left over.
    """
    beyond: dict[str, float] = {}  # seconds by kind; by "kind+" where the log names a length, which lacks its overhead
    for kind in kinds:
        name = kind.name
        mine = [i for i in intervals if name in i.pauses or name in i.known]
        unnamed, named = [], []
        for i in [i for i in mine if {*i.pauses, *i.known} == {name}] or mine:
            over = i.seconds - usual * i.steps
            over -= sum(beyond.get(other, 0.0) for other in i.pauses if other != name)
            over -= sum(beyond.get(f"{other}+", 0.0) for other in i.known if other != name)
            if hidden is not None and hidden.seconds and hidden.due_in(i.start, i.end):
                over -= hidden.seconds
            if times := i.pauses.count(name):
                unnamed.append(over / times)
            else:
                named.append(over)
        beyond |= {key: sum(some) / len(some) for key, some in ((name, unnamed), (f"{name}+", named)) if some}
        kind.lengths = [known + beyond.get(f"{name}+", 0.0) for known in kind.lengths] + unnamed


def _measure_newest(timeline: Timeline, kinds: Sequence[_Kind], usual: float) -> None:
    """A pause that no training line has followed yet took what the clock shows beyond the steps before it."""
    for kind in kinds:
        if kind.under_way is None or timeline.now <= timeline.elapsed[-1]:
            continue
        way = usual * (kind.under_way - timeline.steps[-1])
        kind.lengths.append(max(0.0, timeline.now - timeline.elapsed[-1] - way))


def _rhythm(kind: _Kind, timeline: Timeline) -> Rhythm:
    last = max((p.step for p in kind.named if p.step <= timeline.step), default=0)
    if not kind.lengths:
        return Rhythm(kind.name, None, kind.period, 0, last, kind.final)
    mean, error = _mean_length(kind.lengths)
    return Rhythm(kind.name, mean, kind.period, len(kind.lengths), last, kind.final, error=error)


def _mean_length(lengths: Sequence[float]) -> tuple[float, float]:
    """(mean, relative standard error of it); of one length alone the error is taken for a quarter."""
    mean = sum(lengths) / len(lengths)
    if mean <= 0:
        return 0.0, 0.0
    if len(lengths) < 2:
        return mean, 0.25
    variance = sum((length - mean) ** 2 for length in lengths) / (len(lengths) - 1)
    return mean, math.sqrt(variance / len(lengths)) / mean


def _hidden_pauses(
    ordinary: list[Interval], usual: float, timeline: Timeline, final: float
) -> tuple[Rhythm, list[Interval]] | None:
    """A regular pause that the log does not name: intervals that are far too long, at equal distances.

    Returns: the pause, and the intervals without it; None if there is none.
    """
    scatter = median(abs(i.pace - usual) for i in ordinary) * 1.5
    floor = 3.0 if timeline.whole_seconds else 0.5

    def is_slow(i: Interval) -> bool:
        return i.seconds - usual * i.steps > max(6 * scatter * i.steps, floor, 0.2 * i.seconds)

    slow = [i for i in ordinary if is_slow(i)]
    if not 2 <= len(slow) <= len(ordinary) // 3:
        return None
    gaps = [b.start - a.start for a, b in pairwise(slow)]
    between_lines = median(i.steps for i in ordinary)
    alike = max(gaps) - min(gaps) <= 2 * between_lines  # every pause was seen; between lines it can be anywhere
    period = round(sum(gaps) / len(gaps) if alike else min(gaps))
    if period < 2 * between_lines:
        return None
    regular = [g for g in gaps if abs(g - round(g / period) * period) <= between_lines]
    due = (slow[-1].start - slow[0].start) / period + 1
    first_due = slow[0].start - ordinary[0].start <= period + between_lines
    if len(regular) < 0.8 * len(gaps) or len(slow) < 0.8 * due or not first_due:
        return None
    excess = [i.seconds - usual * i.steps for i in slow]
    length, error = _mean_length(excess)
    strict = len(slow) >= 4 and len(regular) == len(gaps)
    if not strict and max(excess) > 2 * min(excess) + floor:  # pauses of one kind are alike
        return None
    rest = [i for i in ordinary if not is_slow(i)]
    last = int(slow[-1].start)
    due_last = final if (timeline.total - last) % period == 0 else 0.0
    return Rhythm("pause", length, period, len(slow), last, due_last, phase=last % period, error=error), rest
