"""Curves of a log: incremental, over restarts, on every axis, and quick however long the run is."""

from __future__ import annotations

import math
import time

import pytest

from tests.tui.fakes import training_log
from websight_tui.metrics.curves import Axis, CurveReader, Curves, Metric
from websight_tui.metrics.model import Checkpoint, NonFinite, Segment, TrainingLog
from websight_tui.tui.palette import Palette
from websight_tui.tui.widgets.canvas import Canvas, log_ticks, nice_ticks, tick_label
from websight_tui.tui.widgets.draw import Layer, View, draw


def resumed() -> TrainingLog:
    """100 steps, of which the last 20 were lost: the second segment goes on from step 80."""
    log = TrainingLog()
    for start, end in ((0, 100), (80, 150)):
        segment = Segment(start_step=start, total_steps=200)
        for i, step in enumerate(range(start + 10, end + 1, 10), 1):
            segment.columns.append(step=step, elapsed=i * 60.0, epoch=step / 200, loss=3 - step / 100)
        segment.checkpoints = [Checkpoint(step) for step in (40, 80, 100) if start < step <= end and step % 40 == 0]
        log.segments.append(segment)
    log.segments[0].nonfinite = [NonFinite(90, ("loss",)), NonFinite(30, ("loss",))]
    return log


def test_lost_steps_are_not_drawn_and_the_restart_is_marked() -> None:
    curve = CurveReader(Metric.LOSS, Axis.STEP, 0).read(resumed())
    assert list(curve.xs) == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150]
    assert curve.restarts == (80,)
    assert curve.checkpoints[:2] == (40, 80)
    assert curve.broken == (30,)


def test_time_goes_on_over_a_restart_without_the_waiting() -> None:
    curve = CurveReader(Metric.LOSS, Axis.TIME, 0).read(resumed())
    assert list(curve.xs[:9]) == [60.0 * i for i in range(1, 10)]
    assert curve.xs[-1] == 8 * 60 + 7 * 60


@pytest.mark.parametrize("axis", list(Axis))
@pytest.mark.parametrize("metric", [Metric.LOSS, Metric.PACE])
def test_reading_in_parts_gives_the_same_as_reading_at_once(axis: Axis, metric: Metric) -> None:
    whole = training_log(600, 1000)
    growing = TrainingLog(segments=[Segment(total_steps=1000)])
    reader = CurveReader(metric, axis, 4)
    source = whole.segments[0].columns
    for i in range(len(source)):
        growing.segments[0].columns.append(
            step=source.step[i], elapsed=source.elapsed[i], epoch=source.epoch[i], loss=source.loss[i]
        )
        if i % 7 == 0:
            reader.read(growing)
    parts, once = reader.read(growing), CurveReader(metric, axis, 4).read(growing)
    assert list(parts.xs) == list(once.xs)
    assert list(parts.smooth) == pytest.approx(list(once.smooth))


def test_a_curve_is_the_same_object_until_the_log_moves() -> None:
    log, curves = training_log(100, 1000), Curves()
    first = curves.get(log, 1, Metric.LOSS, Axis.STEP, 2.0)
    assert curves.get(log, 1, Metric.LOSS, Axis.STEP, 2.0) is first
    log.segments[0].columns.append(step=110, elapsed=1.0, loss=0.5)
    second = curves.get(log, 2, Metric.LOSS, Axis.STEP, 2.0)
    assert second != first
    assert second.count == first.count + 1


def test_a_million_points_are_redrawn_without_a_hitch() -> None:
    log = TrainingLog(segments=[Segment(total_steps=2_000_000)])
    columns = log.segments[0].columns
    for i in range(1_000_000):
        columns.append(step=i + 1, loss=2 + math.sin(i / 50_000))
    reader = CurveReader(Metric.LOSS, Axis.STEP, 16)
    reader.read(log)
    columns.append(step=1_000_001, loss=9.0)
    begun = time.perf_counter()
    drawing = draw(View((Layer(reader.read(log), "#ffffff"),)), 118, 30, Palette())
    assert time.perf_counter() - begun < 0.25
    assert drawing is not None
    assert any("9" in row[0][0] or "8" in row[0][0] for row in drawing.rows[:6]), "the newest spike is on the axis"


def test_nothing_to_draw_and_no_room_to_draw_are_no_picture() -> None:
    empty = View((Layer(CurveReader(Metric.LOSS, Axis.STEP, 0).read(TrainingLog()), "#fff"),))
    assert draw(empty, 100, 20, Palette()) is None
    curve = CurveReader(Metric.LOSS, Axis.STEP, 0).read(training_log(100, 100))
    assert draw(View((Layer(curve, "#fff"),)), 10, 3, Palette()) is None


@pytest.mark.parametrize("log", [False, True])
def test_every_row_of_a_picture_is_as_wide_as_it_should_be(log: bool) -> None:
    curve = CurveReader(Metric.LOSS, Axis.STEP, 4).read(training_log(700, 1110))
    for width, height in ((16, 4), (80, 9), (200, 50)):
        drawing = draw(View((Layer(curve, "#fff"),), log=log, cursor=300.0), width, height, Palette())
        assert drawing is not None
        assert len(drawing.rows) == height
        assert {sum(len(text) for text, _, _ in row) for row in drawing.rows} == {width}


def test_ticks_are_round_and_their_labels_differ() -> None:
    assert nice_ticks(0, 100, 5) == [0, 20, 40, 60, 80, 100]
    assert log_ticks(0.3, 30, 6) == [0.5, 1, 2, 5, 10, 20]
    for low, high in ((0.41, 0.43), (0, 5e-5), (1, 1_200), (0.3, 2.7)):
        ticks = nice_ticks(low, high, 5)
        labels = [tick_label(t, ticks) for t in ticks]
        assert len(set(labels)) == len(labels) > 1, labels


def test_a_canvas_without_braille_uses_ascii() -> None:
    canvas = Canvas(4, 1, ascii_only=True)
    canvas.dot(0, 0, "")
    canvas.dot(2, 3, "")
    canvas.dot(4, 0, "")
    canvas.dot(4, 3, "")
    assert "".join(text for text, _, _ in canvas.row(0)) == "'.: "
