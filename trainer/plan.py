"""What a start of a run is going to do: begin, go on from a checkpoint, or nothing because all is done.

Decided once, before any process of the training exists, so that every rank goes on from the same step and a refusal is
one clear line instead of a traceback a rank. Needs no heavy library.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from trainer import checkpoints
from trainer.arguments import DEEPSPEED_FILE, ZERO2
from trainer.checkpoints import Checkpoint
from trainer.problem import Problem
from trainer.spec import EPOCHS, TINY_MODEL, Spec, changed_settings, fixed_settings

FINISHED: Final = "finished.json"
"""In the output folder, written last of all: {"step", "fixed", "metrics"}."""
_VARIABLE: Final = "WEBSIGHT_PLAN"
_ADAPTER: Final = "adapter_model.safetensors"


class Refused(Problem):
    """The run must not start like this; nothing has been changed. Its exit status is 86."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One start.

    Args:
        world_size: training processes.
        resume_from: the checkpoint's folder; "" to begin at step 0.
        step: its step.
        total_steps: of the run, if a checkpoint tells; 0 if not known yet.
        finished: nothing is left to do.
        deadline: Unix s at which the run has to save and stop; None if there is no limit that is known.
        share: of its budget that the checkpoint had used (`trainer.budget`), or of its steps.
    """

    world_size: int = 1
    resume_from: str = ""
    step: int = 0
    total_steps: int = 0
    finished: bool = False
    deadline: float | None = None
    share: float = 0.0

    def as_environment(self) -> dict[str, str]:
        """The variable by which `from_environment` finds the plan again in another process."""
        return {_VARIABLE: json.dumps(asdict(self))}


def from_environment() -> Plan | None:
    """The launcher's plan; None where there was no launcher."""
    text = os.environ.get(_VARIABLE)
    return Plan(**json.loads(text)) if text else None


def make_plan(spec: Spec, world_size: int, deadline: float | None = None) -> Plan:
    """Looks at the output folder and tidies it up: checkpoints that are not whole are renamed, never deleted.

    Raises: Refused if the folder belongs to other settings, or the data set is not there.
    """
    fixed = fixed_settings(spec, world_size)
    if done := _finished(spec):
        changed = [name for name in fixed if name in done["fixed"] and fixed[name] != done["fixed"][name]]
        _refuse_if(changed, fixed, done["fixed"], spec, "it is finished")
        return Plan(world_size, step=done["step"], total_steps=done["step"], finished=True)
    newest = checkpoints.newest_valid(spec.out_dir)
    if newest:
        _refuse_if(changed_settings(fixed, newest.fixed), fixed, newest.fixed, spec, f"it has {newest.path.name}")
    for path in checkpoints.move_aside(spec.out_dir):
        print(f"an incomplete checkpoint was moved aside: {path}", file=sys.stderr)
    if spec.settings.deepspeed == "zero2":
        checkpoints.write_whole(spec.run_dir / DEEPSPEED_FILE, json.dumps(ZERO2, indent=1) + "\n")
    if newest is None:
        _move_adapter_aside(spec.out_dir)
        _check_data(spec)
        return Plan(world_size, deadline=deadline)
    total = int(newest.fixed.get("total_steps", 0))
    if total and newest.step >= total:
        _finish_from(newest, spec)
        return Plan(world_size, step=newest.step, total_steps=total, finished=True)
    _check_data(spec)
    share = float(newest.fixed.get("share", newest.step / total if total else 0.0))
    if newest.fixed.get(EPOCHS, fixed[EPOCHS]) != fixed[EPOCHS]:
        total = 0  # fewer epochs than before have fewer steps; the trainer counts them
    return Plan(world_size, str(newest.path), newest.step, total, deadline=deadline, share=share)


def _refuse_if(changed: Sequence[str], now: dict[str, Any], then: Any, spec: Spec, because: str) -> None:
    if changed:
        words = (f"{name} was {then[name]!r}, now {now[name]!r}" for name in changed)
        raise Refused(
            f"{spec.out_dir} cannot go on, because {because} with other settings: {'; '.join(words)}",
            "Set them back, or train into another output folder.",
        )


def mark_finished(spec: Spec, step: int, fixed: dict[str, Any], metrics: dict[str, Any]) -> None:
    """Says that the run is done; from now on a start does nothing. Raises OSError."""
    done = {"v": 1, "t": time.time(), "step": step, "fixed": fixed, "metrics": metrics}
    checkpoints.write_whole(spec.out_dir / FINISHED, json.dumps(done, indent=1, default=str) + "\n")


def _finished(spec: Spec) -> dict[str, Any] | None:
    try:
        done = json.loads((spec.out_dir / FINISHED).read_text(encoding="utf-8"))
        return {"step": int(done["step"]), "fixed": dict(done["fixed"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _finish_from(last: Checkpoint, spec: Spec) -> None:
    """A run that was killed between its last checkpoint and its end: the checkpoint is the result.

    Starting the trainer for the zero steps that are left would overwrite its results with nothing, and with a fraction
    of an epoch it would even train one step too many.
    """
    training_only = ("optimizer.pt", "scheduler.pt", "rng_state", "scaler.pt", "latest", checkpoints.MARKER)
    for path in last.path.iterdir():
        if path.is_file() and not path.name.startswith(training_only):
            partial = spec.out_dir / f".{path.name}.partial"
            shutil.copy2(path, partial)
            partial.replace(spec.out_dir / path.name)
    mark_finished(spec, last.step, dict(last.fixed), {})


def _move_adapter_aside(out_dir: Path) -> None:
    """An adapter without any checkpoint would make LLaMA-Factory refuse the folder."""
    if (out_dir / _ADAPTER).exists():
        (out_dir / _ADAPTER).rename(out_dir / f"aside-{time.time_ns() // 1_000_000}-{_ADAPTER}")


def _check_data(spec: Spec) -> None:
    """That the data sets are known, before minutes are spent on loading the model."""
    if spec.settings.model_name_or_path == TINY_MODEL:
        return  # makes itself
    path = spec.dataset_dir / "dataset_info.json"
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise Refused(f"{path} cannot be read: {exc}", "`python -m trainer prepare` writes it.") from exc
    for name in (*spec.settings.dataset.split(","), *filter(None, spec.settings.eval_dataset.split(","))):
        if name not in known:
            raise Refused(f"{path} knows no data set '{name}'", f"It has: {', '.join(known) or 'none'}.")
