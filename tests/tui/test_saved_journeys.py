"""Checkpoints on the run screen: what is there, download, test on a picture, merge; a question before what costs."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import NOW, FakeEngine
from websight_tui.runs.events import LinkChanged, SavedSeen, TaskMoved
from websight_tui.runs.saved_work.checkpoints import Saved, Whole
from websight_tui.runs.saved_work.tasks import Answer, Kind, Stand, Task
from websight_tui.runs.state import Link
from websight_tui.tui.screens.ask import AskScreen
from websight_tui.tui.screens.click import ClickScreen, picture
from websight_tui.tui.screens.confirm import ConfirmScreen
from websight_tui.tui.screens.run import RunScreen


async def checkpoints(stage: Stage, pilot: Pilot[None]) -> tuple[FakeEngine, RunScreen]:
    """Opens the newest live run's checkpoints."""
    engine = await loaded(stage, pilot)
    await pilot.press("tab", "enter")
    await until(pilot, lambda: isinstance(stage.app.screen, RunScreen))
    screen = stage.app.screen
    assert isinstance(screen, RunScreen)
    await pilot.press("v", "v")
    await until(pilot, lambda: ("look_at_saved", screen.run_id) in engine.calls, "looked")
    await until(pilot, lambda: "complete" in screen_text(stage.app), "what is there")
    return engine, screen


async def test_the_table_says_what_is_whole_and_looks_again_only_for_a_new_one(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        engine, screen = await checkpoints(stage, pilot)
        text = screen_text(stage.app)
        assert "1.0 GB" in text
        assert text.count("complete") >= 2
        await pilot.pause(1.2)
        assert engine.calls.count(("look_at_saved", screen.run_id)) == 1
        engine.tell(SavedSeen(screen.run_id, (Saved(400, Whole.NOT_SEALED), Saved(200, Whole.GONE)), NOW))
        await until(pilot, lambda: "not sealed" in screen_text(stage.app) and "removed" in screen_text(stage.app))
        await pilot.press("d")
        await until(pilot, lambda: any("not sealed" in note.message for note in stage.app._notifications), "refused")
        assert stage.app.screen is screen


async def test_a_download_asks_where_to_shows_its_bar_and_can_be_stopped(stage: Stage, tmp_path: Path) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        engine, screen = await checkpoints(stage, pilot)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(stage.app.screen, AskScreen), "where to")
        field = stage.app.screen.query_one(Input)
        assert field.value.endswith("-step400")
        field.value = str(tmp_path / "here")
        await pilot.press("enter")
        await until(pilot, lambda: ("fetch", screen.run_id, 400, tmp_path / "here") in engine.calls, "asked for")
        engine.tell(
            TaskMoved(screen.run_id, Task(Kind.FETCH, 400, done=300_000_000, total=1_047_000_000, in_bytes=True), NOW)
        )
        await until(pilot, lambda: "300 MB of 1.0 GB" in screen_text(stage.app), "a bar")
        await pilot.press("d")
        await until(pilot, lambda: isinstance(stage.app.screen, ConfirmScreen), "a question")
        await pilot.press("y")
        await until(pilot, lambda: ("stop_fetch", screen.run_id) in engine.calls, "stopped")
        engine.tell(
            TaskMoved(screen.run_id, Task(Kind.FETCH, 400, Stand.STOPPED, message="The download was stopped"), NOW)
        )
        await until(pilot, lambda: "The download was stopped." in screen_text(stage.app))


