"""The figures at the top of a report that a training log alone can give."""

from __future__ import annotations

from math import isfinite

from websight_tui import words
from websight_tui.metrics.curves import Axis, CurveReader, Metric
from websight_tui.metrics.model import TrainingLog
from websight_tui.metrics.stitch import stitched_evaluations
from websight_tui.report.model import Tile
from websight_tui.report.panels import figure, half_life, speeds


def tiles_of(log: TrainingLog) -> list[Tile]:
    """Loss, evaluation loss, seconds a step, peak memory: those that were logged."""
    tiles = []
    points = sum(len(segment.columns) for segment in log.segments)
    curve = CurveReader(Metric.LOSS, Axis.STEP, half_life(points)).read(log)
    if curve.count:
        tiles.append(
            Tile("loss", figure(curve.smooth[curve.count - 1]), f"smoothed; {figure(curve.ys[0])} at the start")
        )
    evaluated = [(e.loss, e.step) for e in stitched_evaluations(log) if e.loss is not None and isfinite(e.loss)]
    if evaluated:
        best, step = min(evaluated)
        tiles.append(Tile("evaluation loss", figure(evaluated[-1][0]), f"best {figure(best)} at step {step:,}"))
    _, pace = speeds(log)
    if len(pace):
        tiles.append(Tile("a step", f"{figure(1 / sorted(pace)[len(pace) // 2])} s", "median, without pauses"))
    memory = max((m for s in log.segments for m in s.columns.memory if isfinite(m)), default=None)
    if memory:
        gpus = any(segment.meta.get("gpu_names") for segment in log.segments)
        tiles.append(Tile("memory", words.size(memory), "peak of one GPU" if gpus else "peak of one process"))
    return tiles
