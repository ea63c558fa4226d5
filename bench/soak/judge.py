"""Whether the samples of a soak are flat: pure functions on numbers, and the words for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.tables import markdown_table

WARM_UP: Final = 1 / 6
"""Share of the time that is not judged: imports, caches, the first of each screen."""
KB_A_RUN: Final = 300.0
"""Memory that a run of 800 steps may take: its curve and the end of its output are kept for as long as the app runs."""
_MOST_SAMPLES: Final = 300
Sample = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Trend:
    """How one measure went after the warm-up.

    Args:
        name, unit: of the measure.
        middle: median of the samples.
        growth: slope × span: by how much it grew from the warm-up to the end, scatter left out.
        noise: median distance of the samples from the line.
        allowed: the growth up to which it is called flat.
    """

    name: str
    unit: str
    middle: float
    growth: float
    noise: float
    allowed: float

    @property
    def flat(self) -> bool:
        return self.growth <= self.allowed


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """The median slope of all pairs of points (Theil 1950, Sen 1968): outliers do not move it. 0.0 for one point."""
    slopes = [
        (values[j] - values[i]) / (times[j] - times[i])
        for i in range(len(times))
        for j in range(i + 1, len(times))
        if times[j] > times[i]
    ]
    return median(slopes) if slopes else 0.0


def trend(name: str, unit: str, times: Sequence[float], values: Sequence[float], allowed: float) -> Trend:
    """Lays a line through the samples of one measure.

    Args:
        times: seconds, increasing; the warm-up already left out.
        allowed: growth over the whole span, in `unit`, that is still flat.

    Raises: ValueError for fewer than three samples.
    """
    if len(times) < 3:
        raise ValueError("three samples at least make a trend")
    rate = slope(times, values)
    rest = [value - rate * at for at, value in zip(times, values, strict=True)]
    noise = median(abs(one - median(rest)) for one in rest)
    return Trend(name, unit, median(values), rate * (times[-1] - times[0]), noise, allowed)


def trends(samples: Sequence[Sample], first_screens_mb: float = 0.0) -> list[Trend]:
    """Memory, descriptors and threads of a soak.

    Args:
        first_screens_mb: memory that a soak too short to have seen every screen in its warm-up may take for them.

    Raises: ValueError if too few samples are left after the warm-up.
    """
    rest = [one for one in samples if one["t"] >= samples[-1]["t"] * WARM_UP]
    rest = rest[:: max(1, len(rest) // _MOST_SAMPLES)]
    times = [one["t"] for one in rest]
    more_runs = rest[-1]["runs"] - rest[0]["runs"]
    allowed = (
        ("rss_mb", "MiB", 4.0 + first_screens_mb + more_runs * KB_A_RUN / 1024),
        ("descriptors", "", 2.0),
        ("threads", "", 2.0),
    )
    return [trend(name, unit, times, [one[name] for one in rest], most) for name, unit, most in allowed]


def report(samples: Sequence[Sample], found: Sequence[Trend]) -> str:
    """The verdict in words and a table."""
    first, last = samples[0], samples[-1]
    measured = {*first, "t", "days"}
    counts = ", ".join(f"{value:,.0f} {name}" for name, value in last.items() if name not in measured)
    rows = [
        (
            one.name,
            f"{one.middle:.1f} {one.unit}".strip(),
            f"{one.growth:+.2f}",
            f"{one.noise:.2f}",
            f"{one.allowed:.2f}",
            "flat" if one.flat else "GROWS",
        )
        for one in found
    ]
    table = markdown_table(("measure", "median", "growth", "noise", "allowed", "verdict"), rows)
    return (
        f"{last['t'] / 60:.1f} minutes held {last['days']:.1f} days of the app's life: {counts}.\n"
        f"CPU: {100 * last['cpu_s'] / last['t']:.0f} % of one core; history on disk "
        f"{first['history_kb']:.0f} to {last['history_kb']:.0f} kB with {last['runs']:.0f} runs.\n\n{table}"
    )
