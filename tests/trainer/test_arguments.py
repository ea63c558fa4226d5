"""LLaMA-Factory's own parser takes our arguments, for every preset, and understands them as they are meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.runs import PRESETS, write_run
from trainer import arguments
from trainer.spec import Spec, read_spec

pytest.importorskip("torch", reason="needs the trainer's environment")


def parse(values: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    """What LLaMA-Factory makes of arguments: model, data, training, finetuning.

    Its parser asks for a GPU that can do bf16 and for DeepSpeed to be installed; here there is neither, so those two
    answers are looked at by themselves.
    """
    from llamafactory.hparams.parser import _TRAIN_ARGS
    from transformers import HfArgumentParser

    here = {**values, "use_cpu": True}
    here.pop("deepspeed", None)
    model, data, training, finetuning, _ = HfArgumentParser(_TRAIN_ARGS).parse_dict(here, allow_extra_keys=False)
    return model, data, training, finetuning


def spec(tmp_path: Path, name: str, **changes: Any) -> Spec:
    return read_spec(write_run(tmp_path, name=name, **changes))


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_understood_as_it_is_meant(tmp_path: Path, name: str) -> None:
    run = spec(tmp_path, name)
    wanted = run.settings
    model, data, training, finetuning = parse(arguments.llamafactory_arguments(run))
    assert (finetuning.stage, finetuning.finetuning_type) == ("sft", "lora")
    assert (finetuning.lora_rank, finetuning.lora_alpha) == (wanted.lora_rank, wanted.lora_alpha)
    assert (finetuning.lora_dropout, finetuning.use_rslora) == (wanted.lora_dropout, wanted.use_rslora)
    assert finetuning.lora_target == [wanted.lora_target]
    assert finetuning.freeze_vision_tower
    assert str(model.flash_attn) == wanted.flash_attn
    assert model.image_max_pixels == wanted.image_max_pixels
    assert model.disable_gradient_checkpointing is not wanted.gradient_checkpointing
    assert data.template == "qwen3_vl_nothink"
    assert (data.dataset, data.eval_dataset) == ([wanted.dataset], [wanted.eval_dataset])
    assert (data.dataset_dir, data.media_dir) == (str(run.dataset_dir), str(run.dataset_dir))
    assert (data.cutoff_len, data.max_samples) == (wanted.cutoff_len, wanted.max_samples)
    assert training.do_train
    assert training.bf16 is wanted.bf16
    assert training.num_train_epochs == wanted.num_train_epochs
    assert training.max_steps == -1
    assert training.per_device_train_batch_size == wanted.per_device_train_batch_size
    assert training.gradient_accumulation_steps == wanted.gradient_accumulation_steps
    assert training.learning_rate == wanted.learning_rate
    assert training.lr_scheduler_type == wanted.lr_scheduler_type
    assert training.get_warmup_steps(1000) == 1000 * wanted.warmup_ratio
    assert (training.logging_steps, training.save_steps) == (wanted.logging_steps, wanted.save_steps)
    assert (str(training.eval_strategy), training.eval_steps) == ("IntervalStrategy.STEPS", wanted.eval_steps)
    assert training.report_to == ["tensorboard"]
    assert not training.logging_nan_inf_filter
    assert training.seed == 42


def test_a_number_of_steps_takes_the_place_of_the_epochs(tmp_path: Path) -> None:
    _, _, training, _ = parse(arguments.llamafactory_arguments(spec(tmp_path, "rank32", max_steps=20)))
    assert training.max_steps == 20


def test_without_evaluation_data_nothing_is_evaluated(tmp_path: Path) -> None:
    _, data, training, _ = parse(arguments.llamafactory_arguments(spec(tmp_path, "rank32", eval_dataset="")))
    assert data.eval_dataset is None
    assert not training.do_eval


def test_gpus_use_deepspeed_when_asked_and_cpus_never_do(tmp_path: Path) -> None:
    gpu = spec(tmp_path / "a", "rank32")
    values = arguments.llamafactory_arguments(gpu)
    assert values["deepspeed"] == str(gpu.run_dir / "deepspeed.json")
    assert "use_cpu" not in values
    assert "deepspeed" not in arguments.llamafactory_arguments(spec(tmp_path / "b", "rank32", deepspeed="none"))
    cpu = arguments.llamafactory_arguments(spec(tmp_path / "c", "rank32", gpus_per_node=0))
    assert cpu["use_cpu"] is True
    assert "deepspeed" not in cpu


def test_deepspeed_shards_gradients_and_takes_the_rest_from_transformers() -> None:
    from accelerate.utils.deepspeed import HfDeepSpeedConfig

    config = HfDeepSpeedConfig(json.loads(json.dumps(arguments.ZERO2)))
    assert config.is_zero2()
    assert not config.is_offload()
    for name in ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps"):
        assert config.get_value(name) == "auto"


def test_a_checkpoint_is_named_by_its_path(tmp_path: Path) -> None:
    run = spec(tmp_path, "tiny")
    assert "resume_from_checkpoint" not in arguments.llamafactory_arguments(run)
    _, _, training, _ = parse(arguments.llamafactory_arguments(run, Path("/x/checkpoint-7")))
    assert training.resume_from_checkpoint == "/x/checkpoint-7"


def test_what_the_user_has_set_in_the_environment_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = spec(tmp_path, "rank32", cpus_per_task=24)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    made = arguments.environment(run)
    assert made["OMP_NUM_THREADS"] == "3"
    assert made["TENSORBOARD_LOGGING_DIR"] == str(run.out_dir / "runs")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert "OMP_NUM_THREADS" not in arguments.environment(run)
