"""Two presets side by side: `d` on home."""

from __future__ import annotations

from tests.tui.conftest import Stage, loaded, screen_text, until
from websight_tui.tui.screens.compare import CompareScreen
from websight_tui.tui.widgets.forecast_bars import ForecastBars


async def test_bars_and_differences_follow_the_chosen_preset(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        await loaded(stage, pilot)
        await pilot.press("1", "d")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        await until(pilot, lambda: "rank32 and rank16" in screen_text(stage.app))
        assert "lora_rank" in screen_text(stage.app)
        await pilot.press("j")
        await until(pilot, lambda: "rank32 and half-epoch" in screen_text(stage.app))
        assert "num_train_epochs" in screen_text(stage.app)
        assert "lora_rank" not in screen_text(stage.app)
        bars = pilot.app.screen.query_one(ForecastBars)
        assert [name in str(bars.content) for name in ("rank32", "rank16", "half-epoch")] == [True, False, True]
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, CompareScreen))


async def test_a_small_window_keeps_its_rows_for_the_differences(stage: Stage) -> None:
    async with stage.app.run_test(size=(80, 24)) as pilot:
        await loaded(stage, pilot)
        await pilot.press("1", "d")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        bars = pilot.app.screen.query_one(ForecastBars)
        await until(pilot, lambda: not bars.display)
        await pilot.resize_terminal(120, 36)
        await until(pilot, lambda: "limit 7 h 55 min" in screen_text(stage.app))


async def test_both_presets_are_seen_side_by_side_at_80_columns(stage: Stage) -> None:
    async with stage.app.run_test(size=(80, 24)) as pilot:
        await loaded(stage, pilot)
        await pilot.press("d", "j")
        await until(pilot, lambda: "1,110" in screen_text(stage.app) and "555" in screen_text(stage.app))
