"""Several presets launched together from home, and the table of what comes of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import NOW, FakeEngine, config, job, swept
from websight_tui.runs import events as e
from websight_tui.runs.state import Evaluation, Link, Measured, Sweep
from websight_tui.slurm_commands.job_counts import JobCounts
from websight_tui.tui.screens.ask import AskScreen
from websight_tui.tui.screens.choose import ChooseScreen
from websight_tui.tui.screens.confirm import ConfirmScreen
from websight_tui.tui.screens.home import HomeScreen
from websight_tui.tui.screens.launch import LaunchScreen
from websight_tui.tui.screens.run import RunScreen
from websight_tui.tui.screens.sweep import SweepScreen
from websight_tui.tui.screens.sweep_launch import SweepLaunchScreen
from websight_tui.tui.widgets.forecast_bars import ForecastBars
from websight_tui.tui.widgets.table import KeyedTable

SIZE = (120, 36)


async def at(pilot: Pilot[None], kind: type) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, kind) and pilot.app.screen.is_mounted, kind.__name__)


async def reviewing(stage: Stage, pilot: Pilot[None], marks: int = 3) -> FakeEngine:
    engine = await loaded(stage, pilot)
    await pilot.press("1", *["space"] * marks, "enter")
    await at(pilot, SweepLaunchScreen)
    return engine


async def test_marked_presets_are_reviewed_together_and_submitted_by_one_key(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        await pilot.press("1", "space", "space", "space", "up", "space")
        assert "2 marked, Enter launches them together" in screen_text(stage.app)
        await pilot.press("enter")
        await at(pilot, SweepLaunchScreen)
        await until(pilot, lambda: "2 runs, about 11 h 4" in screen_text(stage.app))
        assert "(94 GPU hours)" in screen_text(stage.app)
        await pilot.press("enter")
        await at(pilot, SweepScreen)
        await until(pilot, lambda: any(call[0] == "submit_sweep" for call in engine.calls))
        (sweep,) = [call[1] for call in engine.calls if call[0] == "submit_sweep"]
        assert isinstance(sweep, Sweep)
        assert [spec.preset.name for spec in sweep.specs] == ["rank32", "rank16"]
        assert "not submitted" in screen_text(stage.app)


async def test_every_bar_is_seen_at_every_size(stage: Stage) -> None:
    async with stage.app.run_test(size=(80, 24)) as pilot:
        await reviewing(stage, pilot)
        for size in ((80, 24), (120, 40), (80, 24)):
            await pilot.resize_terminal(*size)
            shown = pilot.app.screen.query_one(ForecastBars)
            await until(pilot, lambda: "limit 7 h 55 min" in screen_text(stage.app))
            assert [str(shown.content).count(name) for name in ("rank32", "rank16", "half-epoch")] == [1, 1, 1]
            assert str(shown.content).count("\n") < shown.content_region.height


async def test_one_mark_or_none_launches_as_ever(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        await loaded(stage, pilot)
        await pilot.press("1", "space", "enter")
        await at(pilot, LaunchScreen)


async def test_a_mark_is_taken_back_and_a_launch_clears_them(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        await reviewing(stage, pilot)
        await pilot.press("escape")
        await at(pilot, HomeScreen)
        await until(pilot, lambda: "marked" not in screen_text(stage.app))


async def test_settings_are_varied_in_the_words_of_the_command_line(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        await reviewing(stage, pilot, marks=2)
        await pilot.press("v")
        await at(pilot, AskScreen)
        stage.app.screen.query_one(Input).value = "lora_rank=8,x"
        await until(pilot, lambda: "lora_rank must be a whole number" in screen_text(stage.app))
        await pilot.press("enter")
        assert isinstance(stage.app.screen, AskScreen), "what is wrong is not taken"
        stage.app.screen.query_one(Input).value = "lora_rank=8,24 num_train_epochs=0.5,1"
        await pilot.pause()
        await pilot.press("enter")
        await at(pilot, SweepLaunchScreen)
        await until(pilot, lambda: stage.app.screen.query_one("#plans", KeyedTable).row_count == 4)
        assert "rank32-r24-e0_5" in screen_text(stage.app), "the same settings of both presets are one run"


async def test_the_site_s_limits_are_said_before_anything_is_sent(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await reviewing(stage, pilot)
        await until(pilot, lambda: ("count_jobs", "hai") in engine.calls)
        engine.tell(e.JobCountsFound("hai", JobCounts(running=2, submitted=4)))
        await until(pilot, lambda: "The site allows 4 of your jobs in the queue, 3 are there" in screen_text(stage.app))
        assert "The site runs 2 of your jobs at once" in screen_text(stage.app)


async def test_nothing_is_sent_without_a_connection(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await reviewing(stage, pilot)
        engine.tell(e.LinkChanged("hai", Link.OFFLINE, NOW))
        await until(pilot, lambda: "Not connected to hai" in screen_text(stage.app))
        await pilot.press("enter")
        await pilot.pause()
        assert not any(call[0] == "submit_sweep" for call in engine.calls)
        assert isinstance(stage.app.screen, SweepLaunchScreen)


@pytest.fixture
def busy(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "config.toml")


async def watching(stage: Stage, pilot: Pilot[None]) -> tuple[FakeEngine, KeyedTable]:
    engine = await loaded(stage, pilot)
    engine.tell(*swept(config()))
    await until(pilot, lambda: len(stage.app.state.runs) == 9)
    await pilot.press("w")
    await at(pilot, SweepScreen)
    table = stage.app.screen.query_one("#runs", KeyedTable)
    await until(pilot, lambda: table.row_count == 6)
    return engine, table


async def test_the_table_says_what_was_measured_and_fills_as_it_comes(busy: Stage) -> None:
    async with busy.app.run_test(size=SIZE) as pilot:
        engine, table = await watching(busy, pilot)
        text = screen_text(busy.app)
        assert "3 of 6 finished, 1 training, 1 pending, 1 not submitted" in text
        assert "best so far rank32-r8-e1  click accuracy 71% (68–74)" in text
        third = next(i for i in busy.app.state.runs if i.startswith("rank32-r16-e0_5"))
        assert str(table.cell(third, "clicks")) == "measuring 24%"
        assert "Clicks: 2 measured (500 rows each), 1 being measured (120 of 500), 3 to come" in text
        assert "71% (68–74) on 500 rows" in text
        engine.tell(e.RunMeasured(third, Measured(87_400_000, 0.8, 0.77, 0.83, 1000)))
        await until(pilot, lambda: "best so far rank32-r16-e0_5  click accuracy 80%" in screen_text(busy.app))
        assert str(table.cell(third, "clicks")) == "80% (77–83)"
        measured = [set(call[1]) for call in engine.calls if call[0] == "measure"]
        assert len(measured) == 1, "each ended run is looked at once"
        assert len(measured[0]) == 3


async def test_a_run_that_ends_is_measured_then(busy: Stage) -> None:
    async with busy.app.run_test(size=SIZE) as pilot:
        engine, _ = await watching(busy, pilot)
        run_id = next(i for i in busy.app.state.runs if i.startswith("rank32-r16-e1"))
        ended = replace(job("48303", "FAILED", started=NOW - 9000, final=True), end_time=NOW)
        engine.tell(e.JobsChanged(run_id, (ended,), NOW))
        await until(pilot, lambda: ("measure", (run_id,)) in engine.calls)


async def test_it_is_sorted_by_each_figure_and_the_unknown_comes_last(busy: Stage) -> None:
    async with busy.app.run_test(size=SIZE) as pilot:
        _, table = await watching(busy, pilot)

        def order() -> list[str]:
            return [key.partition("-2611")[0].removeprefix("rank32-") for key in table._keys]

        assert order()[0] == "r8-e0_5"
        await pilot.press("o", "o", "o", "o", "o")
        await until(pilot, lambda: "by clicks, falling" in screen_text(busy.app))
        assert order()[:2] == ["r8-e1", "r8-e0_5"]
        await pilot.press("O")
        assert order()[:2] == ["r8-e0_5", "r8-e1"]
        assert order()[-1] == "r32-e1"


async def test_enter_opens_the_run_and_what_was_not_submitted_is_said(busy: Stage) -> None:
    async with busy.app.run_test(size=SIZE) as pilot:
        engine, table = await watching(busy, pilot)
        await pilot.press("G")
        assert table.key not in busy.app.state.runs
        await pilot.press("enter")
        assert isinstance(busy.app.screen, SweepScreen)
        await pilot.press("g", "enter")
        await at(pilot, RunScreen)
        await pilot.press("escape")
        await at(pilot, SweepScreen)
        await pilot.press("r")
        await at(pilot, ConfirmScreen)
        assert "1 run has no job: rank32-r32-e1." in screen_text(busy.app)
        await pilot.press("y")
        await until(pilot, lambda: any(call[0] == "submit_sweep" for call in engine.calls))


async def test_of_several_sweeps_one_is_chosen(busy: Stage) -> None:
    async with busy.app.run_test(size=SIZE) as pilot:
        engine = await loaded(busy, pilot)
        (first, *rest) = swept(config())
        assert isinstance(first, e.SweepLoaded)
        engine.tell(first, *rest, e.SweepLoaded(replace(first.sweep, sweep_id="sweep-later")))
        await until(pilot, lambda: len(busy.app.state.sweeps) == 2)
        await pilot.press("w")
        await at(pilot, ChooseScreen)
        await pilot.press("enter")
        await at(pilot, SweepScreen)
        assert busy.app.screen.sweep.sweep_id == "sweep-later"  # type: ignore[attr-defined]


async def test_measuring_clicks_is_a_choice_with_its_cost(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await reviewing(stage, pilot)
        line = "Afterwards a job with 1 GPU measures clicks on 500 test rows: about 6 min each (0.3 GPU hours in all)."
        await until(pilot, lambda: line in screen_text(stage.app))
        await pilot.press("e")
        await until(pilot, lambda: "Clicks will not be measured." in screen_text(stage.app))
        await pilot.press("enter")
        await until(pilot, lambda: any(call[0] == "submit_sweep" for call in engine.calls))
        (sweep,) = [call[1] for call in engine.calls if call[0] == "submit_sweep"]
        assert isinstance(sweep, Sweep)
        assert not any(spec.evaluate for spec in sweep.specs)


async def test_a_failure_is_told_and_measured_again_on_one_key(busy: Stage) -> None:
    async with busy.app.run_test(size=SIZE) as pilot:
        engine, table = await watching(busy, pilot)
        third = next(i for i in busy.app.state.runs if i.startswith("rank32-r16-e0_5"))
        failed = Measured(87_400_000, evaluation=Evaluation.FAILED, attempt=1, why="no data set 'websight_test'")
        engine.tell(e.RunMeasured(third, failed))
        said = "rank32-r16-e0_5: clicks not measured: no data set 'websight_test'"
        await until(pilot, lambda: said in screen_text(busy.app))
        assert str(table.cell(third, "clicks")) == "failed"
        await pilot.press("M")
        await at(pilot, ConfirmScreen)
        assert "One job with 1 GPU for rank32-r16-e0_5" in screen_text(busy.app)
        await pilot.press("y")
        await until(pilot, lambda: ("evaluate", (third,)) in engine.calls)


async def test_all_jobs_of_a_sweep_are_cancelled_after_a_question(busy: Stage) -> None:
    async with busy.app.run_test(size=SIZE) as pilot:
        engine, _ = await watching(busy, pilot)
        await pilot.press("c")
        await at(pilot, ConfirmScreen)
        assert "The jobs of 3 runs are cancelled, those that measure clicks too." in screen_text(busy.app)
        await pilot.press("enter")
        await at(pilot, SweepScreen)
        assert not any(call[0] == "cancel_sweep" for call in engine.calls), "Enter is no"
        await pilot.press("c", "y")
        await until(pilot, lambda: any(call[0] == "cancel_sweep" for call in engine.calls))
