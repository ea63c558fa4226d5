"""Charts under keys and mouse, on the run screen and over each other."""

from __future__ import annotations

import pytest
from textual.geometry import Offset
from textual.pilot import Pilot

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import NOW
from websight_tui.metrics.curves import Axis, Metric
from websight_tui.runs.events import LogMoved
from websight_tui.tui.screens.overlay import OverlayScreen
from websight_tui.tui.screens.run import RunScreen
from websight_tui.tui.widgets.chart import Chart

MIDDLE = (60, 5)


async def run_screen(stage: Stage, pilot: Pilot[None]) -> RunScreen:
    await loaded(stage, pilot)
    await pilot.press("tab", "enter")
    await until(pilot, lambda: isinstance(stage.app.screen, RunScreen))
    screen = stage.app.screen
    assert isinstance(screen, RunScreen)
    await until(pilot, lambda: screen.query_one("#main", Chart).drawing, "a curve")
    return screen


async def test_the_wheel_zooms_at_the_pointer_and_a_double_click_resets(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        screen = await run_screen(stage, pilot)
        chart = screen.query_one("#main", Chart)
        assert chart.drawing is not None
        await pilot.hover(chart, MIDDLE)
        at = screen.chart.cursor
        assert at is not None
        await pilot._post_mouse_events([_scroll_up()], chart, offset=MIDDLE)
        assert screen.chart.window is not None
        begin, end = screen.chart.window
        assert end - begin == pytest.approx((460 - 10) / 2)
        assert begin < at < end
        before = (at - 10) / 450
        assert (at - begin) / (end - begin) == pytest.approx(before, abs=0.01), "what is under the pointer stays there"
        await pilot.double_click(chart, offset=MIDDLE)
        assert screen.chart.window is None
        assert screen.chart.cursor is None or not screen.chart.pinned


def _scroll_up() -> type:
    from textual import events

    return events.MouseScrollUp


async def test_a_drag_pans_by_as_much_as_the_mouse_moved(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        screen = await run_screen(stage, pilot)
        chart = screen.query_one("#main", Chart)
        screen.redraw(screen.chart.pin(235.0))
        await pilot.press("plus", "plus")
        window = screen.chart.window
        assert window is not None
        await until(pilot, lambda: chart.drawing and chart.drawing.across.low == window[0], "drawn")
        assert chart.drawing is not None
        cell = (window[1] - window[0]) / chart.drawing.across.cells
        await pilot.mouse_down(chart, offset=MIDDLE)
        await pilot.hover(chart, offset=(MIDDLE[0] + 10, MIDDLE[1]))
        await pilot.mouse_up(chart, offset=(MIDDLE[0] + 10, MIDDLE[1]))
        assert screen.chart.window is not None
        assert window[0] - screen.chart.window[0] == pytest.approx(10 * cell, rel=1e-3)
        assert screen.chart.cursor == 235.0, "a drag does not move the crosshair"


async def test_a_click_sets_the_crosshair_down_and_escape_takes_it_away(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        screen = await run_screen(stage, pilot)
        chart = screen.query_one("#main", Chart)
        await pilot.click(chart, offset=MIDDLE)
        at = screen.chart.cursor
        assert screen.chart.pinned
        await until(pilot, lambda: "smoothed 0." in screen_text(stage.app), "its values")
        await pilot.hover(chart, offset=(20, 3))
        assert screen.chart.cursor == at, "it does not follow the mouse any more"
        await pilot.press("right")
        assert screen.chart.cursor != at
        await pilot.press("escape")
        assert screen.chart.cursor is None
        assert stage.app.screen is screen


async def test_keys_change_axis_smoothing_and_scale_at_once(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        screen = await run_screen(stage, pilot)
        chart = screen.query_one("#main", Chart)
        await pilot.press("x", "x")
        assert screen.chart.axis is Axis.TIME
        await until(pilot, lambda: "limit" in _picture(chart), "the limit on the time axis, without another key")
        await pilot.press("0")
        await until(pilot, lambda: "limit" not in _picture(chart), "what was logged alone")
        drawn = _picture(chart)
        await pilot.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        await until(pilot, lambda: _picture(chart) != drawn, "smoother")
        drawn = _picture(chart)
        await pilot.press("y")
        await until(pilot, lambda: _picture(chart) != drawn, "logarithmic")


def _picture(chart: Chart) -> str:
    drawing = chart.drawing
    return "" if drawing is None else "\n".join("".join(cell[0] for cell in row) for row in drawing.rows)


async def test_all_curves_at_once_and_a_click_makes_one_large(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        screen = await run_screen(stage, pilot)
        assert not screen.query_one("#side").display
        await pilot.press("a")
        await until(pilot, lambda: "GPU utilisation" in screen_text(stage.app), "small charts")
        small = screen.query_one("#side1", Chart)
        await until(pilot, lambda: small.drawing, "drawn")
        await pilot.click(small, offset=(12, 2))
        assert screen.chart.metric is Metric.GRAD_NORM
        assert Metric.LOSS in screen.small()
        await pilot.press("a")
        await until(pilot, lambda: not screen.query_one("#side").display, "away again")


async def test_a_large_terminal_has_them_without_a_key(stage: Stage) -> None:
    async with stage.app.run_test(size=(200, 60)) as pilot:
        screen = await run_screen(stage, pilot)
        charts = [screen.query_one(f"#side{i}", Chart) for i in range(5)]
        await until(pilot, lambda: all(chart.drawing for chart in charts), "five small charts")
        main = screen.query_one("#main", Chart)
        assert all(chart.region.y >= main.region.bottom for chart in charts)
        assert len({chart.region.y for chart in charts}) == 1
        await pilot.press("left")
        await until(pilot, lambda: "step 4" in _picture(main), "where it is")
        await until(pilot, lambda: all("●" in _picture(chart) for chart in charts), "one crosshair in all of them")


async def test_runs_over_each_other_have_zoom_and_crosshair_with_their_differences(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        await loaded(stage, pilot)
        await pilot.press("tab", "o")
        await until(pilot, lambda: isinstance(stage.app.screen, OverlayScreen))
        screen = stage.app.screen
        assert isinstance(screen, OverlayScreen)
        chart = screen.query_one("#curves", Chart)
        await until(pilot, lambda: chart.drawing, "curves")
        assert all(mark in _picture(chart) for mark in "●■▲"), "told apart without colour"
        await pilot.click(chart, offset=Offset(30, 5))
        await until(pilot, lambda: "+0." in _picture(chart) or "-0." in _picture(chart), "how far apart they are")
        await pilot.press("plus")
        assert screen.chart.window is not None
        await pilot.press("x", "x")
        assert screen.chart.axis is Axis.TIME
        await until(pilot, lambda: "time" in _picture(chart), "each from its own start")
        assert "lora_rank" in screen_text(stage.app)
        await pilot.press("left", "escape")
        assert stage.app.screen is screen
        await pilot.press("escape")
        assert stage.app.screen is not screen


async def test_what_of_a_long_log_is_still_to_come_is_said(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        screen = await run_screen(stage, pilot)
        run = screen.run
        assert run is not None
        assert stage.engine is not None
        stage.engine.tell(LogMoved(screen.run_id, run.log, run.log_version + 1, NOW, 12_000_000))
        await until(pilot, lambda: "reading the log, 12 MB to come" in screen_text(stage.app))
        stage.engine.tell(LogMoved(screen.run_id, run.log, run.log_version + 2, NOW))
        await until(pilot, lambda: "reading the log" not in screen_text(stage.app))
