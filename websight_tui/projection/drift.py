"""Warm-up, drift, changes for good and flips: what a row of ordinary intervals says of the pace to come."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Final

_BLOCKS: Final = 48
"""Blocks that drift and regime changes are judged on."""
_REGIME_RATIO: Final = 1.25
"""A change of pace smaller than this is drift."""
_QUIET: Final = 0.12
"""Scatter of the blocks, relative to their mean, below which a pace is settled."""
_LEVELS_RATIO: Final = 1.4
"""Two levels of pace are at least this far apart."""
_DRIFT_PRIOR: Final = 40.0
"""How strong a drift must be (in squared standard errors) to be believed by half."""


@dataclass(slots=True)
class Interval:
    """Steps from `start` to `end` that took `seconds`.

    Pauses whose length the log names are in `known` (kind: seconds), no longer in `seconds`; the kinds of the others,
    one for each, are in `pauses`.
    """

    start: float
    end: float
    seconds: float
    pauses: tuple[str, ...] = ()
    known: dict[str, float] = field(default_factory=dict)

    @property
    def steps(self) -> float:
        return self.end - self.start

    @property
    def pace(self) -> float:
        return self.seconds / (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Settled:
    """What the intervals come to; the fields are `pace.Pace`'s of the same names."""

    seconds: float
    error: float
    intervals: int
    drift: float
    regime_at: int | None
    regime_before: float | None
    unsettled: bool
    warm_up: int


def settle(ordinary: Sequence[Interval], whole_seconds: bool) -> Settled:
    """The pace to come by intervals without pauses, at least two of them.

    Args:
        whole_seconds: the clock has a resolution of one second only.
    """
    rest, warm_up = _without_warm_up(ordinary)
    blocks = _blocks(rest)
    change = _regime_change(blocks)
    at: int | None = None
    before: float | None = None
    if change:
        before, at = _mean(blocks[:change]), int(blocks[change].start)
        rest = rest[bisect_left([i.start for i in rest], at) :]
        blocks = _blocks(rest)
    seconds, error, drift = _settle(blocks, whole_seconds)
    flips = _flips(blocks, whole_seconds)
    return Settled(seconds, error, len(rest), drift, at, before, flips, warm_up)


def _without_warm_up(ordinary: Sequence[Interval]) -> tuple[Sequence[Interval], int]:
    """Leaves out leading intervals that are far slower than what follows (caches, compilation, other loaders)."""
    most = min(8, len(ordinary) // 4)
    if most < 1:
        return ordinary, 0
    rest = sorted(i.pace for i in ordinary[most:])
    high = rest[int(0.9 * (len(rest) - 1))]
    dropped = 0
    while dropped < most and ordinary[dropped].pace > 1.15 * high:
        dropped += 1
    return ordinary[dropped:], dropped


def _blocks(ordinary: Sequence[Interval]) -> list[Interval]:
    """Neighbouring intervals put together, at most _BLOCKS of them, of about the same number of intervals."""
    size = max(1, math.ceil(len(ordinary) / _BLOCKS))
    blocks = []
    for i in range(0, len(ordinary), size):
        part = ordinary[i : i + size]
        steps = sum(p.steps for p in part)
        blocks.append(Interval(part[0].start, part[0].start + steps, sum(p.seconds for p in part)))
    return blocks


def _mean(blocks: Sequence[Interval]) -> float:
    return sum(b.seconds for b in blocks) / sum(b.steps for b in blocks)


def _scatter(blocks: Sequence[Interval], mean: float) -> float:
    """Standard deviation of the blocks' paces about `mean`, weighted by steps."""
    steps = sum(b.steps for b in blocks)
    variance = sum(b.steps * (b.pace - mean) ** 2 for b in blocks) / steps
    return math.sqrt(variance * len(blocks) / max(1, len(blocks) - 1))


def _regime_change(blocks: Sequence[Interval]) -> int:
    """The block since which another, quiet pace holds for good; 0 if there is none.

    At least four blocks follow it, they scatter little, and nearly everything before lies far outside their scatter
    and differs by _REGIME_RATIO in the mean. A pace that flips to and fro between two levels is no change for good.
    """
    count = len(blocks)
    for k in range(1, count - 3):
        after = _mean(blocks[k:])
        if after <= 0:
            return 0
        quiet = _scatter(blocks[k:], after)
        if quiet > _QUIET * after:
            continue
        before = _mean(blocks[:k])
        if before <= 0 or max(before / after, after / before) < _REGIME_RATIO:
            continue
        far = sum(abs(b.pace - after) > max(4 * quiet, 0.1 * after) for b in blocks[:k])
        if far >= 0.8 * k:
            return k
    return 0


def _flips(blocks: Sequence[Interval], whole_seconds: bool) -> bool:
    """Whether the pace flips between two levels that it stays on for a while.

    Noise changes sides at every other block; a difference that the rounding of the clock can make is none.
    """
    if len(blocks) < 4:
        return False
    paces = [b.pace for b in blocks]
    middle = (min(paces) + max(paces)) / 2
    high, low = [p for p in paces if p > middle], [p for p in paces if p <= middle]
    if not high or not low:
        return False
    above, below = sum(high) / len(high), sum(low) / len(low)
    rounding = 2.5 / median(b.steps for b in blocks) if whole_seconds else 0.0
    if above < _LEVELS_RATIO * below or above - below < 2 * rounding:
        return False
    switches = sum((a > middle) != (b > middle) for a, b in pairwise(paces))
    return 2 <= switches <= max(3, len(paces) // 3)


def _settle(blocks: Sequence[Interval], whole_seconds: bool) -> tuple[float, float, float]:
    """(pace to come, its relative standard error, recent over mean): the mean, drawn to the recent pace by drift."""
    mean = _mean(blocks)
    seconds = sum(b.seconds for b in blocks)
    if mean <= 0 or seconds <= 0:
        return max(mean, 0.0), 1.0, 1.0
    rounding = (0.6 / seconds) if whole_seconds else 0.0
    if len(blocks) < 4:
        scatter = _scatter(blocks, mean) / mean if len(blocks) > 1 else 0.1
        return mean, math.hypot(scatter / math.sqrt(len(blocks)), rounding), 1.0
    cut = len(blocks) - max(2, len(blocks) // 3)
    early, late = blocks[:cut], blocks[cut:]
    first, recent = _mean(early), _mean(late)
    noise = math.hypot(
        _scatter(early, first) / math.sqrt(len(early)), _scatter(late, recent) / math.sqrt(len(late)), mean * rounding
    )
    evidence = ((recent - first) / noise) ** 2 if noise > 0 else (0.0 if recent == first else 1e9)
    trust = max(0.0, evidence - 1) / (evidence + _DRIFT_PRIOR)
    pace = mean + trust * (recent - mean)
    error = math.hypot(_scatter(blocks, mean) / math.sqrt(len(blocks)) / mean, abs(recent - mean) / mean / 2, rounding)
    return pace, error, recent / mean
