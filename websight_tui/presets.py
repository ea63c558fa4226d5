"""Presets: named choices of training settings, built in or the user's own.

Field names are LLaMA-Factory's for training arguments and Slurm's for resources, so that a preset, a run.json and a
LLaMA-Factory YAML can be read side by side. A preset is a frozen value; editing one makes another.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from websight_tui.errors import PresetError

TINY_MODEL: Final = "tiny-random-qwen3-vl"
"""A model name that the trainer makes by itself (1 MB, random weights), for the demo and the tests."""
TINY_DATASET: Final = "tiny_clicks"
"""A data set that the trainer makes by itself (small drawn pages with click answers)."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One named choice of training settings.

    Args:
        name: letters, digits, "-" and "_".
        summary: one line for people.
        model_name_or_path … report_to: LLaMA-Factory's arguments of the same name (0.9.5). `max_samples` of None
            means all rows; `max_steps` takes the place of `num_train_epochs` where it is set; `warmup_ratio` is a
            share of the steps; `image_max_pixels` is in pixels.
        max_eval_samples: rows of `eval_dataset` that an evaluation looks at.
        test_dataset: test split on which a finished run's clicks are measured, "" for none; max_test_samples: how many
            of its rows.
        train_samples: rows of the training data, for forecasts before the data set has been counted.
        tokens_per_sample: mean tokens of a row (image and text), for forecasts.
        nodes, gpus_per_node, cpus_per_task, mem, time_limit: as in sbatch; None takes the cluster's value.
            `gpus_per_node` 0 trains on CPU, with `cpu_ranks` processes a node.
        signal_lead_s: seconds before the limit at which the run saves and stops.
        use_the_time: train until the limit is near, `num_train_epochs` at most, and let the learning rate come down by
            the share of that time: the run always finishes inside the limit.
        max_jobs: how many jobs a run may take when one limit is not enough.
    """

    name: str
    summary: str = ""
    # model and data
    model_name_or_path: str = "Qwen/Qwen3-VL-8B-Instruct"
    template: str = "qwen3_vl_nothink"
    dataset_dir: str = "data"
    dataset: str = "websight_train"
    eval_dataset: str = "websight_validation"
    cutoff_len: int = 8192
    image_max_pixels: int = 1_120_000
    max_samples: int | None = None
    max_eval_samples: int = 1000
    test_dataset: str = "websight_test"
    max_test_samples: int = 500
    # LoRA
    lora_rank: int = 32
    lora_alpha: int = 64
    lora_dropout: float = 0.05
    lora_target: str = "all"
    use_rslora: bool = True
    # schedule
    num_train_epochs: float = 1.0
    max_steps: int | None = None
    per_device_train_batch_size: int = 4
    gradient_accumulation_steps: int = 2
    learning_rate: float = 5e-5
    lr_scheduler_type: str = "cosine"
    warmup_ratio: float = 0.05
    use_the_time: bool = False
    seed: int = 42
    # precision and speed
    bf16: bool = True
    gradient_checkpointing: bool = True
    flash_attn: str = "fa2"
    deepspeed: str = "zero2"
    dataloader_num_workers: int = 8
    # what is kept
    logging_steps: int = 10
    save_steps: int = 200
    save_total_limit: int = 3
    eval_steps: int = 800
    report_to: str = "tensorboard"
    # estimates
    train_samples: int = 71_000
    tokens_per_sample: int = 1_400
    # resources
    nodes: int = 1
    gpus_per_node: int | None = None
    cpu_ranks: int = 1
    cpus_per_task: int = 12
    mem: str = "480G"
    time_limit: str | None = None
    signal_lead_s: int = 300
    max_jobs: int = 1

    def world_size(self, cluster_gpus_per_node: int = 8) -> int:
        """Training processes over all nodes: one a GPU, or `cpu_ranks` a node without GPUs."""
        gpus = cluster_gpus_per_node if self.gpus_per_node is None else self.gpus_per_node
        return self.nodes * (gpus or self.cpu_ranks)

    def effective_batch(self, world_size: int) -> int:
        """Samples behind one optimizer step."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps * world_size

    def steps_per_epoch(self, world_size: int, samples: int | None = None) -> int:
        """Optimizer steps an epoch: ceil(ceil(samples / (batch × ranks)) / accumulation), as LLaMA-Factory counts."""
        rows = self.train_samples if samples is None else samples
        if self.max_samples is not None:
            rows = min(rows, self.max_samples)
        batches = math.ceil(rows / (self.per_device_train_batch_size * world_size))
        return max(1, math.ceil(batches / self.gradient_accumulation_steps))

    def total_steps(self, world_size: int, samples: int | None = None) -> int:
        """Optimizer steps of the whole run (the trainer rounds up)."""
        if self.max_steps is not None:
            return self.max_steps
        return math.ceil(self.num_train_epochs * self.steps_per_epoch(world_size, samples))


