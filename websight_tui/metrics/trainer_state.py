"""Hugging Face's trainer_state.json: the history up to a checkpoint, and how often the run logs, saves, evaluates.

It has no clock; only the total at the end (train_runtime) says how long the training took. The files' times can lend
it one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from websight_tui.metrics.lines import is_nonfinite, json_object, number, whole
from websight_tui.metrics.model import Checkpoint, Evaluation, NonFinite, Segment, TrainingLog

_KEPT: Final = ("logging_steps", "save_steps", "eval_steps", "num_train_epochs", "train_batch_size")
_MOST: Final = 64 << 20


def read_trainer_state(data: bytes) -> list[TrainingLog]:
    """The run that a trainer_state.json tells of, as one segment; empty if it is not one or is cut off."""
    state = json_object(data) if len(data) <= _MOST else None
    if state is None or not isinstance(state.get("log_history"), list):
        return []
    log = TrainingLog(source="trainer_state")
    segment = Segment(total_steps=whole(state.get("max_steps")) or 0)
    segment.meta = {name: value for name in _KEPT if (value := number(state.get(name))) is not None}
    log.segments.append(segment)
    damaged = 0
    for entry in state["log_history"]:
        step = whole(entry.get("step")) if isinstance(entry, dict) else None
        if step is None:
            damaged += 1
        else:
            _take(segment, step, entry)
            log.version += 1
    reached = whole(state.get("global_step")) or 0
    if reached and (not len(segment.columns) or segment.last_step < reached):
        segment.columns.append(step=float(reached), epoch=number(state.get("epoch")))
    best = state.get("best_model_checkpoint")
    best_step = whole(state.get("best_global_step"))
    if isinstance(best, str) and best_step is not None:
        segment.checkpoints.append(Checkpoint(best_step))
    if damaged:
        log.notes.append(f"{damaged} damaged entries skipped")
    return [log]


def timed(log: TrainingLog, started_at: float, saves: Mapping[int, tuple[float, str]], *, resumed_from: int) -> None:
    """Gives a log of `read_trainer_state` the clock that it lacks: that of its checkpoints' files.

    Args:
        started_at: Unix s at which the job began.
        saves: step → (Unix s at which that checkpoint was saved, its folder), of this job.
        resumed_from: the newest checkpoint that was there before the job; 0 if there was none.
    """
    segment = log.segments[-1]
    segment.started_at, segment.start_step = started_at, min(resumed_from, segment.last_step)
    for index, step in enumerate(segment.columns.step):
        if (save := saves.get(int(step))) is not None:
            segment.columns.t[index] = save[0]
    segment.checkpoints = [Checkpoint(step, path, t=at) for step, (at, path) in sorted(saves.items())]


def _take(segment: Segment, step: int, entry: dict[str, Any]) -> None:
    bad = tuple(name for name in ("loss", "grad_norm", "eval_loss") if is_nonfinite(entry.get(name)))
    if bad:
        segment.nonfinite.append(NonFinite(step, bad))
    if "train_runtime" in entry:
        segment.end = "finished"
        totals = {k: v for k in entry if k.startswith("train_") and (v := number(entry[k])) is not None}
        segment.meta["final_metrics"] = totals
    elif "loss" in entry:
        if len(segment.columns) and step < segment.last_step:
            return
        segment.columns.append(
            step=float(step),
            epoch=number(entry.get("epoch")),
            loss=number(entry.get("loss")),
            lr=number(entry.get("learning_rate")),
            grad_norm=number(entry.get("grad_norm")),
            tokens=number(entry.get("num_input_tokens_seen")),
        )
    elif any(name.startswith("eval_") for name in entry):
        named = ((k[:80], number(v)) for k, v in list(entry.items())[:200] if k.startswith("eval_"))
        metrics = tuple((name, value) for name, value in named if value is not None)
        took, loss = number(entry.get("eval_runtime")), number(entry.get("eval_loss"))
        segment.evaluations.append(Evaluation(step, seconds=took, loss=loss, metrics=metrics))
