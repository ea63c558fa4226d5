"""What a person does, key by key, and what the screen and the engine make of it."""

from __future__ import annotations

import asyncio
import threading
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import NOW, FakeEngine, job
from websight_tui.projection.model import Verdict
from websight_tui.remote.port import HostKey, Prompt
from websight_tui.runs import events as e
from websight_tui.runs.plan import LaunchPlan
from websight_tui.runs.state import Link, LogTail, Outcome
from websight_tui.tui.ports import DemoInfo
from websight_tui.tui.screens.confirm import ConfirmScreen
from websight_tui.tui.screens.edit import EditScreen
from websight_tui.tui.screens.home import HomeScreen
from websight_tui.tui.screens.launch import LaunchScreen
from websight_tui.tui.screens.overlay import OverlayScreen
from websight_tui.tui.screens.run import RunScreen
from websight_tui.tui.widgets.chart import Chart
from websight_tui.tui.widgets.log_view import LogView
from websight_tui.tui.widgets.table import KeyedTable

SIZE = (120, 36)


async def test_home_shows_presets_runs_queue_and_the_cluster(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        await loaded(stage, pilot)
        text = screen_text(stage.app)
        for word in ("rank32", "half-epoch", "tight", "time limit", "finished", "48231", "online", "4 calls/min"):
            assert word in text, word
        assert "87.3 M parameters" in text
        assert "estimate" in text


async def test_a_number_or_an_arrow_chooses_a_preset_and_the_details_follow(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        await loaded(stage, pilot)
        await pilot.press("5")
        await until(pilot, lambda: "64/128 rsLoRA" in screen_text(stage.app))
        await pilot.press("k")
        await until(pilot, lambda: "6×1→48" in screen_text(stage.app))


async def test_launch_reviews_then_submits_then_opens_the_run(stage: Stage) -> None:
    def accept(engine: FakeEngine, plan: LaunchPlan) -> None:
        spec = plan.spec
        engine.tell(e.SubmitBegan(spec, NOW), e.SubmitProgress(spec.run_id, "uploading", 100, 200))
        engine.tell(e.SubmitSettled(spec.run_id, Outcome.ACCEPTED, NOW, job_id="50001"))
        engine.tell(e.JobsChanged(spec.run_id, (job("50001", "PENDING", started=None),), NOW))

    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        engine.on_submit = accept
        await pilot.press("2", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, LaunchScreen))
        await until(pilot, lambda: "--account=ingrai" in screen_text(stage.app))
        assert not engine.plans, "nothing is sent before the second Enter"
        assert "rank16" in screen_text(stage.app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(stage.app.screen, RunScreen))
        assert len(engine.plans) == 1
        assert engine.plans[0].spec.preset.lora_rank == 16


async def test_a_second_enter_while_submitting_sends_nothing_twice(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        await pilot.press("1", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, LaunchScreen))
        await pilot.press("enter", "enter", "enter")
        await until(pilot, lambda: engine.plans)
        await pilot.press("enter")
        await pilot.pause()
        assert len(engine.plans) == 1


async def test_a_refused_launch_gives_the_reason_and_can_be_sent_again_as_a_new_run(stage: Stage) -> None:
    def refuse(engine: FakeEngine, plan: LaunchPlan) -> None:
        engine.tell(e.SubmitBegan(plan.spec, NOW))
        engine.tell(e.SubmitSettled(plan.spec.run_id, Outcome.REJECTED, NOW, "no such account", "Check account."))

    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        engine.on_submit = refuse
        await pilot.press("1", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, LaunchScreen))
        await pilot.press("enter")
        await until(pilot, lambda: "no such account" in screen_text(stage.app))
        assert "Nothing was queued" in screen_text(stage.app)
        await pilot.press("enter")
        await until(pilot, lambda: len(engine.plans) == 2)
        assert engine.plans[0].spec.token != engine.plans[1].spec.token


async def test_an_unknown_outcome_is_said_and_never_sent_again(stage: Stage) -> None:
    def lose(engine: FakeEngine, plan: LaunchPlan) -> None:
        engine.tell(e.SubmitBegan(plan.spec, NOW))
        engine.tell(e.SubmitSettled(plan.spec.run_id, Outcome.UNKNOWN, NOW, "the connection broke"))

    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        engine.on_submit = lose
        await pilot.press("1", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, LaunchScreen))
        await pilot.press("enter")
        await until(pilot, lambda: "Not known whether the job exists" in screen_text(stage.app))
        await pilot.press("enter")
        await pilot.pause()
        assert len(engine.plans) == 1


