"""Presets and launches: edit, compare, review, checks, sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.tui.fakes import NOW
from websight_tui.runs import events as e
from websight_tui.runs.checks.finding import fail, ok, warn
from websight_tui.runs.state import Link, Outcome
from websight_tui.tui.screens.launch import LaunchScreen

if TYPE_CHECKING:
    pass
from docs.scenes.play import Play, busy, keys, scene, swept

keys("edit", "1", "e")
keys("edit-changed", "1", "e", "1", "6", "tab", "3", "2")
keys("edit-wrong", "1", "e", "x")
keys("edit-save-as", "1", "e", "1", "ctrl+s")
keys("compare", "d", "down")
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
    await play.tell(e.SubmitProgress(run_id, "uploading the trainer", 240_000, 410_000))


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
keys("sweep", "w", make=swept)
