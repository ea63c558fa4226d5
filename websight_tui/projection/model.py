"""The answers of this package as values: verdicts, projections, forecasts, remedies."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Band = tuple[float, float]
"""Lower and upper end, seconds."""


class Verdict(StrEnum):
    """Whether the run ends inside its limit."""

    FITS = "fits"
    TIGHT = "tight"
    WILL_NOT_FIT = "will not fit"
    TOO_EARLY = "too early to say"


@dataclass(frozen=True, slots=True)
class Projection:
    """When a running segment will finish, from what it has done.

    Args:
        step, total_steps: where it is and where it goes; in a run that uses the time it has, where it will be at its
            deadline.
        segment_start: the segment's first step.
        elapsed_s: seconds since the segment began, at its last line.
        total_s: estimate of the whole segment's seconds; None if too early.
        total_s_80, total_s_95: bands that contain `total_s`.
        limit_s: seconds that the segment may take (deadline less the segment's begin); None if there is no limit.
        verdict: from the bands against the limit.
        reasons: why, in words, most telling first.
        finish_at, deadline: Unix s where the clock is known, else None.
        pace_s: seconds a step of the ordinary intervals, None if too early.
    """

    step: int
    total_steps: int
    segment_start: int
    elapsed_s: float
    total_s: float | None
    total_s_80: Band | None
    total_s_95: Band | None
    limit_s: float | None
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    finish_at: float | None = None
    deadline: float | None = None
    pace_s: float | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """How long a preset would take, before the launch.

    Args:
        preset: its name.
        steps: optimizer steps of the whole run, or as many as fit in one that uses the time it has.
        seconds, seconds_80: estimate and 80 % band, start-up and pauses included.
        limit_s: the limit it was held against (less the save-and-stop lead).
        verdict: fits · tight · will not fit.
        basis: where it comes from, in words ("no run of yours yet: cost model", "3 runs of yours on hai").
    """

    preset: str
    steps: int
    seconds: float | None
    seconds_80: Band | None
    limit_s: float | None
    verdict: Verdict
    basis: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """Something that can be done about a verdict, with its cost.

    Args:
        kind: another-preset · fewer-epochs · chain · longer-limit · save-and-stop · let-it-run.
        title: what will be done, imperative ("Train 0.8 epochs").
        cost: in hours, steps and words about quality.
        value: what the action needs (a preset's name, epochs, jobs, seconds, a step), as text.
    """

    kind: str
    title: str
    cost: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """How a forecast did.

    Args:
        ratio: real over forecast seconds; above 1 the run took longer.
        inside: whether the 80 % band held.
    """

    ratio: float
    inside: bool
