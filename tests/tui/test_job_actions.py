"""Keys of the run screen that act on a job: requeue, shell, job id, another launch, hold, limit; saving the log."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import NOW, FakeEngine, job
from websight_tui.errors import WebsightError
from websight_tui.runs import events as e
from websight_tui.runs.state import LogTail
from websight_tui.tui.app import WebsightApp
from websight_tui.tui.screens.ask import AskScreen
from websight_tui.tui.screens.confirm import ConfirmScreen
from websight_tui.tui.screens.edit import EditScreen
from websight_tui.tui.screens.run import RunScreen

SIZE = (120, 36)
RUN = "rank32-261123-140212-9f3a"


async def on_run(stage: Stage, pilot: Pilot[None]) -> FakeEngine:
    engine = await loaded(stage, pilot)
    stage.app.open_run(RUN)
    await until(pilot, lambda: isinstance(stage.app.screen, RunScreen) and stage.app.screen.is_mounted)
    return engine


def messages(stage: Stage) -> str:
    return "\n".join(note.message for note in stage.app._notifications)


async def test_requeue_asks_and_says_what_is_lost(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await on_run(stage, pilot)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(stage.app.screen, ConfirmScreen))
        assert "60 steps since the checkpoint at step 400" in stage.app.screen._body  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(stage.app.screen, RunScreen))
        assert ("requeue", RUN) not in engine.calls
        await pilot.press("R")
        await until(pilot, lambda: isinstance(stage.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: ("requeue", RUN) in engine.calls)


async def test_the_job_id_goes_to_the_clipboard(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        await on_run(stage, pilot)
        await pilot.press("i")
        await until(pilot, lambda: stage.app.clipboard == "48213")


async def test_another_launch_begins_from_the_settings_of_the_run(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await on_run(stage, pilot)
        run = stage.app.state.runs[RUN]
        changed = replace(run.spec, preset=replace(run.spec.preset, lora_rank=24))
        engine.tell(e.RunLoaded(replace(run, spec=changed)))
        await until(pilot, lambda: stage.app.state.runs[RUN].spec.preset.lora_rank == 24)
        await pilot.press("E")
        await until(pilot, lambda: isinstance(stage.app.screen, EditScreen))
        assert stage.app.screen.query_one("#lora_rank", Input).value == "24"


async def test_a_shell_is_opened_inside_the_job_on_the_clusters_host(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    commands: list[list[str]] = []

    def terminal(_: WebsightApp, command: list[str], title: str) -> int:
        commands.append([*command, title])
        return 255

    monkeypatch.setattr(WebsightApp, "run_on_terminal", terminal)
    async with stage.app.run_test(size=SIZE) as pilot:
        await on_run(stage, pilot)
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: commands)
        *_, host, remote, title = commands[0]
        assert (host, title) == ("hai", "job 48213")
        assert "srun --jobid=48213 --overlap --pty bash -l" in remote
        assert "-t" in commands[0]
        await until(pilot, lambda: "ended with status 255" in messages(stage))


async def test_where_no_terminal_can_be_handed_over_it_says_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        await on_run(stage, pilot)
        with pytest.raises(WebsightError, match="cannot be handed"):
            stage.app.run_on_terminal([sys.executable, "-c", "pass"], "test")
        monkeypatch.setenv("PATH", str(tmp_path))  # no ssh there
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: "no ssh command" in messages(stage))


async def test_keys_without_a_job_to_act_on_do_nothing(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await on_run(stage, pilot)
        screen = stage.app.screen
        assert isinstance(screen, RunScreen)
        assert not screen.check_action("hold", ())
        assert screen.check_action("shell", ())
        engine.tell(e.JobsChanged(RUN, (job("48213", "PENDING", started=None, reason="JobHeldUser"),), NOW))
        await until(pilot, lambda: stage.app.state.runs[RUN].jobs[-1].state == "PENDING")
        assert not screen.check_action("shell", ())
        await pilot.press("b")
        await until(pilot, lambda: ("release", RUN) in engine.calls)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(stage.app.screen, AskScreen))


async def test_a_job_of_others_is_watched_on_a_screen_of_its_own(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        stage.app.watch_job("48231")
        await until(pilot, lambda: ("watch_job", "hai", "48231") in engine.calls)
        screen = stage.app.screen
        assert isinstance(screen, RunScreen)
        assert screen.run_id == "hai:48231"
        await until(pilot, lambda: "Looking for this job" in screen_text(stage.app))


async def test_the_log_is_saved_and_nothing_is_overwritten(stage: Stage, tmp_path: Path) -> None:
    there, new = tmp_path / "there.log", tmp_path / "new.log"
    there.write_text("mine")
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await on_run(stage, pilot)
        engine.tell(
            e.TailMoved(RUN, "stdout", LogTail(("step 1", "naïve ✓"), 5, 99), NOW),
            e.TailMoved(RUN, "stderr", LogTail(("careful",)), NOW),
        )
        await until(pilot, lambda: stage.app.state.runs[RUN].stdout.dropped == 5)
        await pilot.press("W")
        await until(pilot, lambda: isinstance(stage.app.screen, AskScreen))
        field = stage.app.screen.query_one("#answer", Input)
        for refused in (str(there), str(tmp_path / "no" / "x.log"), str(tmp_path), ""):
            field.value = refused
            await pilot.press("enter")
            await pilot.pause()
            assert isinstance(stage.app.screen, AskScreen), refused
        field.value = str(new)
        await pilot.press("enter")
        await until(pilot, lambda: f"Saved 3 lines to {new}" in messages(stage))
    assert new.read_text(encoding="utf-8") == "step 1\nnaïve ✓\nstderr: careful\n"
    assert there.read_text() == "mine"


async def test_the_report_is_written_and_said_where(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with stage.app.run_test(size=SIZE) as pilot:
        await on_run(stage, pilot)
        await pilot.press("X")
        path = tmp_path / f"{RUN}-report.html"
        await until(pilot, lambda: f"Report written to {path}" in messages(stage))
        assert "460 of 1,110 steps" in path.read_text()
        path.unlink()
        path.mkdir()
        await pilot.press("X")
        await until(pilot, lambda: "cannot be written" in messages(stage))
