"""Presets and launches: edit, compare, review, checks, sweeps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tests.tui.fakes import NOW
from websight_tui.runs import events as e
from websight_tui.runs.checks.finding import Doing, fail, ok, warn
from websight_tui.runs.state import Evaluation, Link, Measured, Outcome
from websight_tui.tui.screens.launch import LaunchScreen

if TYPE_CHECKING:
    pass
from docs.scenes.play import Play, busy, keys, scene, swept

keys("edit", "1", "e")
keys("edit-changed", "1", "e", "1", "6", "tab", "3", "2")
keys("edit-wrong", "1", "e", "x")
keys("edit-save-as", "1", "e", "1", "ctrl+s")
keys("compare", "d", "down", "down", "down")
keys("launch", "2", "enter")

_CHECKS: Final = (
    ok("python", "Python 3.11.9, torch 2.6.0 with CUDA 12.4, LLaMA-Factory 0.9.5"),
    ok("model", "Qwen/Qwen3-VL-8B-Instruct is in the hub's cache"),
    ok("data", "71,204 rows of websight_clicks, at most 4,812 tokens a row"),
    warn("environment", "flash_attn is fa2 but flash-attn is not installed: torch's own attention will be used",
         "pip install flash-attn, or set flash_attn: sdpa to say so yourself."),
    ok("storage", "3 checkpoints need at most 3.1 GB, 3.2 TB are free"),
)  # fmt: skip


async def _launching(play: Play) -> LaunchScreen:
    await play.press("2", "enter")
    screen = play.app.screen
    assert isinstance(screen, LaunchScreen)
    return screen


@scene(busy)
async def launch_checking(play: Play) -> None:
    screen = await _launching(play)
    run_id = screen._checked_run
    found = (ok("setup", "module load CUDA/12"), _CHECKS[3], _CHECKS[1])
    await play.tell(*(e.CheckMade(run_id, finding, NOW - 7) for finding in found))
    counting = Doing("data", "counting the rows of websight_clicks", 31_000, 71_204)
    await play.tell(e.CheckMoved(run_id, counting, NOW - 3))


@scene(busy)
async def launch_changed(play: Play) -> None:
    await play.press("1", "e", "1", "6", "tab", "3", "2", "ctrl+l")


keys("launch-will-not-fit", "5", "enter")


@scene(busy)
async def launch_checked(play: Play) -> None:
    screen = await _launching(play)
    await play.tell(e.PreflightDone(screen._checked_run, _CHECKS, 71_204, NOW))


@scene(busy)
async def launch_check_failed(play: Play) -> None:
    screen = await _launching(play)
    bad = fail("data", "/p/data/websight has no dataset_info.json", "Make it with prepare, or set dataset_dir.")
    await play.tell(e.PreflightDone(screen._checked_run, (*_CHECKS[:2], bad, *_CHECKS[3:]), None, NOW))


@scene(busy)
async def launch_anyway(play: Play) -> None:
    await launch_check_failed(play)
    await play.press("enter")


async def _sent(play: Play) -> str:
    screen = await _launching(play)
    await play.tell(e.PreflightDone(screen._checked_run, _CHECKS, 71_204, NOW))
    await play.press("enter")
    assert screen._plan is not None
    spec = screen._plan.spec
    await play.tell(e.SubmitBegan(spec, NOW - 12))
    return spec.run_id


@scene(busy)
async def launch_uploading(play: Play) -> None:
    run_id = await _sent(play)
    await play.tell(e.SubmitProgress(run_id, "uploading the trainer", 132_000, 225_000))


@scene(busy)
async def launch_rejected(play: Play) -> None:
    text, hint = "Invalid account or account/partition combination specified", "Set account in [clusters.hai]."
    await play.tell(e.SubmitSettled(await _sent(play), Outcome.REJECTED, NOW, text, hint))


@scene(busy)
async def launch_unknown(play: Play) -> None:
    text = "The connection broke while sbatch ran"
    await play.tell(e.SubmitSettled(await _sent(play), Outcome.UNKNOWN, NOW, text))


@scene(busy)
async def launch_offline(play: Play) -> None:
    await play.tell(e.LinkChanged("hai", Link.OFFLINE, NOW))
    await _launching(play)


keys("sweep-launch", "1", "space", "space", "space", "enter")
keys("sweep-vary", "1", "space", "space", "enter", "v", *"lora_rank=8,16")
keys("sweep", "w", make=swept)
keys("sweep-measure", "w", "M", make=swept)
keys("sweep-cancel", "w", "c", make=swept)


@scene(swept)
async def sweep_failed(play: Play) -> None:
    """One run ran out of memory, and the clicks of another could not be measured."""
    await play.press("w")
    runs = {run.spec.preset.name: run for run in play.app.state.runs.values()}
    broken, silent = runs["rank32-r16-e1"], runs["rank32-r16-e0_5"]
    job = replace(broken.jobs[0], state="FAILED", exit_code="1:0", final=True)
    why = "the job ended with exit status 1: out of GPU memory"
    measured = Measured(87_000_000, evaluation=Evaluation.FAILED, attempt=1, why=why)
    await play.tell(
        e.RunLoaded(replace(broken, jobs=(job,), problems=("Out of GPU memory at step 640.",))),
        e.RunLoaded(replace(silent, measured=measured)),
    )
