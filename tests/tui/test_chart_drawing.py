"""Charts as pictures: lines, ticks on rows, marks, bands and crosshair, quick however long the run is."""

from __future__ import annotations

import math
import random
import re
from itertools import pairwise

import pytest

from tests.tui.fakes import config, running, training_log
from websight_tui.metrics.curves import Axis, CurveReader, Metric
from websight_tui.metrics.model import Segment, TrainingLog
from websight_tui.projection.model import Verdict
from websight_tui.runs.state import RunView
from websight_tui.tui.palette import Palette
from websight_tui.tui.run_chart import ChartState, not_measured, view_of
from websight_tui.tui.widgets.axes import evenly, log_ticks, nice_ticks, tick_label, upright
from websight_tui.tui.widgets.canvas import Canvas
from websight_tui.tui.widgets.chart import Chart
from websight_tui.tui.widgets.draw import Drawing, Layer, View, draw


def run_at(step: int) -> RunView:
    return running(config().presets["rank32"], "r", step, 1110, Verdict.FITS, "48213")


def text_of(drawing: Drawing | None) -> str:
    assert drawing is not None
    return "\n".join("".join(cell[0] for cell in row) for row in drawing.rows)


def test_of_many_points_no_more_is_looked_at_than_a_screen_holds_and_no_spike_is_lost() -> None:
    log = TrainingLog(segments=[Segment(total_steps=2_000_000)])
    columns = log.segments[0].columns
    for i in range(100_000):
        columns.append(step=i + 1, elapsed=i * 2.0, loss=2 + math.sin(i / 5_000))
    reader = CurveReader(Metric.LOSS, Axis.STEP, 16)
    before = reader.read(log)
    columns.append(step=100_001, elapsed=200_000.0, loss=9.0)
    curve = reader.read(log)
    assert curve.raw is before.raw, "what was reduced before is not looked at again"
    assert len(curve.raw.reduce(1, 100_001, 236)) <= 2 * 236 + 16
    drawing = draw(View((Layer(curve, "#ffffff"),)), 118, 30, Palette())
    assert drawing is not None
    top = "".join(text for row in drawing.rows[:8] for text, _, _ in row[1:])
    assert set(top) - set("┈ "), "the newest spike"


def test_nothing_to_draw_and_no_room_to_draw_are_no_picture() -> None:
    empty = View((Layer(CurveReader(Metric.LOSS, Axis.STEP, 0).read(TrainingLog()), "#fff"),))
    assert draw(empty, 100, 20, Palette()) is None
    curve = CurveReader(Metric.LOSS, Axis.STEP, 0).read(training_log(100, 100))
    assert draw(View((Layer(curve, "#fff"),)), 10, 3, Palette()) is None


@pytest.mark.parametrize("width", range(24, 60))
def test_the_words_of_end_and_limit_are_whole_or_left_out(width: int) -> None:
    curve = CurveReader(Metric.LOSS, Axis.STEP, 4).read(training_log(400, 400))
    for end in range(200, 1000, 25):
        view = View((Layer(curve, "#fff"),), window=(0, 1000), limit=950, band=(end, end + 40))
        row = text_of(draw(view, width, 9, Palette())).split("\n")[0]
        words = set(re.findall("[a-z]+", row))
        assert "limit" in words, row
        assert words <= {"end", "limit"}, row


def test_charts_of_one_screen_have_turns_of_their_own() -> None:
    assert len({chart._turn for chart in (Chart() for _ in range(6))}) == 6


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
    canvas.dot(0, 0.9, "")
    canvas.dot(1, 0, "")
    canvas.dot(2, 0, "")
    canvas.dot(2, 0.9, "")
    assert "".join(text for text, _, _ in canvas.row(0)) == "'.: "
    canvas.line([(0, 0.2), (4, 0.2)], "", "b")
    assert "".join(text for text, _, _ in canvas.row(0)) == "bbbb", "a line has the letter of its run"


def dots(canvas: Canvas) -> list[list[int]]:
    """The rows of dots that are set in each column of dots, from the bottom."""
    found: list[list[int]] = [[] for _ in range(canvas.width * 2)]
    for line in range(canvas.height):
        for column, char in enumerate("".join(text for text, _, _ in canvas.row(line))):
            bits = ord(char) - 0x2800 if 0x2800 <= ord(char) <= 0x28FF else 0
            for up, pair in enumerate(((0x40, 0x80), (0x04, 0x20), (0x02, 0x10), (0x01, 0x08))):
                for side, bit in enumerate(pair):
                    if bits & bit:
                        found[2 * column + side].append(4 * (canvas.height - 1 - line) + up)
    return [sorted(column) for column in found]


def test_a_slow_fall_has_four_steps_a_row_and_is_as_thick_everywhere() -> None:
    canvas = Canvas(40, 5)
    canvas.line([(0, 3.5), (39.9, 1.5)], "#fff")
    found = dots(canvas)
    assert {len(column) for column in found} <= {2, 3}, "two dots, three where it steps down"
    assert len({column[0] for column in found}) >= 8, "half-cell steps would be four"
    middles = [(column[0] + column[-1] + 1) / 8 for column in found]
    truth = [3.5 - 2 * (x + 0.5) / 80 for x in range(80)]
    assert max(abs(a - b) for a, b in zip(middles, truth, strict=True)) <= 0.2, "and it is where the points are"


