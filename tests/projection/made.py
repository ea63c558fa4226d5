"""Logs made to measure: what a trainer would have written, with a known end."""

from __future__ import annotations

import random

from websight_tui.metrics.model import Checkpoint, Evaluation, Segment, TrainingLog


def made_segment(
    *,
    total: int = 1000,
    pace: float = 2.0,
    every: int = 10,
    start: int = 0,
    until: int | None = None,
    noise: float = 0.02,
    warm_up: float = 20.0,
    eval_steps: int = 0,
    eval_s: float = 0.0,
    named: bool = True,
    save_steps: int = 0,
    save_s: float = 0.0,
    slower_before: tuple[int, float] = (0, 1.0),
    started_at: float | None = None,
    seed: int = 1,
) -> tuple[Segment, float]:
    """(the segment as logged up to `until`, the seconds that its last step ends at).

    Args:
        warm_up: seconds on top of the first interval.
        named: whether evaluations and saves are written down, or only seen as time that passed.
        slower_before: steps up to the first number take the second number times as long.
    """
    rng = random.Random(seed)
    segment = Segment(start_step=start, total_steps=total, started_at=started_at)
    until = total if until is None else until
    elapsed, end = warm_up, 0.0
    for step in range(start + 1, total + 1):
        factor = slower_before[1] if step <= slower_before[0] else 1.0
        elapsed += pace * factor * (1 + rng.gauss(0, noise))
        seen = step <= until
        if seen and (step % every == 0 or step == total):
            t = None if started_at is None else started_at + elapsed
            segment.columns.append(step=step, elapsed=elapsed, t=t, loss=2 - step / total, epoch=step / total)
        if eval_steps and step % eval_steps == 0:
            elapsed += eval_s
            if seen and named:
                segment.evaluations.append(Evaluation(step, elapsed=elapsed, seconds=eval_s, loss=1.0))
        if save_steps and step % save_steps == 0:
            elapsed += save_s
            if seen and named:
                segment.checkpoints.append(Checkpoint(step, elapsed=elapsed, seconds=save_s))
        end = elapsed
    return segment, end


def made_log(source: str = "trainer_log", **wanted: object) -> tuple[TrainingLog, float]:
    """(a log of one such segment, when it ends)."""
    segment, end = made_segment(**wanted)  # type: ignore[arg-type]
    return TrainingLog(source, [segment]), end
