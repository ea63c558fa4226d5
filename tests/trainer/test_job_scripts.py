"""The scripts for preparing, evaluating and merging, run as Slurm runs them: by bash, from the checkout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

CHECKOUT = Path(__file__).parents[2]


def run(script: str, **settings: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHON": sys.executable, "SLURM_SUBMIT_DIR": str(CHECKOUT)}
    environment |= {name: str(value) for name, value in settings.items()}
    environment.pop("HF_TOKEN", None)
    return subprocess.run(
        ["bash", f"slurm/{script}"], cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=200
    )


def test_prepare_data(tmp_path: Path) -> None:
    Image.new("RGB", (140, 80)).save(tmp_path / "a.png")
    original = {"bbox": [10, 10, 30, 20], "resolution": [140, 80], "image_path": "a.png"}
    (tmp_path / "prompts.jsonl").write_text(json.dumps({"prompt": "click it", "original": original}) + "\n")
    done = run("prepare_data.slurm", DATA=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 rows read, 1 kept, 0 dropped" in done.stdout
    assert "websight_train" in json.loads((tmp_path / "dataset_info.json").read_text())


@pytest.mark.trainer
def test_evaluate_model(adapter: Path, tiny_root: Path) -> None:
    done = run("evaluate_model.slurm", ADAPTER_PATH=adapter, DATA=tiny_root / "tiny", DATASET="tiny_clicks_test")
    assert done.returncode == 0, done.stderr
    assert "click accuracy" in done.stdout
    assert (adapter / "evaluation-tiny_clicks_test" / "predictions.jsonl").is_file()


@pytest.mark.trainer
def test_merge_and_push_merges_once_and_refuses_to_push_without_a_token(adapter: Path, tmp_path: Path) -> None:
    merged = tmp_path / "merged"
    done = run("merge_and_push.slurm", ADAPTER_PATH=adapter, MERGED_PATH=merged)
    assert done.returncode == 0, done.stderr
    assert (merged / "config.json").is_file()
    again = run("merge_and_push.slurm", ADAPTER_PATH=adapter, MERGED_PATH=merged, REPO="me/clicks")
    assert again.returncode == 1
    assert "HF_TOKEN is not set" in again.stderr
    assert "the merged model is in" not in again.stdout


@pytest.mark.parametrize("script", ["evaluate_model.slurm", "merge_and_push.slurm", "prepare_data.slurm"])
def test_a_missing_input_is_one_line_not_a_traceback(script: str, tmp_path: Path) -> None:
    done = run(script, ADAPTER_PATH=tmp_path / "none", DATA=tmp_path, MERGED_PATH=tmp_path / "merged")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
