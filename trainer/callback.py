"""The trainer's callback: events for every step that is logged, and the ranks' agreement to save and stop."""

# ruff: noqa: ARG002 (a callback gets more than it needs)

from __future__ import annotations

import importlib.metadata
import math
import platform
import resource
import signal
import socket
import sys
from typing import Any, Final

import torch
import torch.distributed as dist
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from trainer import signals
from trainer.budget import Budget
from trainer.plan import Refused
from trainer.recorder import Diverged, Recorder, Stopped, job

_SIGNALS: Final = tuple(signals.REASONS)
_PACKAGES: Final = ("torch", "transformers", "peft", "llamafactory", "accelerate", "deepspeed")
_LOGGED: Final = {"loss": "loss", "learning_rate": "lr", "grad_norm": "grad_norm"}


class Watch(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
    """Writes start, log and signal events; stops all ranks at the end of the same step.

    A step costs one sum over all ranks of a few integers. It goes through gloo, on the CPU, so that the GPUs are never
    waited for.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.group: Any = None
        self.evaluate = True

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **rest: Any
    ) -> None:
        recorder, plan = self.recorder, self.recorder.plan
        if args.world_size > 1:
            self.group = dist.new_group(backend="gloo")
        recorder.step = state.global_step
        if plan.total_steps and plan.total_steps != state.max_steps:
            raise Refused(
                f"the run had {plan.total_steps} steps and would have {state.max_steps} now: other training data",
                "Restore the data set, or train into another output folder.",
            )
        recorder.fixed["total_steps"] = state.max_steps
        state.compute_steps(args, state.max_steps)  # a resumed state would keep the intervals it was saved with
        self._write_start(args, state, model, rest.get("train_dataloader"))
        if self._agreed():
            raise Stopped
        if recorder.spec.settings.use_the_time and state.is_world_process_zero:
            recorder.budget = _budget(recorder, args, state, model)

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Where the time is used: before the scheduler sets the next step's rate, the ranks take rank 0's share."""
        recorder = self.recorder
        if not recorder.spec.settings.use_the_time:
            return
        outlook = torch.zeros(3, dtype=torch.float64)
        if recorder.budget:
            step = state.global_step + 1
            outlook = torch.tensor(recorder.budget.step_done(step, state.max_steps - step), dtype=torch.float64)
        if self.group is not None:
            dist.broadcast(outlook, src=0, group=self.group)
        recorder.share, steps_left, evaluate = outlook.tolist()
        recorder.fixed["share"] = recorder.share
        self.evaluate = bool(evaluate)
        if steps_left == 0:
            state.max_steps = recorder.fixed["total_steps"] = state.global_step + 1

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any) -> None:
        self.recorder.step = state.global_step
        stop = self._agreed(state)
        if state.global_step >= state.max_steps:
            control.should_log = True
            if not self.evaluate:
                control.should_evaluate = False  # it comes last of all, when the adapter is safe
        elif stop:
            control.should_log = control.should_save = control.should_training_stop = True
            control.should_evaluate = False
            self.recorder.stopped = True
        elif not self.evaluate:
            control.should_evaluate = False

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """An evaluation takes minutes that a stopping run may not have."""
        if self._agreed():
            self.recorder.stopped = state.global_step < state.max_steps
            raise Stopped

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        model: Any = None,
        **rest: Any,
    ) -> None:
        logs = logs or {}
        if "loss" not in logs:
            if "train_runtime" in logs:
                self.recorder.metrics = {name: value for name, value in logs.items() if name != "epoch"}
            return
        values = {ours: _number(logs.get(theirs)) for theirs, ours in _LOGGED.items()}
        bad = [name for name, value in values.items() if value is not None and not math.isfinite(value)]
        if self.recorder.writer:
            self.recorder.emit(
                "log",
                epoch=state.epoch,
                **values,
                tokens=int(state.num_input_tokens_seen),
                peak_memory_bytes=_peak_memory(),
                gpu_utilization=_utilization(),
                **({"budget": self.recorder.share} if self.recorder.budget else {}),
                **({"nonfinite": bad} if bad else {}),
            )
        if bad and not weights_are_finite(model):
            raise Diverged(f"the weights are not finite any more at step {state.global_step}: the training diverged")

    def _agreed(self, state: TrainerState | None = None) -> bool:
        """Whether any rank was asked to stop; the same answer on every rank. Adds the ranks' tokens up, too."""
        recorder = self.recorder
        counts = [int(number in signals.request.seen) for number in _SIGNALS]
        tokens = 0
        if state is not None:
            tokens, recorder.tokens = recorder.tokens, 0
        if self.group is not None:
            summed = torch.tensor([*counts, tokens], dtype=torch.int64)
            dist.all_reduce(summed, group=self.group)
            *counts, tokens = summed.tolist()
        if state is not None:
            state.num_input_tokens_seen += tokens
        asked = [number for number, count in zip(_SIGNALS, counts, strict=True) if count]
        if asked and not recorder.stopped:
            self._say(asked[-1])
        return bool(asked)

    def _say(self, number: signal.Signals) -> None:
        received = signals.request.seen.get(number)
        self.recorder.emit("signal", signal=signals.REASONS[number], received=received)

    def _write_start(self, args: TrainingArguments, state: TrainerState, model: Any, loader: Any) -> None:
        recorder = self.recorder
        if not recorder.writer:
            return
        job_id, restart = job()
        parameters = list(model.parameters())
        recorder.emit(
            "start",
            run_id=recorder.spec.run_id,
            job_id=job_id,
            restart=restart,
            total_steps=state.max_steps,
            resumed_from=recorder.plan.step if recorder.plan.resume_from else None,
            world_size=args.world_size,
            host=socket.gethostname(),
            gpu_names=[] if args.use_cpu else _gpu_names(),
            config_digest=recorder.spec.config_digest,
            versions=_versions(),
            trainable_parameters=sum(p.numel() for p in parameters if p.requires_grad),
            total_parameters=sum(p.numel() for p in parameters),
            logging_steps=args.logging_steps,
            save_steps=args.save_steps,
            eval_steps=args.eval_steps if recorder.n_eval else None,
            n_train=len(loader.dataset) if loader is not None else None,
            n_eval=recorder.n_eval,
            deadline=recorder.plan.deadline,
            use_the_time=recorder.spec.settings.use_the_time,
        )


def _budget(recorder: Recorder, args: TrainingArguments, state: TrainerState, model: Any) -> Budget:
    """The clock starts: the first step of this start begins."""
    return Budget(
        recorder.plan.deadline,
        recorder.share,
        save_steps=state.save_steps,
        eval_steps=state.eval_steps if recorder.n_eval else 0,
        trained_parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        eval_rows=recorder.n_eval,
        step_rows=args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size,
    )


def weights_are_finite(model: Any) -> bool:
    """Whether no trained weight is NaN or infinite; waits for the GPU once."""
    checks = [parameter.isfinite().all() for parameter in model.parameters() if parameter.requires_grad]
    return bool(torch.stack(checks).all()) if checks else True


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _peak_memory() -> int:
    """Bytes: of this process's GPU, or of the process where there is none."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _utilization() -> int | None:
    """Per cent of the last second or so in which the GPU worked; None without a GPU or without nvidia-ml-py."""
    try:
        return int(torch.cuda.utilization()) if torch.cuda.is_available() else None
    except (ModuleNotFoundError, RuntimeError, AssertionError):
        return None


def _gpu_names() -> list[str]:
    """Of this node's GPUs."""
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
