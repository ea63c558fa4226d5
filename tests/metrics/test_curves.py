"""Curves of a log: incremental, over restarts, on every axis, and quick however long the run is."""

from __future__ import annotations

import pytest

from tests.tui.fakes import training_log
from websight_tui.metrics.curves import Axis, CurveReader, Curves, Metric
from websight_tui.metrics.model import Checkpoint, NonFinite, Segment, TrainingLog
from websight_tui.metrics.series import smooth
from websight_tui.metrics.smoothed import Totals
from websight_tui.tui.widgets.draw import Layer, View, full_window


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


def test_throughput_and_utilisation_come_from_what_the_trainer_logged() -> None:
    log = TrainingLog(segments=[Segment(total_steps=100)])
    for step, tokens, busy in ((10, 1000.0, 90.0), (20, 3000.0, None), (30, 6000.0, 80.0)):
        log.segments[0].columns.append(step=step, elapsed=step * 2.0, tokens=tokens, utilization=busy)
    throughput = CurveReader(Metric.THROUGHPUT, Axis.STEP, 0).read(log)
    assert (list(throughput.xs), list(throughput.ys)) == ([20, 30], [100.0, 150.0])
    busy = CurveReader(Metric.UTILIZATION, Axis.TIME, 0).read(log)
    assert (list(busy.xs), list(busy.ys), list(busy.steps)) == ([20.0, 60.0], [90.0, 80.0], [10, 30])
    assert CurveReader(Metric.MEMORY, Axis.STEP, 0).read(log).count == 0


def test_a_very_long_log_is_read_in_parts_and_is_whole_in_the_end() -> None:
    log = TrainingLog(segments=[Segment(total_steps=200_000)])
    for step in range(1, 120_001):
        log.segments[0].columns.append(step=step, elapsed=step * 1.0, loss=1.0)
    curves = Curves()
    curve = curves.get(log, 1, Metric.LOSS, Axis.TIME, 4)
    counts = [curve.count]
    while curve.behind:
        curve = curves.get(log, 1, Metric.LOSS, Axis.TIME, 4)
        counts.append(curve.count)
    assert counts == sorted(set(counts))
    assert counts[0] < 120_000 == counts[-1]
    assert curves.get(log, 1, Metric.LOSS, Axis.TIME, 4) is curve


def test_a_smoothed_value_is_the_same_wherever_one_looks() -> None:
    log = training_log(12_000, 20_000, every=1)
    curve = CurveReader(Metric.LOSS, Axis.STEP, 16).read(log)
    whole = smooth(curve.xs, curve.ys, 16.0)
    assert list(curve.smooth) == pytest.approx(list(whole))
    some = (0, 5, 7_000, -1)
    assert [curve.smooth[i] for i in some] == pytest.approx([whole[i] for i in some], abs=1e-4)
    assert list(curve.smooth[100:110]) == pytest.approx(list(whole[100:110]), abs=1e-4)
    exact = dict(zip(curve.xs, whole, strict=True))
    assert all(y == pytest.approx(exact[x], abs=1e-4) for x, y in curve.mean.reduce(5_000, 6_000, 200))
    for x, y in curve.mean.reduce(1, 12_000, 200):  # more points than can be drawn: means of parts
        assert y == pytest.approx(exact[round(x)], abs=0.05)


def _logged(count: int) -> TrainingLog:
    log = TrainingLog(segments=[Segment(total_steps=1000)])
    for step in range(1, count + 1):
        log.segments[0].columns.append(step=step, elapsed=2.0 * step, epoch=step / 1000, loss=3 - step / 1000)
    return log


@pytest.mark.parametrize("axis", list(Axis))
def test_a_log_without_a_flaw_is_drawn_from_its_own_columns(axis: Axis) -> None:
    log = _logged(300)
    columns, reader = log.segments[0].columns, CurveReader(Metric.LOSS, axis, 4)
    curve = reader.read(log)
    assert curve.xs is {Axis.STEP: columns.step, Axis.EPOCH: columns.epoch, Axis.TIME: columns.elapsed}[axis]
    assert curve.ys is columns.loss, "a million points in six charts take 200 MB more if each is copied"
    before = curve.raw.reduce(-1, 1e9, 40), curve.mean.reduce(-1, 1e9, 40)
    for step in range(301, 320):  # a parser goes on meanwhile
        columns.append(step=step, elapsed=2.0 * step, epoch=step / 1000, loss=99.0)
    assert curve.count == 300
    assert (curve.raw.reduce(-1, 1e9, 40), curve.mean.reduce(-1, 1e9, 40)) == before
    assert full_window(View((Layer(curve, "red"),))) == (curve.xs[0], curve.xs[299])
    assert reader.read(log).count == 319


@pytest.mark.parametrize("flaw", [{"step": 302, "loss": float("nan")}, {"step": 120, "loss": 1.0}, {"loss": 1.0}])
def test_after_a_flaw_the_curve_has_columns_of_its_own(flaw: dict[str, float]) -> None:
    log, reader = _logged(300), CurveReader(Metric.LOSS, Axis.STEP, 4)
    reader.read(log)
    columns = log.segments[0].columns
    columns.append(elapsed=601.0, epoch=0.301, **flaw)  # type: ignore[arg-type]
    columns.append(step=303, elapsed=602.0, epoch=0.302, loss=1.5)
    curve = reader.read(log)
    assert list(curve.xs) == [*range(1, 301), 303]
    assert (curve.count, curve.ys[300], len(columns)) == (301, 1.5, 302)
    assert curve.mean.reduce(0, 1e9, 400) == CurveReader(Metric.LOSS, Axis.STEP, 4).read(log).mean.reduce(0, 1e9, 400)


def test_the_mean_of_any_part_is_that_of_its_values() -> None:
    values, totals = [float((7 * i) % 31) for i in range(1000)], Totals()
    for count in (1, 63, 64, 65, 700, 1000):
        totals.extend(values, count)
    for begin, end in ((0, 1), (0, 64), (63, 65), (100, 900), (999, 1000), (0, 1000), (128, 192)):
        assert totals.mean(begin, end) == pytest.approx(sum(values[begin:end]) / (end - begin))
