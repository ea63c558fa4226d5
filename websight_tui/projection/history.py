"""What earlier runs of one's own teach: measured step, pause and start-up times, by where and what they trained."""

from __future__ import annotations

import math
from dataclasses import dataclass

from websight_tui.metrics.model import TrainingLog
from websight_tui.presets import Preset
from websight_tui.projection.pace import read_pace
from websight_tui.projection.timeline import timeline_of


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run (or a probe of a few steps) that was measured.

    Args:
        preset: as it was trained.
        cluster: the cluster's name; `gpu` the device's, as the trainer reported it ("" if unknown).
        world_size: processes.
        step_s: seconds of an ordinary step.
        steps: how many of them were measured.
        eval_s, save_s, start_up_s, tail_s: means, None if not seen.
        total_s: job start (or first step) to the end, None while it runs.
        train_rows: rows of the training data that the trainer counted, after `max_samples`.
        run_id, ended_at: which run it was and when it ended (Unix s), for people.
    """

    preset: Preset
    cluster: str
    gpu: str
    world_size: int
    step_s: float
    steps: int
    eval_s: float | None = None
    save_s: float | None = None
    start_up_s: float | None = None
    tail_s: float | None = None
    total_s: float | None = None
    run_id: str = ""
    ended_at: float | None = None
    train_rows: int | None = None


def past_run(
    log: TrainingLog,
    preset: Preset,
    *,
    cluster: str,
    gpu: str = "",
    world_size: int | None = None,
    job_started_at: float | None = None,
    run_id: str = "",
) -> PastRun | None:
    """What the last segment of `log` teaches; None if it has too few lines.

    Args:
        gpu, world_size: override what the trainer said of itself.
        job_started_at: Unix s, for the start-up.
    """
    segment = log.last
    if segment is None:
        return None
    timeline = timeline_of(segment)
    pace = read_pace(timeline, eval_steps=preset.eval_steps, save_steps=preset.save_steps)
    if pace is None or pace.seconds <= 0:
        return None
    lengths = {r.kind: r.seconds for r in pace.rhythms if r.seen and r.seconds is not None}
    names = segment.meta.get("gpu_names")
    if not gpu and isinstance(names, (list, tuple)) and names:
        gpu = str(names[0])
    said = segment.meta.get("world_size")
    if world_size is None:
        world_size = int(said) if isinstance(said, int) and said > 0 else preset.world_size()
    started, ended = segment.started_at, segment.ended_at
    start_up = max(0.0, started - job_started_at) if started is not None and job_started_at is not None else None
    tail = max(0.0, ended - started - timeline.now) if started is not None and ended is not None else None
    rows = segment.meta.get("n_train")
    whole = segment.end == "finished" and timeline.start == 0
    return PastRun(
        preset=preset,
        cluster=cluster,
        gpu=gpu,
        world_size=world_size,
        step_s=pace.seconds,
        steps=int(timeline.steps[-1] - timeline.steps[0]),
        eval_s=lengths.get("evaluation"),
        save_s=lengths.get("save"),
        start_up_s=start_up,
        tail_s=tail,
        total_s=(start_up or 0.0) + timeline.now + (tail or 0.0) if whole and math.isfinite(timeline.now) else None,
        run_id=run_id,
        ended_at=ended,
        train_rows=rows if isinstance(rows, int) and rows > 0 else None,
    )
