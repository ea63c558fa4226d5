"""Checkpoints that can be trusted: whole, on the disk, and marked as such last of all.

The trainer writes checkpoint-N in place, so a kill may leave half of one. A marker (`complete.json`) that names every
file with its size is written after all of them have been checked and flushed; a checkpoint is valid if it has one
that fits. Only valid ones are gone on from, and an older one is deleted only when enough newer valid ones exist.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trainer.problem import Problem

MARKER: Final = "complete.json"
_NAME: Final = re.compile(r"checkpoint-(\d+)")
_ADAPTER: Final = "adapter_model.safetensors"
_MAX_HEADER: Final = 100_000_000  # bytes; safetensors' own limit


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One valid checkpoint.

    Args:
        step: optimizer steps behind it.
        bytes: of all its files.
        fixed: the settings that it was trained with (`spec.fixed_settings`).
        finite: False if weights were NaN or infinite: nothing goes on from it.
    """

    path: Path
    step: int
    bytes: int
    fixed: Mapping[str, Any]
    finite: bool = True


def problem_of(folder: Path, world_size: int) -> str:
    """What is missing or damaged in a checkpoint that has just been written; "" if nothing is.

    Args:
        world_size: processes that trained; each leaves its random state.
    """
    randoms = ["rng_state.pth"] if world_size == 1 else [f"rng_state_{rank}.pth" for rank in range(world_size)]
    needed = [_ADAPTER, "adapter_config.json", "trainer_state.json", "scheduler.pt", *randoms]
    if (folder / "latest").is_file():  # DeepSpeed keeps the optimizer in parts, one a rank
        parts = folder / (folder / "latest").read_text().strip()
        found = len(list(parts.glob("*_optim_states.pt")))
        if found < world_size:
            return f"{parts.name} has the optimizer's state of {found} of {world_size} ranks"
    else:
        needed.append("optimizer.pt")
    for name in needed:
        if not (folder / name).is_file() or (folder / name).stat().st_size == 0:
            return f"{name} is missing or empty"
    return _safetensors_problem(folder / _ADAPTER)


def _safetensors_problem(path: Path) -> str:
    """Reads the header (format: 8 bytes of length, JSON, data) and compares what it promises with the file's size."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _MAX_HEADER:
                return f"{path.name} has no readable header"
            header = json.loads(file.read(length))
        end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
    except (OSError, ValueError, struct.error, KeyError, TypeError, AttributeError):
        return f"{path.name} has no readable header"
    size = path.stat().st_size
    return "" if size == 8 + length + end else f"{path.name} has {size} bytes instead of {8 + length + end}"


def seal(folder: Path, step: int, fixed: Mapping[str, Any], *, finite: bool = True) -> Checkpoint:
    """Makes a written checkpoint a valid one: checked, flushed to the disk, marked.

    Raises: Problem if a file is missing or damaged, or the disk reports an error.
    """
    if problem := problem_of(folder, int(fixed["world_size"])):
        raise Problem(
            f"checkpoint {folder} is damaged: {problem}", "Check disk space and quota; the one before it is kept."
        )
    try:
        files = {str(path.relative_to(folder)): path.stat().st_size for path in _files(folder)}
        for name in files:
            _flush(folder / name)
        marker = {"v": 1, "step": step, "t": time.time(), "finite": finite, "files": files, "fixed": dict(fixed)}
        write_whole(folder / MARKER, json.dumps(marker, indent=1) + "\n")
    except OSError as exc:
        raise Problem(f"checkpoint {folder} cannot be written: {exc.strerror}", "Free disk space or quota.") from exc
    return Checkpoint(folder, step, sum(files.values()), fixed, finite)


def write_whole(path: Path, text: str) -> None:
    """Writes a file so that it is either there, whole and on the disk, or as it was before. Raises OSError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    _flush(partial)
    partial.replace(path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MARKER)


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """The checkpoint in `folder`; None unless its marker is there and every file has the size that it names."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        files = dict(marker["files"])
        if any((folder / name).stat().st_size != size for name, size in files.items()):
            return None
        step, fixed = int(marker["step"]), dict(marker["fixed"])
        return Checkpoint(folder, step, sum(files.values()), fixed, bool(marker.get("finite", True)))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def folders(out_dir: Path) -> list[Path]:
    """Folders named checkpoint-N in `out_dir`, valid or not, lowest N first."""
    found = [(int(match[1]), path) for path in out_dir.glob("checkpoint-*") if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found) if path.is_dir()]


def newest_valid(out_dir: Path) -> Checkpoint | None:
    """The checkpoint to go on from: valid, with finite weights, of the highest step."""
    found = (read_checkpoint(folder) for folder in reversed(folders(out_dir)))
    return next((checkpoint for checkpoint in found if checkpoint and checkpoint.finite), None)


def move_aside(out_dir: Path) -> list[Path]:
    """Renames every folder checkpoint-N that is not valid, or not finite, so that nothing takes it for one.

    Returns: their new paths (`aside-checkpoint-N-<Unix time>`); nothing is deleted.
    """
    moved = []
    for folder in folders(out_dir):
        checkpoint = read_checkpoint(folder)
        if checkpoint is None or not checkpoint.finite:
            target = folder.with_name(f"aside-{folder.name}-{time.time_ns() // 1_000_000}")
            folder.rename(target)
            moved.append(target)
    return moved


def rotate(out_dir: Path, keep: int) -> list[Path]:
    """Deletes the oldest valid checkpoints beyond `keep` (1 or more); only finite ones count, and others go first.

    Returns: the deleted folders.
    """
    valid = [checkpoint for folder in folders(out_dir) if (checkpoint := read_checkpoint(folder))]
    good = [checkpoint for checkpoint in valid if checkpoint.finite]
    superfluous = good[: -max(1, keep)]
    for checkpoint in superfluous:
        with contextlib.suppress(OSError):
            (checkpoint.path / MARKER).unlink()  # a deletion that is cut short leaves nothing that looks whole
        shutil.rmtree(checkpoint.path, ignore_errors=True)
    return [checkpoint.path for checkpoint in superfluous]
