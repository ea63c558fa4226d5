"""The curves as rows: every logged step that counts, with its evaluation, for a spreadsheet or a notebook."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from math import isfinite
from typing import NamedTuple

from websight_tui.metrics.curves import Axis, CurveReader, Metric
from websight_tui.metrics.model import Columns, Evaluation, TrainingLog
from websight_tui.metrics.stitch import stitched_evaluations, surviving
from websight_tui.report.panels import half_life


class Row(NamedTuple):
    """One step; None or NaN is what was not logged there.

    Args:
        segment: number of the process start that trained it, from 0.
        t: Unix s. elapsed_s: seconds since the segment began. s_per_step: since the logged step before.
        smoothed: the loss as the charts smooth it. memory_bytes: peak of one GPU. utilization: of the GPU, %.
    """

    step: float
    segment: int
    t: float | None = None
    elapsed_s: float | None = None
    epoch: float | None = None
    loss: float | None = None
    smoothed: float | None = None
    eval_loss: float | None = None
    lr: float | None = None
    grad_norm: float | None = None
    s_per_step: float | None = None
    tokens: float | None = None
    memory_bytes: float | None = None
    utilization: float | None = None


def rows_of(log: TrainingLog) -> Iterator[Row]:
    """The steps in their order, lost ones left out; an evaluation between two logged steps is a row of its own."""
    parts = surviving(log)
    curve = CurveReader(Metric.LOSS, Axis.STEP, half_life(sum(count for _, count, _ in parts))).read(log)
    smoothed = dict(zip(curve.xs[: curve.count], curve.smooth[: curve.count], strict=True))
    waiting = deque(sorted((e for e in stitched_evaluations(log) if e.loss is not None), key=lambda e: e.step))
    for number, (segment, count, _) in enumerate(parts):
        columns = segment.columns
        for i in range(count):
            step, measured = columns.step[i], None
            while waiting and waiting[0].step <= step:
                evaluation = waiting.popleft()
                if evaluation.step == step:
                    measured = evaluation.loss
                else:
                    yield _between(evaluation, number)
            yield Row(
                step,
                number,
                columns.t[i],
                columns.elapsed[i],
                columns.epoch[i],
                columns.loss[i],
                smoothed.get(step),
                measured,
                columns.lr[i],
                columns.grad_norm[i],
                _pace(columns, i),
                columns.tokens[i],
                columns.memory[i],
                columns.utilization[i],
            )
    yield from (_between(evaluation, max(0, len(parts) - 1)) for evaluation in waiting)


def _between(evaluation: Evaluation, segment: int) -> Row:
    return Row(float(evaluation.step), segment, evaluation.t, evaluation.elapsed, eval_loss=evaluation.loss)


def _pace(columns: Columns, i: int) -> float | None:
    if not i:
        return None
    done, seconds = columns.step[i] - columns.step[i - 1], columns.elapsed[i] - columns.elapsed[i - 1]
    return seconds / done if done > 0 and isfinite(seconds) else None


def table(log: TrainingLog) -> str:
    """The curves as CSV (RFC 4180), a heading first; what was not logged, or was no number, is left empty."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(Row._fields)
    writer.writerows(map(_written, row) for row in rows_of(log))
    return out.getvalue()


def _written(value: float | None) -> str:
    """Seven digits, as a float32 has; a Unix time keeps its milliseconds."""
    if value is None or not isfinite(value):
        return ""
    return f"{value:.13g}" if abs(value) >= 1e7 else f"{value:.7g}"
