"""Which checkpoints can be trusted."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from trainer import checkpoints
from trainer.problem import Problem

FIXED = {"world_size": 1, "total_steps": 40}


def make(out: Path, step: int, *, world_size: int = 1) -> Path:
    """A folder as transformers leaves it, with small files."""
    folder = out / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 8)
    randoms = ["rng_state.pth"] if world_size == 1 else [f"rng_state_{rank}.pth" for rank in range(world_size)]
    for name in ("adapter_config.json", "trainer_state.json", "scheduler.pt", "optimizer.pt", *randoms):
        (folder / name).write_text(name)
    return folder


def sealed(out: Path, step: int, **kwargs: bool) -> checkpoints.Checkpoint:
    return checkpoints.seal(make(out, step), step, FIXED, **kwargs)


def test_a_sealed_checkpoint_is_found_again_with_all_that_was_noted(tmp_path: Path) -> None:
    made = sealed(tmp_path, 30)
    assert checkpoints.newest_valid(tmp_path) == made
    assert made.bytes == sum(path.stat().st_size for path in made.path.iterdir() if path.name != checkpoints.MARKER)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no marker": lambda folder: (folder / checkpoints.MARKER).unlink(),
    "half a marker": lambda folder: (folder / checkpoints.MARKER).write_text('{"v": 1, "st'),
    "a file is gone": lambda folder: (folder / "optimizer.pt").unlink(),
    "a file is cut": lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"\0" * 20),
    "a file has grown": lambda folder: (folder / "scheduler.pt").write_text("x" * 99),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_one_is_passed_over_and_moved_aside(tmp_path: Path, damage: str) -> None:
    sealed(tmp_path, 9)
    DAMAGE[damage](sealed(tmp_path, 100).path)
    newest = checkpoints.newest_valid(tmp_path)
    assert newest
    assert newest.step == 9
    (moved,) = checkpoints.move_aside(tmp_path)
    assert moved.name.startswith("aside-checkpoint-100-")
    assert moved.is_dir()
    assert [folder.name for folder in checkpoints.folders(tmp_path)] == ["checkpoint-9"]


@pytest.mark.parametrize(
    "name", ["adapter_model.safetensors", "adapter_config.json", "trainer_state.json", "scheduler.pt", "rng_state.pth"]
)
def test_an_incomplete_one_is_not_sealed(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path, 10)
    (folder / name).unlink()
    with pytest.raises(Problem, match=name):
        checkpoints.seal(folder, 10, FIXED)
    assert not (folder / checkpoints.MARKER).exists()


@pytest.mark.parametrize("content", [b"", b"\xff" * 50, struct.pack("<Q", 5) + b"{}", struct.pack("<Q", 2) + b"{}xx"])
def test_a_damaged_adapter_is_not_sealed(tmp_path: Path, content: bytes) -> None:
    folder = make(tmp_path, 10)
    (folder / "adapter_model.safetensors").write_bytes(content)
    with pytest.raises(Problem, match="adapter_model"):
        checkpoints.seal(folder, 10, FIXED)


def test_every_rank_must_have_left_its_random_state(tmp_path: Path) -> None:
    folder = make(tmp_path, 10, world_size=2)
    assert checkpoints.problem_of(folder, 2) == ""
    assert "rng_state_2.pth" in checkpoints.problem_of(folder, 3)


def test_deepspeed_leaves_one_part_of_the_optimizer_a_rank(tmp_path: Path) -> None:
    folder = make(tmp_path, 10, world_size=2)
    (folder / "optimizer.pt").unlink()
    (folder / "latest").write_text("global_step10\n")
    (folder / "global_step10").mkdir()
    (folder / "global_step10" / "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt").write_text("x")
    assert "1 of 2 ranks" in checkpoints.problem_of(folder, 2)
    (folder / "global_step10" / "bf16_zero_pp_rank_1_mp_rank_00_optim_states.pt").write_text("x")
    assert checkpoints.problem_of(folder, 2) == ""
    made = checkpoints.seal(folder, 10, {"world_size": 2})
    assert checkpoints.newest_valid(tmp_path) == made


def test_diverged_weights_are_never_gone_on_from_nor_do_they_push_good_ones_out(tmp_path: Path) -> None:
    for step in (10, 20):
        sealed(tmp_path, step)
    for step in (30, 40):
        sealed(tmp_path, step, finite=False)
    assert checkpoints.rotate(tmp_path, 2) == []
    newest = checkpoints.newest_valid(tmp_path)
    assert newest
    assert newest.step == 20


def test_only_valid_ones_count_when_old_ones_are_deleted(tmp_path: Path) -> None:
    for step in (5, 10, 20):
        sealed(tmp_path, step)
    make(tmp_path, 30)
    assert [path.name for path in checkpoints.rotate(tmp_path, 2)] == ["checkpoint-5"]
    assert [path.name for path in checkpoints.folders(tmp_path)] == ["checkpoint-10", "checkpoint-20", "checkpoint-30"]
    assert len(checkpoints.rotate(tmp_path, 0)) == 1  # one is always kept


def test_other_names_are_none_of_its_business(tmp_path: Path) -> None:
    for name in ("checkpoint-best", "checkpoint-10-old", "runs"):
        (tmp_path / name).mkdir()
    (tmp_path / "checkpoint-7").write_text("a file")
    assert checkpoints.folders(tmp_path) == []
    assert checkpoints.newest_valid(tmp_path / "none") is None


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    checkpoints.write_whole(target, "1")
    checkpoints.write_whole(target, "2")
    assert target.read_text() == "2"
    assert list(tmp_path.iterdir()) == [target]