async def test_a_test_asks_for_picture_and_instruction_and_then_whether(stage: Stage, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    picture.write_bytes(b"x" * 2000)
    async with stage.app.run_test(size=(120, 40)) as pilot:
        engine, screen = await checkpoints(stage, pilot)
        await pilot.press("I")
        await until(pilot, lambda: isinstance(stage.app.screen, AskScreen), "picture")
        stage.app.screen.query_one(Input).value = str(tmp_path / "none.png")
        await pilot.press("enter")
        await until(pilot, lambda: "there is no such file" in screen_text(stage.app))
        stage.app.screen.query_one(Input).value = str(picture)
        await pilot.press("enter")
        await until(pilot, lambda: "Instruction" in screen_text(stage.app), "instruction")
        stage.app.screen.query_one(Input).value = "click [bold]it"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(stage.app.screen, ConfirmScreen), "a question before a job")
        assert "1 GPU for at most 0:15:00" in screen_text(stage.app)
        assert not [call for call in engine.calls if call[0] == "try_picture"]
        await pilot.press("y")
        wanted = ("try_picture", screen.run_id, 400, picture, "click [bold]it")
        await until(pilot, lambda: wanted in engine.calls, "submitted")
        rgb = bytes([200, 210, 220]) * (40 * 20)
        answer = Answer("pyautogui.click(700, 400)", 700, 400, 1400, 800, rgb, 40)
        done = Task(Kind.TRY, 400, Stand.DONE, message="The checkpoint at step 400 clicks at 700, 400", answer=answer)
        engine.tell(TaskMoved(screen.run_id, done, NOW))
        await until(pilot, lambda: isinstance(stage.app.screen, ClickScreen), "the answer")
        await until(pilot, lambda: "pixel 700, 400 of 1400 × 800" in screen_text(stage.app))
        assert screen_text(stage.app).count("▀") >= 40 * 10
        await pilot.press("escape")
        await until(pilot, lambda: stage.app.screen is screen)
        await pilot.pause(1.2)
        assert stage.app.screen is screen, "it is not opened a second time"


async def test_a_merge_asks_first_and_says_how_far_it_is(stage: Stage) -> None:
    async with stage.app.run_test(size=(80, 24)) as pilot:
        engine, screen = await checkpoints(stage, pilot)
        await pilot.press("M")
        await until(pilot, lambda: isinstance(stage.app.screen, ConfirmScreen), "a question")
        await pilot.press("n")
        assert not [call for call in engine.calls if call[0] == "merge"]
        await pilot.press("M")
        await until(pilot, lambda: isinstance(stage.app.screen, ConfirmScreen), "a question")
        await pilot.press("y")
        await until(pilot, lambda: ("merge", screen.run_id, 400) in engine.calls)
        engine.tell(TaskMoved(screen.run_id, Task(Kind.MERGE, 400, stage="asking the adapter", done=1, total=3), NOW))
        await until(
            pilot, lambda: "asking the adapter" in screen_text(stage.app) and "1 of 3" in screen_text(stage.app)
        )
        await pilot.press("M")
        await pilot.pause()
        assert stage.app.screen is screen, "not while one is under way"


async def test_the_end_of_a_task_is_said_wherever_one_is(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        engine = await loaded(stage, pilot)
        done = Task(Kind.MERGE, None, Stand.DONE, message="Merged the final adapter")
        engine.tell(TaskMoved(next(iter(stage.app.state.runs)), done, NOW))
        await until(pilot, lambda: any("Merged the final" in note.message for note in stage.app._notifications))


async def test_without_a_connection_nothing_is_asked_and_nothing_claimed(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        engine = await loaded(stage, pilot)
        engine.tell(LinkChanged("hai", Link.RECONNECTING, NOW))
        await until(pilot, lambda: stage.app.state.clusters["hai"].link is Link.RECONNECTING)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, RunScreen))
        await pilot.press("v", "v")
        await until(pilot, lambda: "not looked at" in screen_text(stage.app))
        assert not [call for call in engine.calls if call[0] == "look_at_saved"]
        await pilot.press("d")
        await until(pilot, lambda: any("Not known yet" in note.message for note in stage.app._notifications))


async def test_the_keys_are_there_only_with_the_checkpoints(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        _, screen = await checkpoints(stage, pilot)
        assert screen.check_action("merge", ()) is True
        await pilot.press("v")
        assert screen.check_action("merge", ()) is False
        await pilot.press("d", "M")
        assert stage.app.screen is screen


def test_a_picture_fits_its_room_and_the_mark_is_where_the_click_is() -> None:
    answer = Answer("x", 700, 200, 1400, 800, bytes([9, 9, 9]) * (90 * 50), 90)
    for columns, lines in ((120, 40), (60, 40), (90, 9), (3, 1)):
        rows = "".join(s.text for s in picture(answer, columns, lines).segments).split("\n")[:-1]
        assert len(rows) <= lines
        assert {len(row) for row in rows} == {min(len(rows[0]), columns)}
    cells = [s for s in picture(answer, 120, 40).segments if s.text == "\u2580"]
    marked = [i for i, s in enumerate(cells) if s.style and s.style.color and s.style.color.name == "#ff285a"]
    assert {i % 90 for i in marked} == {44, 45, 46}
    assert {i // 90 for i in marked} <= {5, 6}