def test_a_steep_fall_is_joined_and_edges_clip_it() -> None:
    canvas = Canvas(6, 5)
    canvas.line([(0, 5.0), (2.9, 5.0), (3.2, 0.0), (5.9, 0.0)], "#fff")
    found = dots(canvas)
    assert all(found), "every column has some of it"
    assert all(a[0] <= b[-1] + 1 and b[0] <= a[-1] + 1 for a, b in pairwise(found)), "each touches the next"
    over = Canvas(2, 2)
    over.dotted([(0, 0.1), (1.9, 0.1)], "grey")
    over.line([(0, 0.7), (1.9, 0.7)], "#fff")
    assert dots(over) == [[2, 3]] * 4, "what was logged is not taken for a part of the line"
    letters = Canvas(4, 3, ascii_only=True)
    letters.line([(0, 1.2), (4, 1.2)], "", "b")
    assert "".join(text for text, _, _ in letters.row(1)) == "bbbb"


@pytest.mark.parametrize("rows", [4, 6, 8, 10, 17, 22, 40])
def test_ticks_are_in_the_middle_of_rows_and_equally_far_apart(rows: int) -> None:
    chance = random.Random(rows)
    for _ in range(200):
        low = chance.choice([0.0, 0.3, -2.0, 5e-6, 400.0]) * chance.random()
        high = low + 10 ** chance.uniform(-5, 5)
        scale, ticks = upright([low, high], rows)
        assert 2 <= len(ticks) <= 9, (low, high, ticks)
        assert evenly(ticks, scale), (low, high, ticks)
        assert 0 <= scale(low) < scale(high) <= rows
        assert scale(high) - scale(low) >= 0.3 * rows, "most of the height is used"
        labels = [tick_label(tick, ticks) for tick in ticks]
        assert len(set(labels)) == len(labels)


def test_one_value_and_no_value_have_an_axis_too() -> None:
    for values in ([], [3.0], [0.0], [math.nan], [-1e9, -1e9]):
        scale, ticks = upright(values, 8)
        assert len(ticks) >= 2
        assert evenly(ticks, scale)


def test_the_whole_run_over_time_shows_limit_finish_and_where_the_loss_goes() -> None:
    run, palette = run_at(460), Palette()
    view = view_of(run, ChartState(axis=Axis.TIME, whole=True), palette)
    assert view.limit == 8 * 3600 - 300
    assert view.outlook[0][0] == pytest.approx(460 * 19.5)
    assert view.outlook[-1][0] == pytest.approx(1110 * 19.5)
    assert all(low <= middle <= high for _, low, middle, high in view.outlook)
    widths = [high - low for _, low, _, high in view.outlook]
    assert widths[-1] > widths[0], "the further away, the less is known"
    text = text_of(draw(view, 118, 14, palette))
    assert "limit" in text
    assert "end" in text
    assert text_of(draw(view_of(run, ChartState(axis=Axis.TIME), palette), 118, 14, palette)).count("limit") == 0


def test_the_expected_loss_holds_what_came() -> None:
    """The made-up curve at 40 % of its steps, against the same curve at its end."""
    view = view_of(run_at(460), ChartState(whole=True), Palette())
    later = CurveReader(Metric.LOSS, Axis.STEP, 0).read(run_at(1110).log)
    last = sum(later.ys[-10:]) / 10
    assert view.outlook[-1][1] - 0.05 < last < view.outlook[-1][3] + 0.05


def test_the_crosshair_says_step_time_and_values() -> None:
    run, palette = run_at(460), Palette()
    text = text_of(draw(view_of(run, ChartState(cursor=200.0), palette), 118, 14, palette))
    columns = run.log.segments[0].columns
    logged = columns.loss[list(columns.step).index(200)]
    assert "step 200" in text
    assert "1:05:00" in text
    assert f"loss {logged:.4g}" in text
    assert "smoothed" in text
    assert "step 200" in text_of(draw(view_of(run, ChartState(cursor=200.0), palette), 60, 6, palette)), "small as well"
    rate = ChartState(cursor=200.0, metric=Metric.THROUGHPUT)
    assert re.search(r"smoothed 4,\d{3}", text_of(draw(view_of(run, rate, palette), 118, 14, palette)))


def test_what_was_not_measured_is_said() -> None:
    log = TrainingLog(segments=[Segment(total_steps=10)])
    log.segments[0].columns.append(step=1, elapsed=1.0, loss=1.0)
    run = RunView(run_at(10).spec, log=log)
    assert "nvidia-ml-py" in not_measured(run, Metric.UTILIZATION)
    assert not_measured(run, Metric.MEMORY) == "Not measured: this log has no GPU memory."
    assert not_measured(RunView(run.spec), Metric.MEMORY) == ""


def test_the_crosshair_stands_on_points_and_each_key_takes_it_to_another() -> None:
    run, palette = run_at(460), Palette()
    state = ChartState(window=(200.0, 250.0), cursor=230.0)
    seen = []
    for _ in range(3):
        moved = state.moved(view_of(run, state, palette), -1)
        assert moved is not None
        state = moved
        seen.append(state.cursor)
    assert seen == [220, 210, 200], "points are ten steps apart, a sixtieth of the window less than one"
    assert state.moved(view_of(run, state, palette), -1) is None, "not out of the window"
    off = draw(view_of(run, ChartState(cursor=213.0), palette), 118, 14, palette)
    on = draw(view_of(run, ChartState(cursor=210.0), palette), 118, 14, palette)
    assert off == on
    gone = draw(view_of(run, ChartState(window=(300.0, 400.0), cursor=210.0), palette), 118, 14, palette)
    assert "smoothed" not in text_of(gone)