async def test_a_launch_without_a_connection_is_not_sent(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        engine.tell(e.LinkChanged("hai", Link.RECONNECTING, NOW))
        await pilot.press("1", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, LaunchScreen))
        await until(pilot, lambda: stage.app.state.clusters["hai"].link is Link.RECONNECTING)
        await pilot.press("enter")
        await pilot.pause()
        assert not engine.plans


async def test_editing_checks_each_field_and_shows_what_differs(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        await loaded(stage, pilot)
        await pilot.press("1", "e")
        await until(pilot, lambda: isinstance(stage.app.screen, EditScreen))
        field = stage.app.screen.query_one("#lora_rank", Input)
        field.value = "-3"
        await until(pilot, lambda: "must be above 0" in screen_text(stage.app))
        await pilot.press("f10")
        assert isinstance(stage.app.screen, EditScreen), "a wrong value goes nowhere"
        field.value = "24"
        await until(pilot, lambda: "32 → 24" in screen_text(stage.app))
        await pilot.press("f10")
        await until(pilot, lambda: isinstance(stage.app.screen, LaunchScreen))
        await until(pilot, lambda: "32 → 24" in screen_text(stage.app))


async def test_an_edited_preset_is_saved_beside_what_the_file_holds(stage: Stage) -> None:
    path = stage.app.config.path
    path.write_text("# mine\n[clusters.hai]\nhost = 'hai' # keep this\n")
    async with stage.app.run_test(size=SIZE) as pilot:
        await loaded(stage, pilot)
        await pilot.press("1", "e")
        await until(pilot, lambda: isinstance(stage.app.screen, EditScreen))
        stage.app.screen.query_one("#num_train_epochs", Input).value = "0.8"
        await pilot.press("f2")
        await until(pilot, lambda: stage.app.screen.query("#answer"))
        stage.app.screen.query_one("#answer", Input).value = "short"
        await pilot.press("enter")
        await until(pilot, lambda: "short" in stage.app.config.presets)
    text = path.read_text()
    assert text.startswith("# mine\n[clusters.hai]\nhost = 'hai' # keep this\n")
    assert tomllib.loads(text)["presets"]["short"] == {
        "base": "rank32",
        "summary": "from rank32",
        "num_train_epochs": 0.8,
    }


async def test_cancel_asks_first_and_enter_means_no(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        await pilot.press("tab", "c")
        await until(pilot, lambda: isinstance(stage.app.screen, ConfirmScreen))
        assert "60 steps since the checkpoint at step 400" in screen_text(stage.app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(stage.app.screen, HomeScreen))
        assert not [call for call in engine.calls if call[0] == "cancel"]
        await pilot.press("c")
        await until(pilot, lambda: isinstance(stage.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: ("cancel", "rank32-261123-140212-9f3a") in engine.calls)


async def test_the_run_screen_follows_verdict_curve_and_log(stage: Stage) -> None:
    run_id = "rank32-261123-140212-9f3a"
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, RunScreen))
        await until(pilot, lambda: ("focus", run_id) in engine.calls)
        await until(pilot, lambda: "460/1,110" in screen_text(stage.app))
        assert "1 h 54 min to spare" in screen_text(stage.app)
        run = stage.app.state.runs[run_id]
        engine.tell(
            e.Projected(run_id, replace(run.projection, verdict=Verdict.WILL_NOT_FIT, total_s=40_000.0), NOW),
            e.TailMoved(run_id, "stderr", LogTail(("fine", "RuntimeError: CUDA out of memory", "end")), NOW),
        )
        await until(pilot, lambda: "over" in screen_text(stage.app))
        await until(pilot, lambda: "CUDA out of memory" in screen_text(stage.app))
        await pilot.press("o")
        await until(pilot, lambda: "CUDA out of memory" not in screen_text(stage.app))
        await pilot.press("o")
        await until(pilot, lambda: "CUDA out of memory" in screen_text(stage.app))
        await pilot.press("v", "v")
        await until(pilot, lambda: "checkpoint-400" in screen_text(stage.app))
        reason = stage.app.state.runs[run_id].projection.reasons[0]
        assert ("rank32: will not fit", reason) in [(item.title, item.body) for item in stage.told]
        await pilot.press("escape")
        await until(pilot, lambda: ("focus", None) in engine.calls)


async def test_chart_keys_change_metric_axis_zoom_and_crosshair(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        await loaded(stage, pilot)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, RunScreen))
        screen = stage.app.screen
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: screen.query_one("#main", Chart).drawing)
        await pilot.press("m")
        await until(pilot, lambda: "learning rate" in screen_text(stage.app))
        await pilot.press("x", "x")
        await until(pilot, lambda: "by time" in screen_text(stage.app))
        await pilot.press("plus")
        assert screen.chart.window is not None
        narrow = screen.chart.window
        await pilot.press("H")
        assert screen.chart.window is not None
        assert screen.chart.window[0] < narrow[0]
        await pilot.press("0", "left")
        assert screen.chart.window is None
        assert screen.chart.cursor is not None
        await pilot.press("escape")
        assert screen.chart.cursor is None
        assert stage.app.screen is screen


