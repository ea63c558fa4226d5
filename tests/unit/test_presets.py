"""Presets: the guide's table, arithmetic of steps, and what an edited field may be."""

from __future__ import annotations

import dataclasses

import pytest

from websight_tui.errors import PresetError
from websight_tui.presets import BUILT_IN, FIELD_TYPES, check_field, differences, make_preset

PRESETS = {preset.name: preset for preset in BUILT_IN}


@pytest.mark.parametrize(
    ("name", "rank", "alpha", "epochs", "batch", "accumulation", "effective", "save"),
    [
        ("baseline", 64, 128, 2.5, 2, 4, 64, 500),
        ("rank32", 32, 64, 1.0, 4, 2, 64, 200),
        ("rank16", 16, 32, 1.0, 4, 2, 64, 200),
        ("half-epoch", 32, 64, 0.5, 4, 2, 64, 200),
        ("batch6", 32, 64, 1.0, 6, 1, 48, 200),
    ],
)
def test_the_guides_presets(
    name: str, rank: int, alpha: int, epochs: float, batch: int, accumulation: int, effective: int, save: int
) -> None:
    preset = PRESETS[name]
    assert (preset.lora_rank, preset.lora_alpha, preset.num_train_epochs) == (rank, alpha, epochs)
    assert (preset.per_device_train_batch_size, preset.gradient_accumulation_steps) == (batch, accumulation)
    assert preset.effective_batch(preset.world_size()) == effective
    assert preset.save_steps == save


def test_every_built_in_passes_its_own_checks() -> None:
    for preset in BUILT_IN:
        for name in FIELD_TYPES:
            assert check_field(name, getattr(preset, name)) == getattr(preset, name)


@pytest.mark.parametrize(
    ("samples", "batch", "accumulation", "ranks", "epochs", "steps"),
    [
        (71_000, 4, 2, 8, 1.0, 1110),  # ceil(71000 / 32) = 2219 batches → 1110 steps
        (71_000, 6, 1, 8, 1.0, 1480),
        (160, 2, 1, 1, 1.0, 80),
        (10, 4, 2, 1, 1.0, 2),  # 3 batches, the last step takes one
        (1, 4, 2, 8, 1.0, 1),
        (100, 2, 1, 1, 2.5, 125),
        (101, 2, 1, 1, 0.5, 26),  # 51 steps an epoch, half of it rounded up
    ],
)
def test_steps(samples: int, batch: int, accumulation: int, ranks: int, epochs: float, steps: int) -> None:
    preset = dataclasses.replace(
        PRESETS["rank32"],
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulation,
        num_train_epochs=epochs,
    )
    assert preset.total_steps(ranks, samples) == steps


def test_max_steps_takes_the_place_of_the_epochs() -> None:
    capped = make_preset("probe", {"max_steps": "20"}, PRESETS["rank32"])
    assert (capped.total_steps(8), capped.total_steps(1, samples=3)) == (20, 20)
    assert capped.steps_per_epoch(8) == PRESETS["rank32"].steps_per_epoch(8)


def test_max_samples_bounds_the_rows() -> None:
    assert PRESETS["baseline"].steps_per_epoch(8, 200_000) == PRESETS["baseline"].steps_per_epoch(8, 100_000)


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("lora_rank", "16", 16),
        ("learning_rate", "1e-4", 1e-4),
        ("bf16", "no", False),
        ("max_samples", "", None),
        ("max_samples", None, None),
        ("time_limit", "1-12:00:00", "1-12:00:00"),
        ("lora_rank", 16.0, 16),
    ],
)
def test_fields_are_typed(name: str, typed: object, value: object) -> None:
    checked = check_field(name, typed)
    assert checked == value
    assert type(checked) is type(value)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("lora_rank", "8.5"),
        ("lora_rank", "0"),
        ("lora_rank", "many"),
        ("lora_rank", True),
        ("lora_rank", ""),
        ("learning_rate", "nan"),
        ("learning_rate", "1e999"),
        ("lora_dropout", "1"),
        ("bf16", "perhaps"),
        ("dataset_dir", "my data"),
        ("dataset", "a;b"),
        ("model_name_or_path", "$(reboot)"),
        ("time_limit", "8 hours"),
        ("flash_attn", "fa9"),
        ("mem", "lots"),
        ("name", "a b"),
    ],
)
def test_wrong_values_are_refused_with_the_fields_name(name: str, typed: object) -> None:
    with pytest.raises(PresetError, match=name):
        check_field(name, typed)


def test_an_unknown_field_gets_the_nearest_name() -> None:
    with pytest.raises(PresetError) as caught:
        check_field("lora_rnak", 8)
    assert "lora_rank" in caught.value.hint


def test_differences_name_what_changed() -> None:
    mine = make_preset("mine", {"lora_rank": 8}, PRESETS["rank32"])
    assert differences(mine, PRESETS["rank32"]) == {"lora_rank": (32, 8)}
