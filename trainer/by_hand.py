"""run.json for a job that was submitted without the app: `job.sh RUN_DIR --lora_rank 32 …`.

The options carry the preset's names (LLaMA-Factory's), so that a job script reads like one for LLaMA-Factory and can be
edited as one. The run folder is the output folder, as such scripts have it.
"""

from __future__ import annotations

import json
import os
import time
import types
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from trainer.checkpoints import write_whole
from trainer.problem import Problem
from trainer.spec import VERSION, Settings

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


def write_run_json(run_dir: Path, options: Sequence[str]) -> None:
    """Makes RUN_DIR/run.json from options such as `--lora_rank 32`.

    The nodes, GPUs and CPUs are those that the job was given, unless an option says otherwise. Raises Problem for an
    unknown, missing or wrong option.
    """
    run_dir = run_dir.absolute()
    optional = {"max_samples": None, "max_steps": None, "use_the_time": False}
    values = {"name": run_dir.name, **optional, **_resources(), **parse(options)}
    if missing := [field.name for field in fields(Settings) if field.name not in values]:
        raise Problem(f"options are missing: {', '.join(f'--{name}' for name in missing)}")
    data = {
        "v": VERSION,
        "run_id": run_dir.name,
        "created_at": time.time(),
        "preset": values,
        "root": str(Path.cwd()),
        "run_dir": str(run_dir),
        "out_dir": str(run_dir),
    }
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        write_whole(run_dir / "run.json", json.dumps(data, indent=1) + "\n")
    except OSError as exc:
        raise Problem(f"{run_dir} cannot be written: {exc.strerror}", "Check its path, quota and disk.") from exc


def parse(options: Sequence[str]) -> dict[str, Any]:
    """Options as typed values of `Settings`. Raises Problem."""
    kinds = get_type_hints(Settings)
    values: dict[str, Any] = {}
    rest = list(options)
    while rest:
        name = rest.pop(0)
        key, equals, value = name.removeprefix("--").partition("=")
        if not name.startswith("--") or key not in kinds:
            raise Problem(f"unknown option '{name}'", f"Known: {', '.join(f'--{known}' for known in kinds)}.")
        if not equals:
            if not rest:
                raise Problem(f"--{key} needs a value")
            value = rest.pop(0)
        values[key] = _typed(key, value, kinds[key])
    return values


def _resources() -> dict[str, Any]:
    """What the job was given; outside of a job, one process on this machine's GPUs or CPU."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return {
        "nodes": _count("SLURM_JOB_NUM_NODES", 1),
        "gpus_per_node": _count("SLURM_GPUS_ON_NODE", len(visible.split(",")) if visible else 0),
        "cpu_ranks": 1,
        "cpus_per_task": _count("SLURM_CPUS_PER_TASK", 1),
    }


def _count(variable: str, default: int) -> int:
    value = os.environ.get(variable, "")
    return int(value) if value.isdigit() else default


def _typed(key: str, value: str, kind: Any) -> object:
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(argument for argument in get_args(kind) if argument is not type(None))
    if kind is bool:
        if value.lower() not in (*_TRUE, *_FALSE):
            raise Problem(f"--{key} takes true or false, not '{value}'")
        return value.lower() in _TRUE
    try:
        return kind(value)
    except ValueError:
        expected = "a whole number" if kind is int else "a number"
        raise Problem(f"--{key} takes {expected}, not '{value}'") from None
