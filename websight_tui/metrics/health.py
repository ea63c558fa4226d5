"""Quiet signs that a training is not well, each with its evidence. Nothing here looks at a clock: `now` is given.

The thresholds are held against recorded healthy runs, where they must stay silent; see the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import isfinite
from statistics import median
from typing import Final

from websight_tui.metrics.curve_fit import expected_gain
from websight_tui.metrics.model import Segment, TrainingLog
from websight_tui.metrics.stitch import stitched_evaluations, surviving

_STALL_FLOOR_S: Final = 180.0
_STALL_INTERVALS: Final = 5
_START_UP_S: Final = 1800.0
_PAUSE_S: Final = 1800.0
_GROUP_S: Final = 20.0
_RECENT: Final = 5000
"""Newest losses that are all looked at."""
_OLDER: Final = 5000
"""About how many of the ones before."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of trouble.

    Args:
        kind: nan · diverging · spikes · plateau · overfitting · stalled · slower.
        severity: "note" (worth knowing), "warning" (look at it) or "alarm" (training is wasted from here).
        message: what was seen, with its figures, one sentence.
        hint: the next step.
        step: where.
    """

    kind: str
    severity: str
    message: str
    hint: str
    step: int


def signs(log: TrainingLog, now: float | None = None, seen_at: float | None = None) -> tuple[Sign, ...]:
    """All signs of trouble in a run, gravest first.

    Args:
        now: Unix s; None leaves out the stall, which needs it.
        seen_at: Unix s at which the log last grew, for formats without a clock of their own.
    """
    points = _losses(log)
    found = [nonfinite(log, points), diverging(points), spikes(points), overfitting(log), slower(log)]
    if log.last is not None and not log.last.end:
        found.append(plateau(points, log.last.total_steps))
        if now is not None:
            found.append(stalled(log, now, seen_at))
    order = {"alarm": 0, "warning": 1, "note": 2}
    return tuple(sorted((s for s in found if s is not None), key=lambda s: order[s.severity]))


def _losses(log: TrainingLog) -> list[tuple[float, float]]:
    """(step, loss) over all segments: the newest ones all, of a very long log's older ones every k-th."""
    parts = surviving(log)
    older = max(0, sum(count for _, count, _ in parts) - _RECENT)
    stride = max(1, older // _OLDER)
    points: list[tuple[float, float]] = []
    before = 0
    for segment, count, _ in parts:
        steps, losses = segment.columns.step, segment.columns.loss
        dense = min(count, max(0, older - before))
        picks = chain(range(-before % stride, dense, stride), range(dense, count))
        points += [(steps[i], losses[i]) for i in picks if isfinite(losses[i])]
        before += count
    return points


def nonfinite(log: TrainingLog, points: Sequence[tuple[float, float]]) -> Sign | None:
    """Losses or gradients that are NaN or infinite, open or hidden behind a loss of exactly 0.0.

    A single infinite gradient is how mixed precision finds its scale: it takes two points in a row, the last two.
    """
    segment = log.last
    if segment is None:
        return None
    hint = "Stop it: nothing is learnt from here. Resume before it with a lower learning rate, or check the data."
    last_logged = [int(x) for x, _ in points[-2:]]
    bad = segment.nonfinite
    if bad:
        newest = bad[-1].step
        run = [b for b in bad[-50:] if b.step >= (last_logged[0] if last_logged else 0)]
        if len({b.step for b in run}) >= 2 or ("loss" in bad[-1].fields and newest >= segment.last_step):
            what = " and ".join(bad[-1].fields)
            return Sign("nan", "alarm", f"{what} is not a finite number at step {newest}.", hint, newest)
    zeros = 0
    for _, y in reversed(points):
        if y != 0.0:
            break
        zeros += 1
    columns = segment.columns
    learns = any(
        y == 0.0 and isfinite(g) and g > 0 for y, g in zip(columns.loss[-64:], columns.grad_norm[-64:], strict=False)
    )
    # a loss that came down to nothing is rounded to 0.0; one that breaks off from above did not come down
    broke_off = zeros == len(points) or points[len(points) - zeros - 1][1] > 0.02
    if zeros >= 2 and broke_off and not learns:
        step = int(points[len(points) - zeros][0])
        text = f"The loss is exactly 0.0 since step {step}: mostly a NaN that the trainer's logging filter hides."
        return Sign("nan", "alarm", text, hint, step)
    return None


def diverging(points: Sequence[tuple[float, float]]) -> Sign | None:
    """A loss that has left its best level upwards for good: every point of the last window is far above it."""
    if len(points) < 20:
        return None
    size = min(50, max(5, len(points) // 20))
    windows = [[y for _, y in points[i : i + size]] for i in range(0, len(points) - size + 1, size)]
    levels = [median(w) for w in windows]
    noise = median(abs(y - m) for w, m in zip(windows, levels, strict=True) for y in w) * 1.4826
    recent = [y for _, y in points[-size:]]
    best = min(levels)
    limit = best + max(0.5 * abs(best), 6 * noise, 0.15 * abs(levels[0]))
    if min(recent) <= limit:
        return None
    step = int(points[levels.index(best) * size][0])
    text = f"The loss has risen to {median(recent):.4g} from its best level of {best:.4g} around step {step}."
    hint = "Resume from a checkpoint near the best level with a lower learning rate."
    return Sign("diverging", "alarm", text, hint, int(points[-1][0]))


def spikes(points: Sequence[tuple[float, float]]) -> Sign | None:
    """Single points far above their neighbours, among the last tenth of the run."""
    if len(points) < 30:
        return None
    first = median(y for _, y in points[:10])
    found: list[tuple[float, float, float]] = []
    for i in range(max(20, len(points) - max(20, len(points) // 10)), len(points)):
        around = [y for _, y in points[i - 20 : i]]
        level = median(around)
        noise = median(abs(y - level) for y in around) * 1.4826
        x, y = points[i]
        if y > level + max(12 * noise, 1.0 * abs(level), 0.25 * abs(first)):
            found.append((x, y, level))
    if not found:
        return None
    x, y, level = found[-1]
    many = f"{len(found)} spikes" if len(found) > 1 else "A spike"
    text = f"{many} in the loss of late: {y:.4g} at step {int(x)}, where {level:.4g} is usual."
    return Sign("spikes", "note", text, "If they grow, lower the learning rate or look at those samples.", int(x))


def plateau(points: Sequence[tuple[float, float]], total_steps: int) -> Sign | None:
    """A loss from which going on is expected to take less than 2 %, at the most hopeful reading of its curve."""
    if len(points) < 60 or total_steps <= 0 or not 0.2 <= points[-1][0] / total_steps <= 0.75:
        return None
    gain = expected_gain([x for x, _ in points], [y for _, y in points], float(total_steps))
    if gain is None or gain.hi > 0.02 * abs(gain.now):
        return None
    low = max(0.0, gain.lo)
    left = total_steps - int(points[-1][0])
    text = (
        f"The loss stays at {gain.now:.4g}: the {left} steps left are expected to take {max(0.0, gain.gain):.2g} off it"
        f" ({low:.2g} to {max(0.0, gain.hi):.2g}), before the learning rate is annealed."
    )
    hint = "Stopping now loses little; a held-out evaluation says whether it still learns."
    return Sign("plateau", "note", text, hint, int(points[-1][0]))


def overfitting(log: TrainingLog) -> Sign | None:
    """Evaluation losses that rose three times in a row to 5 % above the best, while the training went on."""
    losses = [(e.step, e.loss) for e in stitched_evaluations(log) if e.loss is not None]
    if len(losses) < 4:
        return None
    best_step, best = min(losses, key=lambda p: p[1])
    tail = [loss for _, loss in losses[-4:]]
    if any(after <= before for before, after in pairwise(tail)) or tail[-1] < best + 0.05 * abs(best):
        return None
    text = f"The evaluation loss rises: {tail[-1]:.4g} at step {losses[-1][0]}, {best:.4g} at step {best_step}."
    return Sign(
        "overfitting", "note", text, f"The checkpoint nearest to step {best_step} is the better one.", best_step
    )


def stalled(log: TrainingLog, now: float, seen_at: float | None = None) -> Sign | None:
    """Nothing logged for far longer than usual; never under 3 minutes or 5 logging intervals."""
    segment = log.last
    if segment is None or segment.end:
        return None
    times = [t for t in segment.columns.t[-64:] if isfinite(t)]
    last = max(
        (t for t in (times[-1] if times else None, seen_at, _last_event(segment)) if t is not None), default=None
    )
    if last is None:
        last = segment.started_at
    if last is None:
        return None
    quiet = now - last
    limit = max(_STALL_FLOOR_S, _STALL_INTERVALS * _usual_interval(segment))
    doing = "logged"
    if segment.eval_begun_at is not None or segment.save_begun_at is not None:
        past = [e.seconds for e in segment.evaluations if e.seconds] + [
            c.seconds for c in segment.checkpoints if c.seconds
        ]
        limit = max(limit, 3 * max(past)) if past else max(limit, _PAUSE_S)
        doing = "heard since the evaluation began" if segment.eval_begun_at is not None else "heard since a save began"
    elif not len(segment.columns):
        limit = max(limit, _START_UP_S)
    if quiet <= limit:
        return None
    text = f"Nothing was {doing} for {quiet / 60:.0f} minutes; {limit / 60:.0f} would be long already."
    hint = "Look at the log's end and at the node; a hung collective ends by its own timeout after 10 to 30 minutes."
    return Sign("stalled", "warning", text, hint, segment.last_step)


def slower(log: TrainingLog) -> Sign | None:
    """Steps that take longer than the run's own past, evaluations and saves left out: of late, or on another node."""
    segment = log.last
    paces = ordinary_paces(segment) if segment is not None else []
    if segment is None:
        return None
    if len(paces) < 30:
        return _slower_than_before(log, segment, paces)
    recent, past = sorted(paces[-10:]), sorted(paces[1 : len(paces) * 2 // 3])
    usual, high = median(past), past[int(0.95 * (len(past) - 1))]
    if recent[1] <= max(1.3 * usual, high):
        return None
    text = f"A step takes {median(recent):.3g} s of late, {median(recent) / usual:.1f} times its usual {usual:.3g} s."
    hint = "A busy file system, a throttled GPU or a neighbour on the node; the finish is projected from the new pace."
    return Sign("slower", "warning", text, hint, segment.last_step)


def _slower_than_before(log: TrainingLog, segment: Segment, paces: Sequence[float]) -> Sign | None:
    """A young segment whose steps take longer than nearly all of the segment before, which another node may explain."""
    before = log.segments[-2] if len(log.segments) > 1 else None
    past = sorted(ordinary_paces(before)[1:]) if before is not None else []
    if before is None or len(past) < 10 or len(paces) < 6:
        return None
    usual, high, now = median(past), past[int(0.95 * (len(past) - 1))], sorted(paces[1:])
    if now[1] <= max(1.3 * usual, high):
        return None
    hosts = [str(s.meta.get("host", ""))[:80] for s in (before, segment)]
    where = f" on {hosts[1]}, before on {hosts[0]}" if all(hosts) and hosts[0] != hosts[1] else ""
    text = f"A step takes {median(now):.3g} s since the resume, {median(now) / usual:.1f} times as long as before it"
    hint = "Another node may be slower or shared; `sbatch --exclude` leaves it out. The finish counts this pace only."
    return Sign("slower", "warning", f"{text}{where}.", hint, segment.last_step)


def ordinary_paces(segment: Segment) -> list[float]:
    """Seconds a step of successive stretches of at least 20 s, without those that hold an evaluation or a save."""
    pauses = {e.step for e in segment.evaluations} | {c.step for c in segment.checkpoints}
    columns = segment.columns
    paces: list[float] = []
    begin: tuple[float, float] | None = None
    paused = False
    for x, t in zip(columns.step, columns.elapsed, strict=False):
        if not isfinite(t):
            continue
        if begin is None or t < begin[1] or x < begin[0]:
            begin, paused = (x, t), int(x) in pauses
            continue
        if t - begin[1] >= _GROUP_S and x > begin[0]:
            if not paused:
                paces.append((t - begin[1]) / (x - begin[0]))
            begin, paused = (x, t), int(x) in pauses
        else:
            paused = paused or int(x) in pauses
    return paces


def _usual_interval(segment: Segment) -> float:
    times = [t for t in segment.columns.t[-64:] if isfinite(t)]
    if len(times) < 2:
        times = [t for t in segment.columns.elapsed[-64:] if isfinite(t)]
    gaps = [after - before for before, after in pairwise(times) if after > before]
    return median(gaps) if gaps else 0.0


def _last_event(segment: Segment) -> float | None:
    times = [e.t for e in segment.evaluations[-1:]] + [c.t for c in segment.checkpoints[-1:]]
    times += [segment.eval_begun_at, segment.save_begun_at, segment.started_at]
    return max((t for t in times if t is not None), default=None)
