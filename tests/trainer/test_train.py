"""A whole run of the real LLaMA-Factory on the tiny model, and what it leaves behind."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from tests.trainer import running as runs
from trainer import checkpoints

pytest.importorskip("torch", reason="needs the trainer's environment")
pytestmark = pytest.mark.timeout(400)  # a busy machine, and libraries that take seconds to import


@pytest.fixture(scope="module")
def finished(tiny_root: Path) -> Path:
    run_dir = runs.make_run(tiny_root, "whole", max_eval_samples=8, save_total_limit=2)
    assert runs.finish(run_dir) == 0, (run_dir / "test.err").read_text()[-2000:]
    return run_dir


def test_a_save_under_deepspeed_collects_the_trained_weights_only() -> None:
    import torch

    from trainer.watched import _trained_weights

    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    model[0].requires_grad_(False)
    engine = torch.nn.Module()
    engine.module = model  # as DeepSpeed's engine wraps it
    found = _trained_weights(engine)
    assert list(found) == ["1.weight", "1.bias"]
    assert torch.equal(found["1.weight"], model[1].weight)
    assert not any(weight.requires_grad for weight in found.values())


def test_the_loss_falls(finished: Path) -> None:
    losses = runs.losses(finished)
    assert list(losses) == list(range(1, 81))
    assert sum(losses[step] for step in range(71, 81)) < 0.4 * sum(losses[step] for step in range(1, 11))


def test_events_tell_the_run_from_start_to_end(finished: Path) -> None:
    start, *_, end = runs.events(finished)
    assert start["kind"] == "start"
    assert start["total_steps"] == 80
    assert (start["step"], start["resumed_from"], start["world_size"]) == (0, None, 1)
    assert (start["logging_steps"], start["save_steps"], start["eval_steps"]) == (1, 10, 20)
    assert (start["n_train"], start["n_eval"]) == (160, 8)
    assert start["config_digest"] == runs.run_json(finished)["config_digest"]
    assert start["versions"]["llamafactory"] == "0.9.5"
    assert 0 < start["trainable_parameters"] < start["total_parameters"]
    assert (end["kind"], end["reason"], end["step"]) == ("end", "finished", 80)
    assert end["metrics"]["eval_loss"] > 0
    assert end["metrics"]["train_loss"] > 0
    times = [event["t"] for event in runs.events(finished)]
    assert times == sorted(times)


def test_logged_points_have_all_that_is_promised(finished: Path) -> None:
    promised = {"step", "epoch", "loss", "lr", "grad_norm", "tokens", "peak_memory_bytes", "gpu_utilization"}
    for event in runs.events(finished, "log"):
        assert promised <= set(event)
    last = runs.events(finished, "log")[-1]
    assert last["epoch"] == pytest.approx(1.0)
    assert 160 * 40 < last["tokens"] < 160 * 200
    assert last["peak_memory_bytes"] > 100_000_000


def test_pauses_have_a_begin_and_an_end(finished: Path) -> None:
    kinds = [(e["kind"], e["step"]) for e in runs.events(finished) if e["kind"][:4] in ("eval", "save")]
    for (begin, step), (end, end_step) in zip(kinds[::2], kinds[1::2], strict=True):
        assert begin.removesuffix("_begin") == end.removesuffix("_end")
        assert step == end_step
    assert [step for kind, step in kinds if kind == "eval_end"] == [20, 40, 60, 80]
    assert [step for kind, step in kinds if kind == "save_end"] == [10, 20, 30, 40, 50, 60, 70, 80, 80]


def test_kept_checkpoints_are_whole(finished: Path) -> None:
    folders = checkpoints.folders(finished / "out")
    assert [folder.name for folder in folders] == ["checkpoint-70", "checkpoint-80"]
    for folder in folders:
        checkpoint = checkpoints.read_checkpoint(folder)
        assert checkpoint
        assert checkpoint.fixed["total_steps"] == 80
        assert (folder / "processor_config.json").is_file()  # written by the last callback but ours


def test_the_result_is_an_adapter_of_the_rank_that_was_asked_for(finished: Path) -> None:
    raw = runs.weights(finished / "out")
    header = json.loads(raw[8 : 8 + struct.unpack("<Q", raw[:8])[0]])
    assert {8} == {min(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
    assert not any("visual" in name for name in header)


def test_tensorboard_files_lie_where_the_guide_looks_for_them(finished: Path) -> None:
    assert list((finished / "out" / "runs").rglob("events.out.tfevents.*"))


def test_started_again_it_does_nothing_and_damages_nothing(finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if not path.name.startswith("test.")}
    assert runs.finish(finished) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "nothing to do" in (finished / "test.out").read_text()


def test_a_finished_folder_refuses_other_settings(finished: Path) -> None:
    count = len(runs.events(finished))
    text = (finished / "run.json").read_text()
    runs.make_run(finished.parents[1], "whole", num_train_epochs=2.0)
    try:
        assert runs.finish(finished) == 86
    finally:
        (finished / "run.json").write_text(text)
    assert "num_train_epochs was 1.0, now 2.0" in (finished / "test.err").read_text()
    assert len(runs.events(finished)) == count + 1


def test_a_diverged_run_shows_it_and_ends(tiny_root: Path) -> None:
    run_dir = runs.make_run(tiny_root, "diverged", learning_rate=1e38, lr_scheduler_type="constant", warmup_ratio=0.0)
    assert runs.finish(run_dir) == 1
    bad = next(event for event in runs.events(run_dir, "log") if "nonfinite" in event)
    assert set(bad["nonfinite"]) <= {"loss", "grad_norm"}
    assert all(bad[name] is None for name in bad["nonfinite"])
    assert "diverged" in runs.reason(run_dir)
    assert checkpoints.newest_valid(run_dir / "out") is None
