"""Batch scripts say what was asked, and nothing that a user types reaches the shell unquoted."""

from __future__ import annotations

import dataclasses
import shlex
import subprocess
from pathlib import Path

import pytest

from websight_tui.presets import BUILT_IN, Preset
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.script import BY_HAND, render, render_by_hand

CHECKOUT = Path(__file__).parents[2]
PRESETS = {preset.name: preset for preset in BUILT_IN}


def spec(preset: Preset | None = None, **values: object) -> RunSpec:
    chosen = dataclasses.replace(preset or PRESETS["rank32"], gpus_per_node=8, time_limit="8:00:00")
    made = RunSpec("rank32-1", "wst-0123456789ab", 0.0, "hai", chosen, "/scratch/me/websight", "abc123")
    return dataclasses.replace(made, **values)


def header(script: str) -> dict[str, str]:
    lines = [line.removeprefix("#SBATCH --") for line in script.splitlines() if line.startswith("#SBATCH")]
    pairs = (shlex.split(line)[0].partition("=") for line in lines)
    return {name: value for name, _, value in pairs}


def test_the_header_says_what_was_asked() -> None:
    script = render(spec(account="ingrai", partition="hai"))
    assert script.startswith("#!/bin/bash\n#SBATCH")
    assert header(script) == {
        "job-name": "wst-0123456789ab-rank32",
        "comment": "wst-0123456789ab",
        "output": "/scratch/me/websight/runs/rank32-1/job-%j.out",
        "error": "/scratch/me/websight/runs/rank32-1/job-%j.err",
        "account": "ingrai",
        "partition": "hai",
        "open-mode": "append",
        "nodes": "1",
        "ntasks-per-node": "1",
        "cpus-per-task": "12",
        "mem": "480G",
        "gres": "gpu:8",
        "time": "8:00:00",
        "signal": "B:USR1@300",
        "requeue": "",
    }


def test_what_is_not_asked_is_not_said() -> None:
    preset = dataclasses.replace(PRESETS["tiny"])
    script = render(dataclasses.replace(spec(), preset=preset))
    assert not {"account", "partition", "qos", "gres"} & set(header(script))


def test_it_ends_in_the_one_way_into_the_trainer() -> None:
    last = render(spec()).splitlines()[-1]
    assert shlex.split(last) == [
        "exec",
        "bash",
        "/scratch/me/websight/bundles/abc123/slurm/job.sh",
        "/scratch/me/websight/runs/rank32-1",
    ]


def test_setup_lines_run_as_they_are_before_the_trainer() -> None:
    script = render(spec(setup=("module load cuda/12.4", 'source "$HOME"/venv/bin/activate')))
    assert '\nmodule load cuda/12.4\nsource "$HOME"/venv/bin/activate\n' in script
    assert script.index("activate") < script.index("exec bash")


@pytest.mark.parametrize("evil", ["$(touch pwned)", "a'; touch pwned; '", "x\n#SBATCH --uid=0\n`touch pwned`"])
def test_values_are_data_to_the_shell(tmp_path: Path, evil: str) -> None:
    root = tmp_path / "root"
    (root / "runs" / "r").mkdir(parents=True)
    job = root / "bundles" / "b" / "slurm" / "job.sh"
    job.parent.mkdir(parents=True)
    job.write_text('printf "%s" "$PYTHON" > python\n')
    script = render(spec(root=str(root), run_id="r", bundle="b", python=evil, account=evil, qos=evil))
    subprocess.run(["bash", "-c", script], check=True, cwd=tmp_path)
    assert not list(tmp_path.rglob("pwned"))
    assert (root / "runs" / "r" / "python").read_text() == " ".join(evil.splitlines())
    assert "uid" not in header(script)


def test_a_home_folder_is_the_clusters_not_ours(tmp_path: Path) -> None:
    line = next(line for line in render(spec(python="~/my env/bin/python")).splitlines() if "PYTHON=" in line)
    command = ["bash", "-c", f'{line}; printf %s "$PYTHON"']
    done = subprocess.run(command, env={"HOME": "/home/x"}, capture_output=True, text=True, check=True)
    assert done.stdout == "/home/x/my env/bin/python"


@pytest.mark.parametrize("name", BY_HAND)
def test_the_scripts_in_the_checkout_are_the_rendered_ones(name: str) -> None:
    assert (CHECKOUT / "slurm" / BY_HAND[name]).read_text() == render_by_hand(PRESETS[name])


@pytest.mark.parametrize("name", PRESETS)
def test_every_script_is_bash(name: str) -> None:
    for script in (render(spec(PRESETS[name])), render_by_hand(PRESETS[name])):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_a_script_by_hand_can_be_edited_as_the_guide_says() -> None:
    script = render_by_hand(PRESETS["rank32"])
    for line in (
        "--lora_rank 32",
        "--lora_alpha 64",
        "--num_train_epochs 1.0",
        "--per_device_train_batch_size 4",
        "--gradient_accumulation_steps 2",
    ):
        assert f"  {line} \\\n" in script
    assert header(script)["output"] == "logs/%x_%j.out"
    assert "OUTPUT_DIR=saves/qwen3-vl-8b/lora/sft-rank32\n" in script
    assert header(script)["gres"] == "gpu:8"