FIELD_TYPES: Final[Mapping[str, Any]] = types.MappingProxyType(get_type_hints(Preset))


def _positive(value: float) -> str | None:
    return None if value > 0 else "must be above 0"


def _not_negative(value: float) -> str | None:
    return None if value >= 0 else "must be 0 or more"


def _share(value: float) -> str | None:
    return None if 0 <= value < 1 else "must be from 0 to below 1"


def _one_of(*allowed: str) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        return None if value in allowed else f"must be one of {', '.join(allowed)}"

    return check


def _matching(pattern: str, what: str) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        return None if re.fullmatch(pattern, value) else f"must be {what}"

    return check


_PATHLIKE = _matching(r"[^\s'\"\\$`;|&<>]+", "a name or path without spaces or quotes")

CHECKS: Final[Mapping[str, Callable[[Any], str | None]]] = {
    "name": _matching(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", "1 to 40 letters, digits, - or _"),
    "model_name_or_path": _PATHLIKE,
    "dataset_dir": _PATHLIKE,
    "dataset": _PATHLIKE,
    "eval_dataset": _matching(r"[^\s'\"\\$`;|&<>]*", "a name without spaces or quotes (empty for no evaluation)"),
    "template": _matching(r"[A-Za-z0-9_]+", "a LLaMA-Factory template name"),
    "cutoff_len": _positive,
    "image_max_pixels": _positive,
    "max_samples": _positive,
    "max_eval_samples": _positive,
    "test_dataset": _matching(r"([A-Za-z0-9][A-Za-z0-9_-]{0,60})?", "a data set's name (empty for no measurement)"),
    "max_test_samples": _positive,
    "lora_rank": _positive,
    "lora_alpha": _positive,
    "lora_dropout": _share,
    "lora_target": _matching(r"[A-Za-z0-9_.,]+", "all, or module names with commas"),
    "num_train_epochs": _positive,
    "max_steps": _positive,
    "per_device_train_batch_size": _positive,
    "gradient_accumulation_steps": _positive,
    "learning_rate": _positive,
    "lr_scheduler_type": _one_of(
        "linear",
        "cosine",
        "cosine_with_restarts",
        "polynomial",
        "constant",
        "constant_with_warmup",
        "inverse_sqrt",
    ),
    "warmup_ratio": _share,
    "seed": _not_negative,
    "flash_attn": _one_of("auto", "disabled", "sdpa", "fa2"),
    "deepspeed": _one_of("none", "zero2"),
    "dataloader_num_workers": _not_negative,
    "logging_steps": _positive,
    "save_steps": _positive,
    "save_total_limit": _positive,
    "eval_steps": _positive,
    "report_to": _one_of("none", "tensorboard"),
    "train_samples": _positive,
    "tokens_per_sample": _positive,
    "nodes": _positive,
    "gpus_per_node": _not_negative,
    "cpu_ranks": _positive,
    "cpus_per_task": _positive,
    "mem": _matching(r"\d+[KMGT]?", "a number with K, M, G or T, such as 480G"),
    "time_limit": _matching(r"(\d+-)?\d{1,3}(:\d{2}){0,2}", "a Slurm time: minutes, M:SS, H:MM:SS or D-HH:MM:SS"),
    "signal_lead_s": _positive,
    "max_jobs": _positive,
}


def check_field(name: str, value: object) -> object:
    """Checks one field's value and gives it its type.

    Args:
        name: a field of Preset.
        value: a TOML or JSON value, or text as typed into a form (a form's empty text means None where allowed).

    Returns: the value in the field's type.
    Raises: PresetError that names the field and what was expected.
    """
    if name not in FIELD_TYPES:
        close = difflib.get_close_matches(name, FIELD_TYPES, n=1)
        raise PresetError(f"unknown preset field '{name}'", f"Did you mean '{close[0]}'?" if close else "")
    wanted = FIELD_TYPES[name]
    optional = get_origin(wanted) in (Union, types.UnionType)
    kind = next(a for a in get_args(wanted) if a is not type(None)) if optional else wanted
    if optional and (value is None or value == ""):
        return None
    typed = _as_type(name, value, kind)
    problem = CHECKS[name](typed) if name in CHECKS else None
    if problem:
        raise PresetError(f"{name} {problem}, not {value!r}")
    return typed


def _as_type(name: str, value: object, kind: type) -> object:
    expected = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[kind]
    error = PresetError(f"{name} must be {expected}, not {value!r}")
    if kind is bool:
        if isinstance(value, str) and value.strip().lower() in ("true", "yes", "on", "false", "no", "off"):
            return value.strip().lower() in ("true", "yes", "on")
        if not isinstance(value, bool):
            raise error
        return value
    if isinstance(value, bool):
        raise error
    if kind is str:
        if not isinstance(value, str):
            raise error
        if any(ord(c) < 32 or 127 <= ord(c) < 160 for c in value):  # it stands in a line of a script
            raise PresetError(f"{name} must be text on one line without control characters")
        return value
    try:
        number = float(value) if isinstance(value, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        raise error from None
    if not math.isfinite(number) or (kind is int and number != int(number)):
        raise error
    return int(number) if kind is int else number


def make_preset(name: str, values: Mapping[str, object], base: Preset | None = None) -> Preset:
    """A checked preset from `values` over `base` (or over Preset's defaults).

    Raises: PresetError for the first unknown field or wrong value.
    """
    checked: dict[str, Any] = {key: check_field(key, value) for key, value in values.items() if key != "name"}
    check_field("name", name)
    if base is None:
        return Preset(name=name, **checked)
    return dataclasses.replace(base, name=name, **checked)


def differences(preset: Preset, base: Preset) -> dict[str, tuple[object, object]]:
    """Fields in which `preset` differs from `base`: {field: (base's value, preset's value)}, without the names."""
    return {
        f.name: (getattr(base, f.name), getattr(preset, f.name))
        for f in fields(Preset)
        if f.name not in ("name", "summary") and getattr(base, f.name) != getattr(preset, f.name)
    }


BUILT_IN: Final[tuple[Preset, ...]] = (
    Preset(name="rank32", summary="the guide's optimized script"),
    Preset(name="rank16", summary="half the rank: a smaller adapter", lora_rank=16, lora_alpha=32),
    Preset(name="half-epoch", summary="half the data, half the time", num_train_epochs=0.5),
    Preset(
        name="batch6",
        summary="bigger micro-batch; may run out of memory; not the same effective batch",
        per_device_train_batch_size=6,
        gradient_accumulation_steps=1,
    ),
    Preset(
        name="baseline",
        summary="the original run that hit the 8-hour limit",
        lora_rank=64,
        lora_alpha=128,
        num_train_epochs=2.5,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=4,
        save_steps=500,
        max_samples=100_000,
    ),
    Preset(
        name="tiny",
        summary="a random 1 MB model on CPU, for the demo and a first try",
        model_name_or_path=TINY_MODEL,
        dataset_dir="tiny",
        dataset=TINY_DATASET,
        eval_dataset="tiny_clicks_validation",
        cutoff_len=2048,
        image_max_pixels=589_824,
        max_eval_samples=8,
        test_dataset="tiny_clicks_test",
        max_test_samples=16,
        lora_rank=8,
        lora_alpha=16,
        lora_dropout=0.0,
        use_rslora=False,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=1,
        learning_rate=5e-3,
        bf16=False,
        gradient_checkpointing=False,
        flash_attn="disabled",
        deepspeed="none",
        dataloader_num_workers=0,
        logging_steps=1,
        save_steps=10,
        eval_steps=20,
        train_samples=160,
        tokens_per_sample=90,
        gpus_per_node=0,
        cpus_per_task=1,
        mem="4G",
        time_limit="0:10:00",
        signal_lead_s=60,
    ),
)
DEFAULT_PRESET: Final = "rank32"
