"""Sizes against the published layer shapes of Qwen3-VL-8B, counted by hand."""

from __future__ import annotations

import dataclasses

import pytest

from websight_tui.presets import BUILT_IN
from websight_tui.sizing import GIB, SHAPES, lora_parameters, sizes

RANK32 = next(p for p in BUILT_IN if p.name == "rank32")
SHAPE = SHAPES["Qwen/Qwen3-VL-8B-Instruct"]


@pytest.mark.parametrize(("rank", "millions"), [(8, 21.8), (16, 43.6), (32, 87.3), (64, 174.6), (128, 349.2)])
def test_trainable_parameters(rank: int, millions: float) -> None:
    assert lora_parameters(SHAPE, rank) / 1e6 == pytest.approx(millions, abs=0.05)


@pytest.mark.parametrize(("deepspeed", "adapter", "checkpoint"), [("none", 349e6, 1048e6), ("zero2", 175e6, 1397e6)])
def test_adapter_and_checkpoint_are_as_large_as_those_measured(
    deepspeed: str, adapter: float, checkpoint: float
) -> None:
    figures = sizes(dataclasses.replace(RANK32, deepspeed=deepspeed))
    assert figures.adapter_bytes == pytest.approx(adapter, rel=0.01)
    assert figures.checkpoint_bytes == pytest.approx(checkpoint, rel=0.01)


@pytest.mark.parametrize(
    ("batch", "checkpointing", "gib"),
    [(2, True, 33.4), (4, True, 49.5), (6, True, 65.5), (1, False, 62.0), (2, False, 106.2)],
)
def test_memory_is_that_measured_on_an_h200_and_five_gib(batch: int, checkpointing: bool, gib: float) -> None:
    preset = dataclasses.replace(
        RANK32, per_device_train_batch_size=batch, tokens_per_sample=3990, gradient_checkpointing=checkpointing
    )
    memory = sizes(preset).gpu_memory_bytes
    assert memory is not None
    assert memory / GIB - 5 == pytest.approx(gib, abs=0.4)


def test_an_unknown_model_has_unknown_sizes() -> None:
    preset = dataclasses.replace(RANK32, model_name_or_path="someone/else")
    assert sizes(preset).trainable_parameters is None
    assert sizes(preset).gpu_memory_bytes is None


def test_rank_hardly_changes_the_compute() -> None:
    low, high = (sizes(dataclasses.replace(RANK32, lora_rank=r)).flop_per_token for r in (32, 64))
    assert low is not None
    assert high is not None
    assert 1.01 < high / low < 1.02
