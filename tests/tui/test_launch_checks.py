"""The pre-flight on the launch screen: shown while it runs, never in the way, and its row count counts."""

from __future__ import annotations

import re

from textual.pilot import Pilot

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import NOW, FakeEngine
from websight_tui.runs import events as e
from websight_tui.runs.checks.finding import Doing, Finding, fail, ok, skip, warn
from websight_tui.runs.plan import LaunchPlan
from websight_tui.runs.state import Link
from websight_tui.tui.screens.confirm import ConfirmScreen
from websight_tui.tui.screens.launch import LaunchScreen

SIZE = (120, 36)


async def reviewed(stage: Stage, pilot: Pilot[None], *findings: Finding, rows: int | None = None) -> FakeEngine:
    """The launch screen of rank32, its pre-flight answered with `findings`."""

    def answer(engine: FakeEngine, plan: LaunchPlan) -> None:
        if findings:
            engine.tell(e.PreflightDone("another-run", (fail("data", "of an older check"),), 5, NOW))
            engine.tell(e.PreflightDone(plan.spec.run_id, findings, rows, NOW))

    engine = await loaded(stage, pilot)
    engine.on_preflight = answer
    await pilot.press("1", "enter")
    await until(pilot, lambda: isinstance(stage.app.screen, LaunchScreen))
    return engine


def asked(engine: FakeEngine) -> int:
    return sum(call[0] == "preflight" for call in engine.calls)


async def test_findings_are_listed_with_their_next_step_and_rows_decide_steps_and_forecast(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        findings = (ok("model", "it is there"), warn("storage", "18 GB are free", "Clear up before the second run."))
        engine = await reviewed(stage, pilot, *findings, rows=6_400)
        await until(pilot, lambda: "storage: 18 GB are free" in screen_text(stage.app))
        text = screen_text(stage.app)
        assert "Clear up before the second run." in text
        assert "model, 6,400 training rows" in text
        assert "of an older check" not in text
        assert "100 steps" in text, "6,400 rows at 64 a step"
        await pilot.press("enter")
        await until(pilot, lambda: engine.plans)
        assert engine.plans[0].forecast is not None
        assert engine.plans[0].forecast.steps == 100
        assert asked(engine) == 1


async def test_a_failed_check_asks_once_more_and_stops_nobody(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await reviewed(stage, pilot, fail("data", "train.json is not there", "Run prepare_data.slurm."))
        await until(pilot, lambda: "1 check failed" in screen_text(stage.app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(stage.app.screen, ConfirmScreen))
        assert "train.json is not there" in screen_text(stage.app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(stage.app.screen, LaunchScreen))
        assert not engine.plans
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(stage.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: len(engine.plans) == 1)


async def test_while_it_is_checked_the_wait_is_shown_and_enter_submits(stage: Stage) -> None:
    async with stage.app.run_test(size=(80, 24)) as pilot:
        engine = await reviewed(stage, pilot)
        await until(pilot, lambda: "checking model, data and folders on hai" in screen_text(stage.app))
        stage.now += 12
        await until(pilot, lambda: "on hai, 12 s" in screen_text(stage.app))
        (run_id,) = {str(call[1]) for call in engine.calls if call[0] == "preflight"}
        engine.tell(e.CheckMoved("another-run", Doing("data", "of an older check"), stage.now))
        engine.tell(e.CheckMoved(run_id, Doing("trainer", "uploading", 200_000, 800_000, in_bytes=True), stage.now))
        await until(pilot, lambda: "200 kB of 800 kB  uploading" in screen_text(stage.app))
        assert "○ environment" in screen_text(stage.app), "what is still to come"
        assert "checked 0 of 7, 12 s" in screen_text(stage.app)
        stage.now += 3
        engine.tell(
            e.CheckMoved(run_id, Doing("model"), stage.now), e.CheckMade(run_id, warn("model", "half"), stage.now)
        )
        stage.now += 2
        engine.tell(e.CheckMoved(run_id, Doing("data", "train: 20,000 rows read"), stage.now))
        await until(pilot, lambda: "train: 20,000 rows read" in screen_text(stage.app))
        text = screen_text(stage.app)
        assert "of an older check" not in text
        assert re.search(r"✓ trainer +3 s", text), text
        assert re.search(r"! model +half +2 s", text), text
        assert "checked 2 of 7, 17 s" in text
        await pilot.press("enter")
        await until(pilot, lambda: len(engine.plans) == 1)


async def test_without_a_connection_it_says_so_and_checks_once_there_is_one(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        engine.tell(e.LinkChanged("hai", Link.RECONNECTING, NOW))
        await until(pilot, lambda: stage.app.state.clusters["hai"].link is Link.RECONNECTING)
        await reviewed(stage, pilot, skip("launch", "not checked: the line broke", "Connect again."))
        await until(pilot, lambda: "not checked: not connected to hai" in screen_text(stage.app))
        assert not asked(engine)
        engine.tell(e.LinkChanged("hai", Link.ONLINE, NOW))
        await until(pilot, lambda: "not checked: the line broke" in screen_text(stage.app))
        await pilot.press("enter")
        await until(pilot, lambda: len(engine.plans) == 1, "what was not looked at asks nothing")


async def test_the_script_shows_the_real_path_once_the_home_folder_is_known(stage: Stage) -> None:
    async with stage.app.run_test(size=(160, 40)) as pilot:
        engine = await reviewed(stage, pilot)
        await until(pilot, lambda: "cd '~/websight-v2/runs/" in screen_text(stage.app))
        assert "~ becomes your home folder" in screen_text(stage.app), "what is not the real path is said"
        engine.tell(e.LinkChanged("hai", Link.ONLINE, NOW, home="/home/alice"))
        await until(pilot, lambda: "cd /home/alice/websight-v2/runs/" in screen_text(stage.app))
        text = screen_text(stage.app)
        assert "~/" not in text
        assert "~ becomes your home folder" not in text
        await pilot.press("enter")
        await until(pilot, lambda: engine.plans)
        assert engine.plans[0].script in stage.app.screen._plan.script  # type: ignore[attr-defined]
