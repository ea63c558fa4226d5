"""A run: curves, log, checkpoints, ends, and the windows over it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tests.tui.fakes import NOW, job, running
from websight_tui.metrics.model import TrainingLog
from websight_tui.projection.model import Verdict
from websight_tui.runs import events as e
from websight_tui.runs.pieces import Place
from websight_tui.runs.saved_work.checkpoints import Saved, Whole
from websight_tui.runs.saved_work.tasks import Answer, Kind, Stand, Task
from websight_tui.runs.state import LogTail
from websight_tui.tui.screens.click import ClickScreen
from websight_tui.tui.screens.run import RunScreen

if TYPE_CHECKING:
    pass
from docs.scenes.play import PRESETS, Play, busy, keys, scene

keys("run", "tab", "enter")
keys("run-tight", "tab", "j", "enter")
keys("run-time", "tab", "enter", "x", "x")
keys("run-crosshair", "tab", "enter", "plus", *("left",) * 12)
keys("run-all", "tab", "enter", "a")
keys("run-all-max", "tab", "enter", "a", "z")
keys("run-guide", "tab", "enter", "g", "z")
keys("run-lr", "tab", "enter", "m")
keys("run-memory", "tab", "enter", *"mmmmm")
keys("run-log-axis", "tab", "enter", "y")
keys("run-search", "tab", "enter", "slash", *"loss")
keys("run-jobs", "tab", "enter", "v")
keys("run-verdicts", "tab", "enter", "v", "v", "v")
keys("run-settings", "tab", "enter", "v", "v", "v", "v")
keys("run-more-keys", "tab", "enter", "full_stop")
keys("run-timeout", "tab", "j", "j", "j", "enter")
keys("run-timeout-remedies", "tab", "j", "j", "j", "enter", "r")
keys("run-finished", "tab", "j", "j", "enter")
keys("remedies", "tab", "j", "enter", "r")


@scene(busy)
async def run_will_not_fit(play: Play) -> None:
    run = running(PRESETS["baseline"], "baseline-261123-150640-22aa", 320, 3906, Verdict.WILL_NOT_FIT, "48224")
    await play.open(run)


@scene(busy)
async def run_too_early(play: Play) -> None:
    await play.open(running(PRESETS["rank32"], "rank32-261123-170640-22ab", 20, 1110, Verdict.TOO_EARLY, "48225"))


@scene(busy)
async def run_pending(play: Play) -> None:
    run = running(PRESETS["rank32"], "rank32-261123-170640-22ac", 10, 1110, Verdict.FITS, "48226")
    waits = replace(job("48226", "PENDING", started=None, reason="Priority"), start_time=NOW + 5400)
    await play.open(replace(run, jobs=(waits,), log=TrainingLog(), projection=None, stdout=LogTail(), stderr=LogTail()))


@scene(busy)
async def run_failed(play: Play) -> None:
    run = running(PRESETS["batch6"], "batch6-261123-150640-22ad", 40, 1480, Verdict.FITS, "48227")
    error = (
        "Traceback (most recent call last):",
        '  File "/home/alice/websight-v2/bundles/0f3c/trainer/run.py", line 211, in train',
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.37 GiB. GPU 3 has a capacity of 79.10 GiB",
        "srun: error: hai-07: task 3: Exited with exit code 1",
    )
    ended = replace(job("48227", "FAILED", started=NOW - 900), exit_code="1:0", final=True, elapsed_s=842)
    problem = (
        "Out of GPU memory at step 40. A batch of 3 with 2 accumulated keeps the effective batch of 48: e edits it."
    )
    await play.open(replace(run, jobs=(ended,), stderr=LogTail(error, 0, 900), problems=(problem,)))
    await play.press("e")


GB: Final = 10**9
LONG: Final = LogTail(
    tuple(f"{{'loss': '0.{410 + n % 90}', 'grad_norm': '0.7{n % 9}', 'epoch': '0.{n:03}'}}" for n in range(300)),
    70_000_000,
    5 * GB,
    since=(4_900_000_000, 12),
)


async def _looking(play: Play) -> tuple[str, int]:
    """A search in a log of gigabytes, under way: (run, number of the wish)."""
    await play.press("tab", "enter")
    screen = play.app.screen
    assert isinstance(screen, RunScreen)
    await play.tell(e.TailMoved(screen.run_id, "stdout", LONG, NOW))
    await play.press("slash", *"nccl.*timeout", "enter")
    assert screen.looking is not None
    return screen.run_id, screen.looking.number


@scene(busy)
async def run_log_looking(play: Play) -> None:
    run_id, number = await _looking(play)
    await play.tell(e.LookMoved(run_id, number, 1_200_000_000, 4_900_000_000, NOW))


@scene(busy)
async def run_log_place(play: Play) -> None:
    run_id, number = await _looking(play)
    told = (
        *LONG.lines[:60],
        "[rank3]:[E1123 09:12:44] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=4711) ran 600013 ms",
        "torch.distributed.DistBackendError: NCCL communicator was aborted on rank 3: timeout",
        *LONG.lines[60:],
    )
    place = Place("stdout", replace(LONG, lines=told, dropped=0), 61, GB, GB + 40_000, 5 * GB)
    await play.tell(e.LookMoved(run_id, number, 3 * GB, 4_900_000_000, NOW, place, over=True, complete=True))


@scene(busy)
async def run_log_saving(play: Play) -> None:
    await _looking(play)
    await play.press("escape", "W")


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
    task = Task(Kind.FETCH, 400, done=300_000_000, total=1_047_000_000, in_bytes=True)
    await play.tell(e.TaskMoved(run_id, task, NOW))


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
async def merge_question(play: Play) -> None:
    await _checkpoints(play)
    await play.press("M")


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


keys("cancel", "tab", "c")
keys("save-and-stop", "tab", "p")
keys("time-limit", "tab", "t")
keys("resume", "tab", "j", "j", "j", "r")
keys("overlay", "tab", "o")
keys("overlay-crosshair", "tab", "o", *("left",) * 8)
