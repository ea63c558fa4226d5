"""How people project the end of a run now, and how this package does it: the total from a log that is not finished."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from websight_tui.metrics.model import TrainingLog
from websight_tui.projection.finish import project
from websight_tui.projection.timeline import timeline_of


def formula(log: TrainingLog) -> float | None:
    """LLaMA-Factory's remaining_time, as a total: elapsed ÷ steps × total steps, whatever segment they come from."""
    timeline = timeline_of(log.segments[-1])
    if not timeline.steps or timeline.steps[-1] <= 0:
        return None
    elapsed = timeline.elapsed[-1]
    return elapsed + elapsed / timeline.steps[-1] * (timeline.total - timeline.steps[-1])


def moving_average(log: TrainingLog, smoothing: float = 0.3) -> float | None:
    """tqdm's: an exponential moving average of the intervals (it starts from the resumed step)."""
    timeline = timeline_of(log.segments[-1])
    if len(timeline.steps) < 2:
        return None
    done = seconds = 0.0
    last_step, last_second = float(timeline.start), 0.0
    for step, second in zip(timeline.steps, timeline.elapsed, strict=True):
        done = smoothing * (step - last_step) + (1 - smoothing) * done
        seconds = smoothing * (second - last_second) + (1 - smoothing) * seconds
        last_step, last_second = step, second
    return last_second + seconds / done * (timeline.total - last_step) if done > 0 else None


def ours(log: TrainingLog) -> float | None:
    """This package's estimate."""
    return project(log, limit_s=None).total_s


METHODS: Final[tuple[tuple[str, Callable[[TrainingLog], float | None]], ...]] = (
    ("this package", ours),
    ("elapsed ÷ steps (LLaMA-Factory)", formula),
    ("moving average (tqdm)", moving_average),
)