async def test_the_log_is_searched_held_and_followed(stage: Stage) -> None:
    run_id = "rank32-261123-140212-9f3a"
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, RunScreen))
        lines = tuple(f"line {i}" + (" needle" if i % 50 == 7 else "") for i in range(400))
        engine.tell(e.TailMoved(run_id, "stdout", LogTail(lines), NOW))
        await until(pilot, lambda: "line 399" in screen_text(stage.app))
        await pilot.press("o", "slash", *"7.need", "enter")
        log = stage.app.screen.query_one(LogView)
        await until(pilot, lambda: len(log.matches) == 8 and "line 357 needle" in screen_text(stage.app))
        assert not log.follow
        await pilot.press("slash", *"(line", "enter")
        await until(pilot, lambda: any("No regular expression" in note.message for note in stage.app._notifications))
        assert log.matches == []
        await pilot.press("slash", *"needle", "enter")
        await until(pilot, lambda: len(log.matches) == 8 and "line 357 needle" in screen_text(stage.app))
        await pilot.press("N")
        await until(pilot, lambda: "line 307 needle" in screen_text(stage.app))
        engine.tell(e.TailMoved(run_id, "stdout", LogTail((*lines[20:], "newest"), dropped=20), NOW))
        await until(pilot, lambda: log._tail.dropped == 20)
        assert "line 307 needle" in screen_text(stage.app), "held still while older lines fall out"
        await pilot.press("f")
        await until(pilot, lambda: "newest" in screen_text(stage.app))


async def test_login_questions_appear_word_for_word_and_are_not_echoed(stage: Stage) -> None:
    answers: list[object] = []
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        await until(pilot, lambda: engine.prompter is not None)
        prompter = engine.prompter

        def login() -> None:
            assert prompter is not None
            answers.append(prompter.accept_host_key(HostKey("hai", "ssh-ed25519", "SHA256:abc")))
            answers.append(prompter.ask("hai", "[b]Duo[/b]", [Prompt("Password: "), Prompt("Code: ", echo=True)]))

        thread = threading.Thread(target=login, daemon=True)
        thread.start()
        await until(pilot, lambda: "SHA256:abc" in screen_text(stage.app))
        await pilot.press("y")
        await until(pilot, lambda: "Password:" in screen_text(stage.app))
        assert "[b]Duo[/b]" in screen_text(stage.app)
        await pilot.press(*"s3cret", "enter", *"123", "enter")
        await until(pilot, lambda: len(answers) == 2)
        assert "s3cret" not in screen_text(stage.app)
    assert answers == [True, ["s3cret", "123"]]


async def test_quitting_with_an_open_login_question_takes_no_time(stage: Stage) -> None:
    answers: list[object] = []
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        await until(pilot, lambda: engine.prompter is not None)
        prompter = engine.prompter
        assert prompter is not None
        thread = threading.Thread(target=lambda: answers.append(prompter.ask("t", "", [Prompt("p")])), daemon=True)
        thread.start()
        await until(pilot, lambda: stage.app.screen.query("#answer0"))
        begun = time.monotonic()
        stage.app.exit()
    assert time.monotonic() - begun < 2
    await asyncio.to_thread(thread.join, 2)
    assert answers == [None]
    assert ("close",) in engine.calls


