"""What is known of a run beside the lines of its last segment."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from websight_tui.metrics.model import Evaluation, Segment, TrainingLog
from websight_tui.projection.schedule import period_of
from websight_tui.projection.timeline import Timeline


@dataclass(frozen=True, slots=True)
class RunFacts:
    """From its preset, a checkpoint's trainer_state.json, or runs before it.

    Args:
        eval_steps, save_steps: the schedule, 0 if unknown.
        eval_s, save_s: how long one takes, from earlier runs; None if unknown.
        eval_samples, step_samples: rows of an evaluation and of one optimizer step, 0 if unknown.
        final_eval: whether an evaluation follows the last step; None if unknown.
        tail_s: seconds from the last step to the end of the job (final save, merge), beyond a final evaluation.
    """

    eval_steps: int = 0
    save_steps: int = 0
    eval_s: float | None = None
    save_s: float | None = None
    eval_samples: int = 0
    step_samples: int = 0
    final_eval: bool | None = None
    tail_s: float = 0.0


NOTHING_KNOWN: Final = RunFacts()


def filled_in(known: RunFacts, log: TrainingLog, timeline: Timeline) -> RunFacts:
    """`known` with its gaps filled by what the trainer said of itself, then by the run's earlier segments."""
    segment = log.last
    if segment is None:
        return known
    known = _by_meta(known, segment, timeline)
    before = [s for s in log.segments[:-1] if s.total_steps == segment.total_steps]
    if not before:
        return known
    seen = {e.step for s in (*before, segment) for e in s.evaluations}
    lengths = [s for s in map(_seconds, (e for s in before for e in s.evaluations)) if s is not None]
    return replace(
        known,
        eval_steps=known.eval_steps or period_of(sorted(seen)),
        eval_s=sum(lengths) / len(lengths) if known.eval_s is None and lengths else known.eval_s,
    )


def _seconds(evaluation: Evaluation) -> float | None:
    seconds = evaluation.seconds
    return seconds if seconds is not None and math.isfinite(seconds) and 0 <= seconds < 1e9 else None


def _by_meta(known: RunFacts, segment: Segment, timeline: Timeline) -> RunFacts:
    meta = segment.meta

    def whole(name: str) -> int:
        value = meta.get(name)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return 0
        return int(value) if math.isfinite(value) and value >= 1 else 0

    # Hugging Face names an eval_steps even where nothing is ever evaluated
    evaluates = bool(timeline.evaluations) or whole("n_eval") > 0
    epoch = segment.columns.epoch[-1] if len(segment.columns) else math.nan
    per_step = whole("n_train") * epoch / timeline.step if timeline.step > 0 else math.nan
    return replace(
        known,
        eval_steps=known.eval_steps or (whole("eval_steps") if evaluates else 0),
        save_steps=known.save_steps or whole("save_steps"),
        eval_samples=known.eval_samples or whole("n_eval"),
        step_samples=known.step_samples or (round(per_step) if math.isfinite(per_step) else 0),
        tail_s=max(0.0, known.tail_s) if math.isfinite(known.tail_s) else 0.0,
    )
