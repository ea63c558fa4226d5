"""The queue pane: jobs of others opened like runs, and why there is nothing to see where there is nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import NOW, FakeEngine, running
from websight_tui.projection.model import Verdict
from websight_tui.runs import events as e
from websight_tui.runs.state import Link, Unwritten
from websight_tui.tui.screens.home import HomeScreen
from websight_tui.tui.screens.run import RunScreen

TROUBLE = "Slurm's commands are not on the PATH there (Slurm: squeue: not found). Set login_shell = true."
FULL = "This machine's disk is full: no history is kept"


async def online(stage: Stage, pilot: Pilot[None]) -> FakeEngine:
    """Nothing is known yet but that the login has worked."""
    await until(pilot, lambda: stage.engine and ("connect", "hai") in stage.engine.calls)
    engine = stage.engine
    assert isinstance(engine, FakeEngine)
    engine.tell(e.LinkChanged("hai", Link.ONLINE, NOW, "alice@hai"))
    return engine


async def test_enter_on_a_job_that_was_not_started_here_watches_it(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        engine = await loaded(stage, pilot)
        await pilot.press("tab", "tab", "G")
        await until(pilot, lambda: "Enter opens its log" in screen_text(stage.app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(stage.app.screen, RunScreen))
        await until(pilot, lambda: ("watch_job", "hai", "48231") in engine.calls)
        watched = running(stage.app.config.presets["rank32"], "hai:48231", 200, 1110, Verdict.FITS, "48231")
        job = replace(watched.jobs[0], name="eval-sweep")
        preset = replace(watched.spec.preset, name="foreign")
        engine.tell(e.RunLoaded(replace(watched, spec=replace(watched.spec, token="", preset=preset), jobs=(job,))))
        await until(pilot, lambda: "200/1,110" in screen_text(stage.app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(stage.app.screen, HomeScreen))
        await until(pilot, lambda: screen_text(stage.app).count("eval-sweep") >= 2, "under its own name among the runs")
        assert "foreign" not in screen_text(stage.app)
        assert stage.app.screen.check_action("stop", ()) is False, "a signal could kill it"


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_scheduler_that_does_not_answer_is_said_where_the_jobs_would_be(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    stage = Stage(tmp_path / "c.toml", busy=False)
    async with stage.app.run_test(size=size) as pilot:
        engine = await online(stage, pilot)
        await until(pilot, lambda: "asking Slurm" in screen_text(stage.app))
        engine.tell(e.SchedulerTrouble("hai", TROUBLE, NOW))
        await until(pilot, lambda: "Slurm does not answer" in screen_text(stage.app))
        assert "! Slurm's commands are not on the PATH" in screen_text(stage.app).split("\n")[0]
        await pilot.press("tab", "tab")
        await until(pilot, lambda: "It is asked again" in screen_text(stage.app))
        assert "login_shell" in screen_text(stage.app)
        assert "ctrl+r" in screen_text(stage.app)
        engine.tell(e.QueueSeen("hai", (), NOW))
        await until(pilot, lambda: "No job of yours waits" in screen_text(stage.app))
        assert "not on the PATH" not in screen_text(stage.app)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_full_disk_here_is_not_a_cluster_that_does_not_answer(tmp_path: Path, size: tuple[int, int]) -> None:
    stage = Stage(tmp_path / "c.toml", busy=False)
    async with stage.app.run_test(size=size) as pilot:
        engine = await online(stage, pilot)
        engine.tell(e.QueueSeen("hai", (), NOW))
        engine.tell(e.HistoryTrouble(Unwritten("disk full", FULL, "Free some space in /home/alice."), NOW))
        await pilot.press("tab", "tab")
        await until(pilot, lambda: "Jobs go on" in screen_text(stage.app))
        shown = screen_text(stage.app)
        assert "! This machine's disk is full" in shown.split("\n")[0]
        assert "Free some space" in shown
        assert "answer" not in shown
        assert "No job of yours waits" in shown, "the queue is what the cluster says"
        engine.tell(e.HistoryTrouble(None, NOW))
        await until(pilot, lambda: "disk is full" not in screen_text(stage.app))
