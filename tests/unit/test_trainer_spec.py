"""The two sides of run.json hold together: what the app writes is what the trainer reads."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import get_type_hints

import pytest

from trainer import by_hand
from trainer.problem import Problem
from trainer.spec import MAY_CHANGE, TINY_MODEL, VERSION, Settings, changed_settings, fixed_settings, read_spec
from websight_tui import presets, runspec
from websight_tui.slurm_commands.script import render_by_hand

APP_ONLY = {"summary", "train_samples", "tokens_per_sample", "mem", "time_limit", "test_dataset", "max_test_samples"}
"""Preset fields that the training has no use for: texts, forecasts, what only sbatch needs, and what comes after it."""


def write(tmp_path: Path, name: str = "rank32") -> tuple[runspec.RunSpec, Path]:
    preset = next(preset for preset in presets.BUILT_IN if preset.name == name)
    preset = dataclasses.replace(preset, gpus_per_node=preset.gpus_per_node or 0, time_limit="8:00:00")
    spec = runspec.RunSpec("run-1", "wst-0123456789ab", 1.0, "here", preset, str(tmp_path), "abc")
    folder = Path(spec.run_dir)
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(runspec.to_json(spec))
    return spec, folder


def test_every_setting_is_a_preset_field_of_the_same_type() -> None:
    ours, theirs = get_type_hints(Settings), dict(presets.FIELD_TYPES)
    assert set(theirs) - set(ours) == APP_ONLY
    theirs["gpus_per_node"] = int  # filled in when a run is submitted
    assert {name: theirs[name] for name in ours} == ours


def test_versions_and_names_are_the_same() -> None:
    assert VERSION == runspec.RUN_JSON_VERSION
    assert TINY_MODEL == presets.TINY_MODEL
    assert set(get_type_hints(Settings)) >= MAY_CHANGE


@pytest.mark.parametrize("preset", [preset.name for preset in presets.BUILT_IN])
def test_the_trainer_reads_what_the_app_wrote(tmp_path: Path, preset: str) -> None:
    app, folder = write(tmp_path, preset)
    spec = read_spec(folder)
    assert dataclasses.asdict(spec.settings).items() <= dataclasses.asdict(app.preset).items()
    assert (spec.run_id, str(spec.run_dir), str(spec.out_dir)) == (app.run_id, app.run_dir, app.out_dir)
    assert str(spec.events_path) == app.events_path
    assert spec.config_digest == app.config_digest()
    assert spec.settings.world_size == app.preset.world_size(0)
    assert spec.dataset_dir == tmp_path / app.preset.dataset_dir


def test_unknown_keys_are_skipped_and_missing_ones_named(tmp_path: Path) -> None:
    _, folder = write(tmp_path)
    data = json.loads((folder / "run.json").read_text())
    data["preset"]["from_the_future"] = data["also"] = 1
    (folder / "run.json").write_text(json.dumps(data))
    assert read_spec(folder).run_id == "run-1"
    del data["preset"]["lora_rank"]
    (folder / "run.json").write_text(json.dumps(data))
    with pytest.raises(Problem, match="lora_rank"):
        read_spec(folder)


def test_a_run_of_before_a_setting_came_up_has_its_default(tmp_path: Path) -> None:
    _, folder = write(tmp_path)
    data = json.loads((folder / "run.json").read_text())
    data["preset"]["max_steps"] = 20
    (folder / "run.json").write_text(json.dumps(data))
    assert read_spec(folder).settings.max_steps == 20
    del data["preset"]["max_steps"]
    (folder / "run.json").write_text(json.dumps(data))
    assert read_spec(folder).settings.max_steps is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"v": 99}', "{", "\0"])
def test_a_damaged_file_is_said_to_be_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(Problem, match=r"run\.json"):
        read_spec(tmp_path)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="does not exist"):
        read_spec(tmp_path)


def test_the_number_of_processes_and_the_batch_are_fixed_but_not_how_often_it_saves(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path)[1])
    fixed = fixed_settings(spec, 8)
    assert fixed["world_size"] == 8
    assert {"per_device_train_batch_size", "gradient_accumulation_steps", "seed", "lora_rank"} <= set(fixed)
    assert not {"save_steps", "logging_steps", "max_jobs"} & set(fixed)


@pytest.mark.parametrize("preset", [preset.name for preset in presets.BUILT_IN])
def test_a_script_for_jobs_by_hand_comes_to_the_same_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preset: str
) -> None:
    app, folder = write(tmp_path, preset)
    words = render_by_hand(app.preset).split('"$OUTPUT_DIR"')[1].replace("\\\n", " ").split()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLURM_JOB_NUM_NODES", "1")
    monkeypatch.setenv("SLURM_GPUS_ON_NODE", str(app.preset.gpus_per_node))
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", str(app.preset.cpus_per_task))
    by_hand.write_run_json(Path("saves/out"), words)
    made = read_spec(Path("saves/out"))
    assert dataclasses.replace(made.settings, name=preset) == read_spec(folder).settings
    assert made.out_dir == tmp_path / "saves" / "out"
    assert made.root == tmp_path


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--lora_rang", "3"], "unknown option '--lora_rang'"),
        (["lora_rank=3"], "unknown option"),
        (["--lora_rank"], "--lora_rank needs a value"),
        (["--lora_rank", "many"], "--lora_rank takes a whole number, not 'many'"),
        (["--bf16", "maybe"], "--bf16 takes true or false, not 'maybe'"),
        (["--lora_rank=3"], "options are missing: --model_name_or_path"),
    ],
)
def test_wrong_options_are_said_plainly(tmp_path: Path, options: list[str], said: str) -> None:
    with pytest.raises(Problem, match=said):
        by_hand.write_run_json(tmp_path / "out", options)
    assert not (tmp_path / "out" / "run.json").exists()


@pytest.mark.parametrize(
    ("then", "changed"),
    [
        ({"num_train_epochs": 1.0, "lora_rank": 8}, []),
        ({"num_train_epochs": 2.0, "lora_rank": 8}, []),  # fewer than before
        ({"num_train_epochs": 0.5, "lora_rank": 8}, ["num_train_epochs"]),
        ({"lora_rank": 16}, ["lora_rank"]),
        ({}, []),
    ],
)
def test_what_keeps_a_run_from_going_on(then: dict[str, object], changed: list[str]) -> None:
    assert changed_settings({"num_train_epochs": 1.0, "lora_rank": 8}, then) == changed
