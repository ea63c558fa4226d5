"""What a run has saved: its checkpoints, and what is done with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from docs.scenes.play import Play, busy, scene
from tests.tui.fakes import NOW
from websight_tui.runs import events as e
from websight_tui.runs.saved_work.checkpoints import Saved, Whole
from websight_tui.runs.saved_work.tasks import Answer, Kind, Stand, Task
from websight_tui.tui.screens.ask import AskScreen
from websight_tui.tui.screens.click import ClickScreen
from websight_tui.tui.screens.run import RunScreen

FETCHING: Final = Task(
    Kind.FETCH,
    400,
    stage="downloading the checkpoint at step 400",
    done=300_000_000,
    total=1_047_000_000,
    in_bytes=True,
)
MODEL: Final = "/home/alice/websight-v2/runs/rank32-261123-140212-9f3a/merged-400"


async def _checkpoints(play: Play) -> str:
    await play.press("tab", "enter", "v", "v")
    screen = play.app.screen
    assert isinstance(screen, RunScreen)
    return screen.run_id


@scene(busy)
async def checkpoints(play: Play) -> None:
    run_id = await _checkpoints(play)
    await play.tell(e.SavedSeen(run_id, (Saved(400, Whole.COMPLETE, 1_047_000_000, NOW - 1170),
                                         Saved(200, Whole.DAMAGED, 806_000_000, NOW - 5070)), NOW))  # fmt: skip


@scene(busy)
async def downloading(play: Play) -> None:
    run_id = await _checkpoints(play)
    await play.tell(e.TaskMoved(run_id, FETCHING, NOW))


@scene(busy)
async def download_stopped(play: Play) -> None:
    run_id = await _checkpoints(play)
    said, more = "The download was stopped", "It goes on where it was."
    await play.tell(e.TaskMoved(run_id, replace(FETCHING, stand=Stand.STOPPED, message=said, hint=more), NOW))


@scene(busy)
async def download_failed(play: Play) -> None:
    run_id = await _checkpoints(play)
    said, more = "The connection to hai broke at 300 MB", "Connect, then d again: it goes on where it was."
    await play.tell(e.TaskMoved(run_id, replace(FETCHING, stand=Stand.FAILED, message=said, hint=more), NOW))


@scene(busy)
async def downloaded(play: Play) -> None:
    run_id = await _checkpoints(play)
    said = "The checkpoint at step 400 is in /home/alice/rank32-261123-140212-9f3a-step400"
    await play.tell(e.TaskMoved(run_id, replace(FETCHING, stand=Stand.DONE, message=said), NOW))


@scene(busy)
async def stop_download(play: Play) -> None:
    run_id = await _checkpoints(play)
    await play.tell(e.TaskMoved(run_id, FETCHING, NOW))
    await play.press("d")


@scene(busy)
async def download_to(play: Play) -> None:
    await _checkpoints(play)
    await play.press("d")


@scene(busy)
async def merging(play: Play) -> None:
    run_id = await _checkpoints(play)
    done = Task(Kind.FETCH, 400, Stand.DONE, message="The checkpoint at step 400 is in /home/alice/adapter")
    await play.tell(e.TaskMoved(run_id, done, NOW))
    await play.tell(e.TaskMoved(run_id, Task(Kind.MERGE, 400, stage="asking the adapter", done=1, total=3,
                                             job_id="48260"), NOW))  # fmt: skip


@scene(busy)
async def merged(play: Play) -> None:
    run_id = await _checkpoints(play)
    said, more = (
        f"Merged the checkpoint at step 400: the model is in {MODEL}",
        "Checked against the adapter on sample pages.",
    )
    await play.tell(e.TaskMoved(run_id, Task(Kind.MERGE, 400, Stand.DONE, message=said, hint=more), NOW))


@scene(busy)
async def merge_question(play: Play) -> None:
    await _checkpoints(play)
    await play.press("M")


@scene(busy)
async def test_picture(play: Play) -> None:
    await _checkpoints(play)
    await play.press("I", *"shot.png")


@scene(busy)
async def test_instruction(play: Play) -> None:
    await _checkpoints(play)
    hint = "What to do on shot.png, as in the training data."
    play.app.push_screen(AskScreen("Instruction", hint, "click the button"))


@scene(busy)
async def testing(play: Play) -> None:
    run_id = await _checkpoints(play)
    task = Task(Kind.TRY, 400, stage="waiting in the queue (other jobs are ahead of it)", job_id="48261")
    await play.tell(e.TaskMoved(run_id, task, NOW))


@scene(busy)
async def tested(play: Play) -> None:
    run_id = await _checkpoints(play)
    rgb = b"".join(_pixel(x, y) for y in range(80) for x in range(140))
    answer = Answer("pyautogui.click(702, 398)", 702, 398, 1400, 800, rgb, 140)
    message = "The checkpoint at step 400 clicks at 702, 398"
    await play.tell(e.TaskMoved(run_id, Task(Kind.TRY, 400, Stand.DONE, message=message, answer=answer), NOW))
    if not isinstance(play.app.screen, ClickScreen):
        play.app.push_screen(ClickScreen("Where it would click", answer))


def _pixel(x: int, y: int) -> bytes:
    """A made-up page: a bar on top, lines of text, a button in the middle."""
    if y < 8:
        return bytes((40, 90, 150))
    if 55 < x < 86 and 35 < y < 46:
        return bytes((30, 130, 80))
    text = y % 6 < 2 and 10 < x < 40 + y * 7 % 60
    return bytes((90, 95, 100)) if text else bytes((244, 246, 248))
