"""run.json as the trainer reads it: the other side of the app's contract.

Only what training needs is named here; resources and names for people stay with the app. Unknown keys are skipped, so
that an older trainer can read a newer run.json, and a missing one is said by name.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Final

from trainer.problem import Problem

VERSION: Final = 1
TINY_MODEL: Final = "tiny-random-qwen3-vl"
"""The model name that stands for ROOT/tiny/model, which the trainer makes by itself."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The preset's fields that training depends on, under LLaMA-Factory's names.

    Args:
        max_steps: optimizer steps in place of `num_train_epochs`; None for none.
        use_the_time: go by the share of the time until the deadline instead of by steps (`trainer.budget`).
        max_samples: rows of the training data that are used; None for all.
        max_eval_samples: rows that an evaluation looks at.
        image_max_pixels: larger images are scaled down to it.
        warmup_ratio: share of the steps.
        nodes, gpus_per_node, cpu_ranks: one process a GPU, or `cpu_ranks` a node where there are no GPUs.
        signal_lead_s: seconds before the job's limit at which it saves and stops.
        max_jobs: how many jobs the run may take.
    """

    name: str
    model_name_or_path: str
    template: str
    dataset_dir: str
    dataset: str
    eval_dataset: str
    cutoff_len: int
    image_max_pixels: int
    max_samples: int | None
    max_eval_samples: int
    lora_rank: int
    lora_alpha: int
    lora_dropout: float
    lora_target: str
    use_rslora: bool
    num_train_epochs: float
    per_device_train_batch_size: int
    gradient_accumulation_steps: int
    learning_rate: float
    lr_scheduler_type: str
    warmup_ratio: float
    seed: int
    bf16: bool
    gradient_checkpointing: bool
    flash_attn: str
    deepspeed: str
    dataloader_num_workers: int
    logging_steps: int
    save_steps: int
    save_total_limit: int
    eval_steps: int
    report_to: str
    nodes: int
    gpus_per_node: int
    cpu_ranks: int
    cpus_per_task: int
    signal_lead_s: int
    max_jobs: int
    max_steps: int | None = None
    use_the_time: bool = False

    @property
    def ranks_per_node(self) -> int:
        return self.gpus_per_node or self.cpu_ranks

    @property
    def world_size(self) -> int:
        return self.nodes * self.ranks_per_node


@dataclass(frozen=True, slots=True)
class Spec:
    """One run.

    Args:
        run_dir: where run.json was found; events.jsonl is written beside it.
        root: holds runs/, bundles/, tiny/ and relative data folders.
        out_dir: LLaMA-Factory's output_dir.
        config_digest: the app's digest of all settings, repeated in the events.
    """

    run_id: str
    run_dir: Path
    root: Path
    out_dir: Path
    config_digest: str
    settings: Settings

    @property
    def model_path(self) -> str:
        """A folder or a name on the hub."""
        name = self.settings.model_name_or_path
        return str(self.root / "tiny" / "model") if name == TINY_MODEL else name

    @property
    def dataset_dir(self) -> Path:
        return self.root / self.settings.dataset_dir

    @property
    def events_path(self) -> Path:
        return self.run_dir / "events.jsonl"


MAY_CHANGE: Final = frozenset(
    {
        *("name", "max_eval_samples", "gradient_checkpointing", "flash_attn", "dataloader_num_workers"),
        *("logging_steps", "save_steps", "save_total_limit", "eval_steps", "eval_dataset", "report_to"),
        *("nodes", "gpus_per_node", "cpu_ranks", "cpus_per_task", "signal_lead_s", "max_jobs"),
    }
)
"""Settings that may be others when a run goes on. The number of processes may not: it is compared by itself."""
EPOCHS: Final = "num_train_epochs"


def fixed_settings(spec: Spec, world_size: int) -> dict[str, Any]:
    """What must stay the same from the first step to the last: {name: value}, kept beside every checkpoint."""
    values = dataclasses.asdict(spec.settings)
    fixed = {name: value for name, value in values.items() if name not in MAY_CHANGE}
    return {**fixed, "dataset_dir": str(spec.dataset_dir), "world_size": world_size}


def changed_settings(now: Mapping[str, Any], then: Mapping[str, Any]) -> list[str]:
    """Names of the settings that keep a run from going on from a checkpoint.

    Fewer epochs do not: the learning rate takes the course of the shorter run from there. More would raise it again.

    Args:
        now, then: from `fixed_settings`; what one of them lacks is not compared.
    """
    changed = [name for name in now if name in then and now[name] != then[name]]
    return [name for name in changed if name != EPOCHS or now[name] > then[name]]


def read_spec(run_dir: Path) -> Spec:
    """The run that `run_dir`/run.json describes. Raises Problem if it is missing, damaged or of another version."""
    path = Path(run_dir).absolute() / "run.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Problem(f"{path} does not exist", "Give the folder that the run was submitted with.") from None
    except (OSError, ValueError) as exc:
        raise Problem(f"{path} cannot be read: {exc}", "Submit the run again, or restore the file.") from exc
    if not isinstance(data, Mapping) or data.get("v") != VERSION:
        raise Problem(f"{path} is not a run.json of version {VERSION}", "Use a trainer of the app's own version.")
    try:
        return Spec(
            run_id=str(data["run_id"]),
            run_dir=path.parent,
            root=Path(data["root"]),
            out_dir=Path(data["out_dir"]),
            config_digest=str(data.get("config_digest", "")),
            settings=_settings(data["preset"]),
        )
    except (KeyError, TypeError) as exc:
        raise Problem(f"{path} has no usable value for {exc}", "Submit the run again.") from exc


def _settings(preset: Mapping[str, Any]) -> Settings:
    wanted = [field.name for field in fields(Settings) if field.default is MISSING or field.name in preset]
    values = {name: preset[name] for name in wanted}
    if values["gpus_per_node"] is None:
        raise KeyError("preset.gpus_per_node")
    return Settings(**values)
