"""The log pane beyond its last lines: the whole file is looked through on the cluster, and saved from there."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.conftest import Stage, open_log, screen_text, until
from tests.tui.fakes import NOW, FakeEngine
from websight_tui.runs import events as e
from websight_tui.runs.looking_through import Part, Wish
from websight_tui.runs.pieces import Place
from websight_tui.runs.saved_work.tasks import Kind, Stand, Task
from websight_tui.runs.state import Link, LogTail
from websight_tui.tui.widgets.log_view import LogView

SIZE = (120, 36)
RUN = "rank32-261123-140212-9f3a"
GB = 10**9
LINES = tuple(f"line {n}" for n in range(300))
OUT = LogTail((*LINES[:250], "line 250 late", *LINES[251:]), 70_000_000, 5 * GB, since=(4 * GB, 12))
ERR = LogTail(("careful",), size=8)
FOUND = Place(
    "stdout", LogTail(("before", "a needle", "between", "one needle", "after"), size=5 * GB), 3, GB, GB + 48, 5 * GB
)


async def on_log(
    stage: Stage, pilot: Pilot[None], out: LogTail = OUT, err: LogTail = ERR
) -> tuple[FakeEngine, LogView]:
    return await open_log(stage, pilot, RUN, out, err)


def wishes(engine: FakeEngine) -> list[Wish]:
    return [call[2] for call in engine.calls if call[0] == "look_through"]  # type: ignore[misc]


async def asked(pilot: Pilot[None], engine: FakeEngine, count: int) -> Wish:
    await until(pilot, lambda: len(wishes(engine)) == count)
    return wishes(engine)[-1]


def said(stage: Stage, text: str) -> bool:
    return any(text in note.message for note in stage.app._notifications)


async def test_what_is_not_held_is_looked_for_in_the_whole_file_and_shown_where_it_is(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine, log = await on_log(stage, pilot)
        await pilot.press("slash", *"need.e", "enter")
        wish = await asked(pilot, engine, 1)
        assert wish.parts == (Part("stdout", 0, (4 * GB, 12)),), "all of stderr is held"
        assert not wish.forward
        assert wish.find(("x", "a Needle")) == [1]
        engine.tell(e.LookMoved(RUN, wish.number, 1_200_000_000, 4 * GB, NOW))
        await until(pilot, lambda: "looked through 1.2 GB of 4.0 GB, Esc stops" in screen_text(stage.app))
        engine.tell(e.LookMoved(RUN, wish.number, 3 * GB, 4 * GB, NOW, FOUND, over=True, complete=True))
        await until(pilot, lambda: "one needle" in screen_text(stage.app))
        assert "stdout at 20 % of 5.0 GB, f to the end" in screen_text(stage.app)
        assert "2 of 'need.e'" in screen_text(stage.app)
        engine.tell(e.TailMoved(RUN, "stdout", LogTail(("newest",), 70_000_300, 5 * GB, since=(4 * GB, 12)), NOW))
        await pilot.pause()
        assert "one needle" in screen_text(stage.app), "the log goes on, the place stays"
        await pilot.press("N")
        await until(pilot, lambda: log._here() == 1)
        await pilot.press("N")
        wish = await asked(pilot, engine, 2)
        assert (wish.parts, wish.forward) == ((Part("stdout", 0, (GB, 0)),), False)
        engine.tell(e.LookMoved(RUN, wish.number, GB, GB, NOW, over=True, complete=True))
        await until(pilot, lambda: said(stage, "There is no 'need.e' before this in stdout (1.0 GB looked through)"))
        await pilot.press("n", "n")
        wish = await asked(pilot, engine, 3)
        assert (wish.parts, wish.forward) == ((Part("stdout", GB + 48),), True)
        await pilot.press("escape")
        await until(pilot, lambda: ("stop_look", RUN) in engine.calls)
        assert "one needle" in screen_text(stage.app), "the first Esc stops the search alone"
        engine.tell(e.LookMoved(RUN, wish.number, 1, 2, NOW, FOUND, over=True, complete=True))
        await pilot.press("escape")
        await until(pilot, lambda: "newest" in screen_text(stage.app) and log.follow)


async def test_the_first_error_is_the_first_of_the_whole_file(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        lines = (*LINES[:100], "ValueError: late", *LINES[100:])
        engine, log = await on_log(stage, pilot, out=LogTail(lines, 70, 5 * GB, since=(4 * GB, 0)))
        await pilot.press("e")
        await until(pilot, lambda: "ValueError: late" in screen_text(stage.app))
        wish = await asked(pilot, engine, 1)
        assert (wish.parts, wish.forward) == ((Part("stdout", 0, (4 * GB, 0)),), True)
        assert wish.find(("fine", "a KeyError", "an ERROR")) == [1, 2]
        engine.tell(e.LookMoved(RUN, wish.number, 4 * GB, 4 * GB, NOW, over=True, complete=True))
        await until(pilot, lambda: said(stage, "Nothing before this looks like an error in stdout + stderr"))
        await pilot.press("e")
        wish = await asked(pilot, engine, 2)
        first = Place("stdout", LogTail(("fine", "KeyError: early")), 1, 0, 30, 5 * GB)
        engine.tell(e.LookMoved(RUN, wish.number, 30, 4 * GB, NOW, first, over=True, complete=True))
        await until(pilot, lambda: "KeyError: early" in screen_text(stage.app))
        await pilot.press("f")
        await until(pilot, lambda: "line 299" in screen_text(stage.app) and log.follow)


async def test_a_whole_log_is_not_asked_for_and_without_a_connection_it_is_said(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine, _ = await on_log(stage, pilot, out=LogTail(LINES, size=3000))
        await pilot.press("slash", *"needle", "enter")
        await until(pilot, lambda: said(stage, "'needle' is not in stdout + stderr."))
        engine.tell(e.TailMoved(RUN, "stdout", OUT, NOW), e.LinkChanged("hai", Link.RECONNECTING, NOW))
        await pilot.press("slash", *"{hay}", "enter")
        await until(pilot, lambda: said(stage, "'{hay}' is not in stdout + stderr, as far as it is here. Connect"))
        assert not wishes(engine)


async def test_matches_near_the_end_are_gone_through_and_end(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        _, log = await on_log(stage, pilot)
        await pilot.press("slash", *"line 29[0-9]|line 250 late", "enter")
        await until(pilot, lambda: log._tail.lines[log._here()] == "line 299")
        for number in range(298, 289, -1):
            await pilot.press("N")
            await until(pilot, lambda number=number: log._tail.lines[log._here()] == f"line {number}")  # type: ignore[misc]
        await pilot.press("N")
        await until(pilot, lambda: "line 250 late" in screen_text(stage.app))
        await pilot.press(*"n" * 10)
        await until(pilot, lambda: log._tail.lines[log._here()] == "line 299")
        await pilot.press("n")
        await until(pilot, lambda: said(stage, "after this; N goes back"))


async def test_the_whole_log_is_saved_from_the_cluster(stage: Stage, tmp_path: Path) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine, _ = await on_log(stage, pilot)
        await pilot.press("W")
        await until(pilot, lambda: "The whole stdout (5.0 GB) and stderr (8 B)" in screen_text(stage.app))
        stage.app.screen.query_one("#answer", Input).value = str(tmp_path / "mine.log")
        await pilot.press("enter")
        files = {"stdout": tmp_path / "mine.stdout.log", "stderr": tmp_path / "mine.stderr.log"}
        await until(pilot, lambda: ("save_log", RUN, files) in engine.calls)
        task = Task(Kind.LOG, None, done=GB, total=5 * GB, in_bytes=True)
        engine.tell(e.TaskMoved(RUN, task, NOW))
        await until(pilot, lambda: "saving 1.0 GB of 5.0 GB" in screen_text(stage.app))
        await pilot.press("W")
        await until(pilot, lambda: "Stop the download?" in screen_text(stage.app))
        await pilot.press("y")
        await until(pilot, lambda: ("stop_save", RUN) in engine.calls)
        engine.tell(e.TaskMoved(RUN, Task(Kind.LOG, None, Stand.DONE, message="Saved the whole log (5.0 GB)"), NOW))
        await until(pilot, lambda: said(stage, "Saved the whole log") and "saving" not in screen_text(stage.app))


async def test_a_log_that_is_all_here_is_saved_as_it_is_shown(stage: Stage, tmp_path: Path) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        await on_log(stage, pilot, out=LogTail(LINES, size=3000))
        await pilot.press("W")
        await until(pilot, lambda: "301 lines of stdout + stderr." in screen_text(stage.app))
        stage.app.screen.query_one("#answer", Input).value = str(tmp_path / "mine.log")
        await pilot.press("enter")
        await until(pilot, lambda: said(stage, "Saved 301 lines"))
        assert (tmp_path / "mine.log").read_text().splitlines()[-2:] == ["line 299", "stderr: careful"]
