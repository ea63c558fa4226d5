"""The main job, whole: real SSH, the embedded cluster, the real trainer, the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Command

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def trained(make_command: Callable[..., Command], trainer_python: str) -> Command:
    """A demo whose run has finished."""
    command = make_command(WEBSIGHT_TUI_TRAINER_PYTHON=trainer_python)
    lines = command.json("demo", "--headless", timeout=280)
    assert lines[-1]["phase"] == "finished"
    assert "note" not in lines[-1]
    losses = [line["loss"] for line in lines if line["loss"] is not None]
    assert losses[-1] < losses[0] / 2, "the loss falls because a model is being trained"
    assert {line["verdict"] for line in lines} & {"fits", "tight"}
    return command


def test_the_demo_trains_and_its_run_is_there_afterwards(trained: Command) -> None:
    (run,) = trained.json("status", "--cluster", "demo", "--offline")
    assert (run["phase"], run["state"], run["step"]) == ("finished", "COMPLETED", run["total_steps"])


def test_the_log_is_kept_without_a_connection(trained: Command) -> None:
    done = trained("logs", "last", "--cluster", "demo", "--offline", "-n", "30")
    assert "eval metrics" in done.stdout
    assert "\x1b" not in done.stdout


def test_the_adapter_comes_down(trained: Command) -> None:
    trained.json("fetch", "last", "--cluster", "demo", "--output", "adapter")
    assert (trained.folder / "adapter" / "adapter_model.safetensors").stat().st_size > 50_000


def test_its_checkpoints_are_whole_and_a_cut_download_goes_on(trained: Command) -> None:
    listed = trained.json("checkpoints", "last", "--cluster", "demo")
    assert listed[0]["step"] is None
    kept = [row["step"] for row in listed if row["state"] == "complete" and row["step"]]
    assert kept == sorted(kept, reverse=True)
    assert kept, "the trainer keeps the newest ones"
    assert {row["state"] for row in listed} == {"complete", "removed"}, "and removes the others"
    words = ("fetch", "last", "--cluster", "demo", "--step", str(kept[0]), "--output", "newest")
    trained.json(*words)
    whole = trained.folder / "newest" / "adapter_model.safetensors"
    data = whole.read_bytes()
    whole.unlink()
    whole.with_name(f"{whole.name}.part").write_bytes(data[:40_000])
    trained.json(*words)
    assert whole.read_bytes() == data


def test_it_is_tried_on_a_picture_and_merged_once(trained: Command) -> None:
    picture = next(trained.folder.rglob("tiny/images/tiny_clicks_test_000.png"))
    (clicked,) = trained.json("try", "last", str(picture), "Click the menu.", "--cluster", "demo")
    assert clicked["answer"].startswith("pyautogui.click(")
    assert all(isinstance(value, int) for value in clicked["pixels"])
    (merged,) = trained.json("merge", "last", "--cluster", "demo")
    folder = Path(merged["message"].rpartition(" in ")[2])
    assert (folder / "model.safetensors").stat().st_size > 100_000
    began = (folder.parent / "tasks" / "merge-final" / "started").read_text()
    assert trained.json("merge", "last", "--cluster", "demo") == [merged]
    assert (folder.parent / "tasks" / "merge-final" / "started").read_text() == began, "no second job"
    assert len(list((folder.parent / "tasks").glob("merge-*"))) == 1


def test_one_is_cancelled(trained: Command) -> None:
    (begun,) = trained.json("submit", "tiny", "--cluster", "demo", "--set", "num_train_epochs=40")
    (cancelled,) = trained.json("cancel", begun["run"], "--cluster", "demo", "--yes")
    assert cancelled["ok"]
    watched = trained.json("watch", begun["run"], "--cluster", "demo", ok=False)
    assert watched[-1]["phase"] == "cancelled"


def test_slurms_refusal_is_said_and_nothing_is_queued(trained: Command) -> None:
    done = trained("submit", "tiny", "--cluster", "demo", "--set", "time_limit=30-00:00:00")
    assert done.returncode == 1
    assert "limit" in done.stderr
    assert "→" in done.stderr


def test_one_hits_its_limit_saves_and_stops(trained: Command) -> None:
    settings = ("num_train_epochs=400", "time_limit=0:01:00", "signal_lead_s=25", "save_steps=5000", "eval_steps=5000")
    words = [word for setting in settings for word in ("--set", setting)]
    lines = trained.json("submit", "tiny", "--cluster", "demo", *words, "--watch")
    assert lines[-1]["phase"] == "saved and stopped"
    assert 0 < lines[-1]["step"] < lines[-1]["total_steps"]
