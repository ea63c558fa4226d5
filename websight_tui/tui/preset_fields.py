"""The fields of a preset as its form shows them: in which order, and what each is, in two lines at most.

Each text says what the argument does, in which unit and range, and what it changes in time or memory; figures are those
of docs/presets.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from websight_tui.config import Cluster

GROUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "LoRA": {
        "lora_rank": (
            "Size of the adapter, 8 to 128. Doubling it doubles adapter and checkpoints; a step takes hardly longer."
        ),
        "lora_alpha": (
            "Strength of the adapter, commonly twice the rank: it counts alpha/sqrt(rank) with use_rslora, "
            "else alpha/rank."
        ),
        "lora_dropout": (
            "Share of the adapter's inputs that is left out while it trains, 0 to 0.1; more where it overfits."
        ),
        "lora_target": (
            "Layers that get an adapter: all, or names such as q_proj,v_proj. Fewer make it smaller, hardly quicker."
        ),
        "use_rslora": "true or false. Scales the adapter by alpha/sqrt(rank): high ranks learn as well as low ones.",
    },
    "Schedule": {
        "num_train_epochs": (
            "How often all rows are seen, 0.5 to 3, parts too. The hours grow with it: the first thing to change "
            "for time."
        ),
        "max_steps": (
            "Optimizer steps of the run, in place of num_train_epochs; the hours grow with them. Empty: the epochs'."
        ),
        "use_the_time": (
            "true or false. Trains until the time limit is near, num_train_epochs at most: it always ends inside it."
        ),
        "per_device_train_batch_size": (
            "Rows on a GPU at once, 1 to 8. More take memory and keep the GPU busier, most of all with short rows."
        ),
        "gradient_accumulation_steps": (
            "Batches behind one optimizer step, 1 to 8. More make a larger effective batch and fewer steps; "
            "memory stays."
        ),
        "learning_rate": (
            "Size of a step at its highest, 1e-5 to 2e-4 for LoRA. Too high and the loss jumps, too low and it stays."
        ),
        "lr_scheduler_type": (
            "How the learning rate goes on after the warm-up: cosine, linear, constant_with_warmup or another."
        ),
        "warmup_ratio": "Share of the steps in which the learning rate rises from 0, 0.03 to 0.1. Costs nothing.",
        "seed": (
            "A whole number: the order of the rows and the adapter's first values. Another one shows how much is "
            "chance."
        ),
    },
    "What is kept": {
        "save_steps": (
            "Steps between checkpoints, 100 to 500: what a crash can cost at most. A save takes seconds to minutes."
        ),
        "save_total_limit": (
            "How many checkpoints are kept, the newest ones, 2 to 5. Each takes disk: 1.4 GB at rank 32."
        ),
        "eval_steps": "Steps between evaluations, 200 or more. Training waits for each; the forecast counts them in.",
        "logging_steps": (
            "Steps between logged lines, 1 to 50: how soon curves and verdict move. Costs next to nothing."
        ),
        "report_to": "tensorboard or none: whether TensorBoard's files are written, too. The curves here need none.",
    },
    "Resources": {
        "time_limit": (
            "Slurm's --time, such as 8:00:00; empty: the cluster's. A short one may start sooner; the run saves "
            "and stops in time."
        ),
        "nodes": (
            "Slurm's --nodes. Steps go faster and the effective batch grows with them; more of them wait longer "
            "in the queue."
        ),
        "gpus_per_node": (
            "GPUs of each node, 1 to 8; empty: the cluster's. Nearly that much faster, the effective batch as much "
            "larger. 0 is CPU."
        ),
        "cpu_ranks": (
            "Processes on each node where gpus_per_node is 0, for trials without a GPU. Has no meaning with GPUs."
        ),
        "cpus_per_task": (
            "Slurm's --cpus-per-task: cores of a node for the whole job. Too few and the GPUs wait for images."
        ),
        "mem": "Slurm's --mem, memory of a node (not of its GPUs), such as 480G. With too little the job is killed.",
        "signal_lead_s": (
            "Seconds before the time limit at which the run saves and stops, 120 to 600. They are lost to training."
        ),
        "max_jobs": (
            "Jobs that the run may take: each goes on where the one before was stopped by its limit. 1 is a single job."
        ),
    },
    "Model and data": {
        "model_name_or_path": (
            "The base model: a name on the Hugging Face hub, or a folder on the cluster. Its size decides time "
            "and memory."
        ),
        "template": (
            "LLaMA-Factory's prompt template of the model, qwen3_vl_nothink here. A wrong one trains, and trains badly."
        ),
        "dataset_dir": (
            "Folder on the cluster with dataset_info.json and the images; below the cluster's root unless absolute."
        ),
        "dataset": (
            "The training data by its name in dataset_info.json, several with commas. The hours grow with its rows."
        ),
        "eval_dataset": (
            "The data that the evaluation loss is taken on, by its name in dataset_info.json. Empty: no evaluation."
        ),
        "cutoff_len": (
            "Tokens of a row, image included, where it is cut off, 2048 to 8192. Long rows take time and memory."
        ),
        "image_max_pixels": (
            "Larger images are shrunk to so many pixels; about 1,000 make a token. Fewer save time and blur small text."
        ),
        "max_samples": (
            "Rows of the training data at most; empty takes all. The hours grow with them, the memory does not."
        ),
        "max_eval_samples": (
            "Rows of an evaluation, 200 to 2000. Each takes time in proportion; few make its loss uncertain."
        ),
        "test_dataset": (
            "The data that a finished run's clicks are measured on, in a small job of its own. Empty: no measuring."
        ),
        "max_test_samples": (
            "Rows that clicks are measured on, 200 to 1000. Few are quicker, and leave the accuracy a wide interval."
        ),
    },
    "Precision and speed": {
        "bf16": (
            "true or false. 16-bit arithmetic, for GPUs since the A100. Without it steps are far slower and take "
            "more memory."
        ),
        "gradient_checkpointing": (
            "true or false. Computes activations twice instead of keeping them: a fifth of their memory, steps a "
            "quarter longer."
        ),
        "flash_attn": "How attention is computed: fa2 (needs flash-attn there), sdpa (torch's own), auto or disabled.",
        "deepspeed": (
            "zero2 or none. Spreads gradients and optimizer over the GPUs: less memory, steps 11 % shorter when "
            "measured."
        ),
        "dataloader_num_workers": (
            "Processes for each GPU that read images ahead, 2 to 16. Too few and the GPUs wait; each takes memory."
        ),
    },
    "Estimates": {
        "train_samples": (
            "Rows of the training data, for forecasts until they have been counted. Changes nothing in the training."
        ),
        "tokens_per_sample": (
            "Tokens of a row on average, image and text, for forecasts. Changes nothing in the training."
        ),
    },
}
"""Groups of fields, and of each field what it is."""
FIELDS: Final[Mapping[str, str]] = {field: about for group in GROUPS.values() for field, about in group.items()}


def left_out(field: str, cluster: Cluster) -> str:
    """What an empty field stands for; "" where it may not be empty."""
    return {
        "time_limit": cluster.time_limit,
        "gpus_per_node": str(cluster.gpus_per_node),
        "max_samples": "all",
        "max_steps": "by epochs",
        "eval_dataset": "none",
        "test_dataset": "none",
    }.get(field, "")
