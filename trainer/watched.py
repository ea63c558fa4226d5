"""The one place that reaches into LLaMA-Factory: its trainer, with pauses that are seen and saves that are sure.

`run_exp` takes callbacks but makes its trainer by itself, and callbacks cannot say when a save or an evaluation begins,
nor run after the last of the others. So the workflow's trainer class is replaced by a subclass of it. Written for
LLaMA-Factory 0.9.5; a test fails if the seam moves.
"""

# ruff: noqa: ARG002 (a callback gets more than it needs)

from __future__ import annotations

import contextlib
import functools
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch.distributed as dist
from llamafactory.train.sft import workflow
from transformers import TrainerCallback

from trainer import checkpoints, signals
from trainer.budget import follow_share
from trainer.callback import Watch, weights_are_finite
from trainer.recorder import Recorder, Stopped


class _Seal(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
    """The last callback of all: what it finds after a save is what there will be."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer

    def on_save(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.trainer.seal_checkpoint()


def watch_trainer(recorder: Recorder, watch: Watch) -> contextlib.AbstractContextManager[None]:
    """While it lasts, LLaMA-Factory's supervised training uses the watched trainer."""

    class Watched(workflow.CustomSeq2SeqTrainer):  # type: ignore[misc]
        """CustomSeq2SeqTrainer that tells `recorder` what it does."""

        def __init__(self, *args: Any, eval_dataset: Any = None, **rest: Any) -> None:
            if eval_dataset is not None:
                eval_dataset = _some_rows(eval_dataset, recorder.spec.settings.max_eval_samples, rest["args"].seed)
                recorder.n_eval = len(eval_dataset)
            super().__init__(*args, eval_dataset=eval_dataset, **rest)
            self.add_callback(_Seal(self))
            if self.is_deepspeed_enabled:
                self.accelerator.get_state_dict = _trained_weights
            self.save_began = 0.0

        def get_train_dataloader(self) -> Any:
            return _shielded(super().get_train_dataloader())

        def get_eval_dataloader(self, *args: Any, **rest: Any) -> Any:
            return _shielded(super().get_eval_dataloader(*args, **rest))

        def train(self, *args: Any, **rest: Any) -> Any:
            result = super().train(*args, **rest)
            if recorder.stopped:
                raise Stopped  # there may be no time for what follows: saving the model, plots, an evaluation
            result.metrics["train_loss"] = _mean_loss(self.state.log_history, result.metrics["train_loss"])
            return result

        def training_step(self, model: Any, inputs: dict[str, Any], *args: Any, **rest: Any) -> Any:
            recorder.tokens += inputs["input_ids"].numel()
            return super().training_step(model, inputs, *args, **rest)

        def create_scheduler(self, num_training_steps: int, *args: Any, **rest: Any) -> Any:
            scheduler = super().create_scheduler(num_training_steps, *args, **rest)
            if recorder.spec.settings.use_the_time:
                follow_share(scheduler, num_training_steps, lambda: recorder.share)
            return scheduler

        def evaluate(self, *args: Any, **rest: Any) -> dict[str, float]:
            step, known = recorder.evaluated
            if step == self.state.global_step:  # the workflow asks again after the last step's evaluation
                return known
            recorder.emit("eval_begin")
            began, metrics = time.monotonic(), {}
            try:
                metrics = super().evaluate(*args, **rest)
            except Stopped:
                self.control.should_save = self.control.should_training_stop = True
            seconds = time.monotonic() - began
            recorder.paused("evaluation", seconds)
            recorder.emit("eval_end", seconds=seconds, metrics=metrics)
            recorder.evaluated = (self.state.global_step, metrics or {"epoch": self.state.epoch or 0.0})
            return recorder.evaluated[1]

        def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
            if _internal_call:  # a part of a checkpoint
                super().save_model(output_dir, _internal_call=True)
                return
            with _saving(recorder, Path(output_dir or self.args.output_dir)):
                super().save_model(output_dir)

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            self.save_began = time.monotonic()
            recorder.emit("save_begin")
            if self.args.should_save:
                (self._checkpoint_folder() / checkpoints.MARKER).unlink(missing_ok=True)
            super()._save_checkpoint(model, trial)

        def _checkpoint_folder(self) -> Path:
            return Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"

        def seal_checkpoint(self) -> None:
            """After all callbacks have saved what is theirs, and all ranks are there."""
            if watch.group is not None:
                dist.barrier(group=watch.group)
            if not self.args.should_save:
                return
            finite = weights_are_finite(self.model)
            saved = checkpoints.seal(self._checkpoint_folder(), self.state.global_step, recorder.fixed, finite=finite)
            checkpoints.rotate(Path(self.args.output_dir), recorder.spec.settings.save_total_limit)
            seconds = time.monotonic() - self.save_began
            recorder.paused("save", seconds)
            recorder.emit("save_end", path=str(saved.path), bytes=saved.bytes, seconds=seconds)

    return _replaced(Watched)


@contextlib.contextmanager
def _replaced(trainer: type) -> Iterator[None]:
    original = workflow.CustomSeq2SeqTrainer
    workflow.CustomSeq2SeqTrainer = trainer
    try:
        yield
    finally:
        workflow.CustomSeq2SeqTrainer = original


@contextlib.contextmanager
def _saving(recorder: Recorder, folder: Path) -> Iterator[None]:
    began = time.monotonic()
    recorder.emit("save_begin")
    yield
    size = sum(path.stat().st_size for path in folder.glob("*") if path.is_file())
    recorder.emit("save_end", path=str(folder), bytes=size, seconds=time.monotonic() - began)


def _trained_weights(engine: Any) -> dict[str, Any]:
    """The weights that a save needs; accelerate would copy the frozen ones, 17 GB, into the memory of every rank.

    ZeRO-2 shards gradients and the optimizer, so each rank has all weights as they are.
    """
    return {name: weight.detach().cpu() for name, weight in engine.module.named_parameters() if weight.requires_grad}


def _shielded(loader: Any) -> Any:
    """A data loader whose workers leave stopping to the trainer."""
    inner = getattr(loader, "base_dataloader", loader)  # accelerate wraps it
    inner.worker_init_fn = functools.partial(_init_worker, inner.worker_init_fn)
    return loader


def _init_worker(usual: Callable[[int], None] | None, worker: int) -> None:
    """Runs in the worker, after torch has set handlers of its own (they die of a TERM that is not the parent's)."""
    signals.ignore()
    if usual is not None:
        usual(worker)


def _some_rows(dataset: Any, most: int, seed: int) -> Any:
    """At most `most` rows, the same ones on every rank and every start, from all over the data set."""
    if len(dataset) <= most:
        return dataset
    return dataset.select(sorted(random.Random(seed).sample(range(len(dataset)), most)))


def _mean_loss(history: list[dict[str, Any]], fallback: float) -> float:
    """The mean over all steps of the run; transformers counts only those since the last start, divided by all."""
    total, last = 0.0, 0
    for entry in history:
        if "loss" in entry:
            total += entry["loss"] * (entry["step"] - last)
            last = entry["step"]
    return total / last if last else fallback
