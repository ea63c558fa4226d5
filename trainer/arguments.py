"""LLaMA-Factory's arguments from a run's settings, by a pure function.

A test holds it against LLaMA-Factory's own parser for every preset.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from trainer.spec import Spec

DEEPSPEED_FILE: Final = "deepspeed.json"

ZERO2: Final[dict[str, Any]] = {
    "train_batch_size": "auto",
    "train_micro_batch_size_per_gpu": "auto",
    "gradient_accumulation_steps": "auto",
    "gradient_clipping": "auto",
    "zero_allow_untested_optimizer": True,
    "bf16": {"enabled": "auto"},
    "zero_optimization": {
        "stage": 2,
        "allgather_partitions": True,
        "allgather_bucket_size": 500_000_000,
        "reduce_scatter": True,
        "reduce_bucket_size": 500_000_000,
        "overlap_comm": False,
        "contiguous_gradients": True,
        "round_robin_gradients": True,
    },
}
"""DeepSpeed's optimizer and gradient sharding; "auto" is filled in by transformers from its own arguments."""

BARRIER_S: Final = 7200
"""Seconds that ranks wait for rank 0 to prepare 71,000 images; the default of 1,800 can be too short."""


def llamafactory_arguments(spec: Spec, resume_from: Path | None = None) -> dict[str, Any]:
    """The arguments of LLaMA-Factory 0.9.5's `run_exp`.

    Args:
        spec: the run.
        resume_from: the checkpoint to go on from; None starts at step 0.

    Returns: a dict for `run_exp(args=…)`. Three of the settings are not in it, because our own code does them:
    `save_total_limit` (only checkpoints known to be whole may replace older ones), `max_eval_samples` (LLaMA-Factory
    has one limit for both data sets) and the log folder of TensorBoard (`environment`).
    """
    s = spec.settings
    arguments: dict[str, Any] = {
        "stage": "sft",
        "do_train": True,
        # model
        "model_name_or_path": spec.model_path,
        "image_max_pixels": s.image_max_pixels,
        "flash_attn": s.flash_attn,
        "disable_gradient_checkpointing": not s.gradient_checkpointing,
        # LoRA; the vision tower and the projector stay as they are
        "finetuning_type": "lora",
        "lora_rank": s.lora_rank,
        "lora_alpha": s.lora_alpha,
        "lora_dropout": s.lora_dropout,
        "lora_target": s.lora_target,
        "use_rslora": s.use_rslora,
        "freeze_vision_tower": True,
        "freeze_multi_modal_projector": True,
        # data
        "template": s.template,
        "dataset_dir": str(spec.dataset_dir),
        "media_dir": str(spec.dataset_dir),
        "dataset": s.dataset,
        "cutoff_len": s.cutoff_len,
        "preprocessing_num_workers": min(16, s.cpus_per_task) if s.cpus_per_task > 1 else None,
        "dataloader_num_workers": s.dataloader_num_workers,
        # schedule
        "num_train_epochs": s.num_train_epochs,
        "max_steps": s.max_steps,
        "per_device_train_batch_size": s.per_device_train_batch_size,
        "per_device_eval_batch_size": s.per_device_train_batch_size,
        "gradient_accumulation_steps": s.gradient_accumulation_steps,
        "learning_rate": s.learning_rate,
        "lr_scheduler_type": s.lr_scheduler_type,
        "warmup_steps": s.warmup_ratio,  # a float below 1 is a share of the steps; `warmup_ratio` is being removed
        "seed": s.seed,
        "bf16": s.bf16,
        "ddp_timeout": BARRIER_S,
        # what is kept
        "output_dir": str(spec.out_dir),
        "logging_steps": s.logging_steps,
        "logging_nan_inf_filter": False,  # the filter would log a diverged loss as 0.0
        "save_strategy": "steps",
        "save_steps": s.save_steps,
        "plot_loss": True,
        "report_to": s.report_to,
    }
    if s.max_samples is not None:
        arguments["max_samples"] = s.max_samples
    if s.eval_dataset:
        arguments |= {"eval_dataset": s.eval_dataset, "eval_strategy": "steps", "eval_steps": s.eval_steps}
    if s.gpus_per_node == 0:
        arguments["use_cpu"] = True
    elif s.deepspeed == "zero2":
        arguments["deepspeed"] = str(spec.run_dir / DEEPSPEED_FILE)
    if resume_from is not None:
        arguments["resume_from_checkpoint"] = str(resume_from)
    return {name: value for name, value in arguments.items() if value is not None}


def environment(spec: Spec) -> dict[str, str]:
    """Environment variables that the trainer's processes need; what the user has set already stays."""
    threads = max(1, spec.settings.cpus_per_task // spec.settings.ranks_per_node)
    wanted = {
        "TENSORBOARD_LOGGING_DIR": str(spec.out_dir / "runs"),
        "TOKENIZERS_PARALLELISM": "false",  # it would warn, and could hang, after the data loader's fork
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": str(threads),
    }
    if Path(spec.model_path).is_dir():
        wanted["HF_HUB_OFFLINE"] = "1"  # all is here; a compute node without a way out would try for minutes
    return {name: value for name, value in wanted.items() if name not in os.environ}
