"""A run: curves, log, ends, and the windows over it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tests.tui.fakes import NOW, job, running, training_log
from websight_tui.metrics.ink import Ink, Span
from websight_tui.metrics.model import NonFinite, Segment, TrainingLog
from websight_tui.projection.model import Verdict
from websight_tui.runs import events as e
from websight_tui.runs.pieces import Place
from websight_tui.runs.state import LogTail
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
async def run_no_loss(play: Play) -> None:
    run = running(PRESETS["rank32"], "rank32-261123-173640-22ae", 10, 1110, Verdict.TOO_EARLY, "48228")
    started = replace(job("48228", started=NOW - 95), name="wst-00112233aabb-rank32")
    log = TrainingLog()
    log.segments.append(Segment(total_steps=1110, started_at=NOW - 20))
    said = LogTail(("Loading checkpoint shards: 4/4", "trainable params: 87,293,952 || all params: 8,854,417,392"))
    await play.open(replace(run, jobs=(started,), log=log, projection=None, stdout=said, stderr=LogTail()))


@scene(busy)
async def run_resumed(play: Play) -> None:
    """Two jobs: the second began at a checkpoint, and one value of it was not finite."""
    first, second = training_log(500, 1110, begun=NOW - 30_000), training_log(900, 1110, begun=NOW - 18_000, seed=9)
    later = second.segments[0]
    later.start_step, later.nonfinite = 400, [NonFinite(700, ("loss",))]
    for column in ("step", "t", "elapsed", "epoch", "loss", "lr", "grad_norm", "tokens", "memory", "utilization"):
        del getattr(later.columns, column)[:40]
    later.checkpoints, later.evaluations = later.checkpoints[2:], later.evaluations[2:]
    log = TrainingLog(segments=[first.segments[0], later])
    log.version = 1
    run = running(PRESETS["rank32"], "rank32-261123-093640-22af", 900, 1110, Verdict.FITS, "48229")
    ended = replace(job("48190", "TIMEOUT", started=NOW - 30_000), final=True)
    await play.open(replace(run, log=log, log_version=1, jobs=(ended, job("48229", started=NOW - 10_000))))
    await play.press("v")


@scene(busy)
async def run_log_colours(play: Play) -> None:
    run = running(PRESETS["rank32"], "rank32-261123-183640-22b0", 200, 1110, Verdict.FITS, "48230")
    lines = (
        "[INFO|configuration_utils.py:763] loading configuration file config.json",
        "WARNING  gradient checkpointing is off: more memory will be used than was planned for this batch size",
        "ok       87.3 M of 8.85 B parameters are trained",
        "Map:  42%|####2     | 29881/71000 [00:12<00:17, 2344.71 examples/s]",
        "{'loss': 0.6424, 'grad_norm': 1.05, 'learning_rate': 3.16e-05}",
        "ERROR: could not write to the hub's cache, going on without it",
    )
    inks = {
        0: (Span(0, 33, Ink("blue")),),
        1: (Span(0, 7, Ink("yellow", bold=True)),),
        2: (Span(0, 2, Ink("green", bold=True)), Span(9, 15, Ink(bold=True))),
        3: (Span(10, 15, Ink("cyan")), Span(22, 67, Ink(dim=True))),
    }
    await play.open(replace(run, stdout=LogTail(lines, 0, 900, inks), stderr=LogTail()))
    await play.press("o")


@scene(busy)
async def run_log_wrapped(play: Play) -> None:
    await run_failed(play)
    await play.press("tab", "w", "z")


@scene(busy)
async def run_search_found(play: Play) -> None:
    await play.press("tab", "enter", "slash", *"loss.: '0.6", "enter")


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


keys("cancel", "tab", "c")
keys("save-and-stop", "tab", "p")
keys("time-limit", "tab", "t")
keys("resume", "tab", "j", "j", "j", "r")