async def test_hostile_names_are_shown_as_text(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        evil = job("60001", name="[/foo]\x1b[31mred\x9b\n|", reason="[bold]x")
        engine.tell(e.QueueSeen("hai", (evil, replace(evil, job_id="60002", state="PENDING")), NOW))
        await until(pilot, lambda: "60002" in screen_text(stage.app))
        assert "[/foo]red" in screen_text(stage.app)
        assert "\x1b" not in screen_text(stage.app)


async def test_tables_update_by_key_and_keep_the_cursor(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        await pilot.press("tab", "j", "j")
        table = stage.app.screen.query_one("#runs", KeyedTable)
        assert table.key == "rank16-261122-091500-77de"
        run = stage.app.state.runs["rank32-261123-140212-9f3a"]
        newer = replace(run, spec=replace(run.spec, run_id="rank16-new-0000", created_at=NOW))
        engine.tell(e.RunLoaded(newer))
        await until(pilot, lambda: table.row_count == 5)
        assert table.key == "rank16-261122-091500-77de"


async def test_a_new_theme_reaches_every_cell(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        await loaded(stage, pilot)
        table = stage.app.screen.query_one("#runs", KeyedTable)
        before = table.cell("rank32-261123-140212-9f3a", "verdict").style
        await pilot.press("T")
        await until(pilot, lambda: table.cell("rank32-261123-140212-9f3a", "verdict").style != before)


async def test_too_small_says_so_and_comes_back(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        await loaded(stage, pilot)
        await pilot.resize_terminal(50, 12)
        await until(pilot, lambda: "the screens need 70 × 20" in screen_text(stage.app))
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: isinstance(stage.app.screen, HomeScreen))


async def test_the_demo_is_named_on_every_screen(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "c.toml", demo=DemoInfo("demo · embedded cluster"))
    async with stage.app.run_test(size=(80, 24)) as pilot:
        await loaded(stage, pilot)
        for keys in ((), ("1", "enter"), ("escape", "e"), ("escape", "tab", "enter")):
            await pilot.press(*keys)
            await until(pilot, lambda: "demo · embedded cluster" in screen_text(stage.app).split("\n")[0], str(keys))


async def test_empty_and_offline_say_what_to_do(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "c.toml", busy=False)
    async with stage.app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: stage.engine and ("connect", "hai") in stage.engine.calls)
        assert stage.engine is not None
        stage.engine.tell(e.LinkChanged("hai", Link.FAILED, NOW, error="no route to hai. Is the VPN up?"))
        await until(pilot, lambda: "Is the VPN up?" in screen_text(stage.app))
        await pilot.press("tab")
        await until(pilot, lambda: "No runs yet" in screen_text(stage.app))
        await pilot.press("tab")
        await until(pilot, lambda: "s connects or chooses" in screen_text(stage.app))


async def test_without_a_cluster_the_next_step_is_said(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "c.toml", busy=False)
    stage.app.config = replace(stage.app.config, clusters={"local": stage.app.config.clusters["local"]})
    stage.app.cluster_name = "local"
    async with stage.app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "No cluster is configured" in screen_text(stage.app))
        for way in ("this machine", "websight-tui init", "the demo"):
            assert way in screen_text(stage.app), way
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(stage.app.screen, HomeScreen))


async def test_keys_of_the_config_replace_the_built_in_ones(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "c.toml")
    stage.app.config = replace(stage.app.config, keys={"home.edit": "E"})
    async with stage.app.run_test(size=SIZE) as pilot:
        await loaded(stage, pilot)
        await pilot.press("e")
        assert isinstance(stage.app.screen, HomeScreen)
        await pilot.press("E")
        await until(pilot, lambda: isinstance(stage.app.screen, EditScreen))


async def test_the_palette_launches_a_preset(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        await loaded(stage, pilot)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: stage.app.screen.query("CommandInput"))
        await pilot.press(*"launch half")
        await until(pilot, lambda: stage.app.screen.query_one(OptionList).option_count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(stage.app.screen, LaunchScreen))


async def test_overlay_shows_and_hides_curves_and_names_the_differences(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        await loaded(stage, pilot)
        await pilot.press("tab", "o")
        await until(pilot, lambda: isinstance(stage.app.screen, OverlayScreen))
        await until(pilot, lambda: "lora_rank" in screen_text(stage.app))
        screen = stage.app.screen
        assert isinstance(screen, OverlayScreen)
        await pilot.press("j", "space")
        assert len(screen.chosen) == 2


@pytest.mark.parametrize("size", [(70, 20), (80, 24), (200, 60)])
async def test_every_screen_opens_at_every_size(stage: Stage, size: tuple[int, int]) -> None:
    async with stage.app.run_test(size=size) as pilot:
        await loaded(stage, pilot)
        for keys in (("question_mark",), ("d",), ("1", "e"), ("1", "enter"), ("s",), ("tab", "enter")):
            await pilot.press(*keys)
            await until(pilot, lambda: len(stage.app.screen_stack) == 2, str(keys))
            await pilot.press("escape")
            await until(pilot, lambda: len(stage.app.screen_stack) == 1, f"left {keys}")
