import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.trainer.runs import write_run
from trainer.__main__ import main
from trainer.checkpoints import MARKER
from trainer.checks.environment import TESTED, check_environment
from trainer.checks.model import check_model, find_model
from trainer.checks.storage import checkpoint_bytes, parse_quota
from trainer.plan import FINISHED
from trainer.preflight import Preflight, preflight
from trainer.rows import dataset_entry
from trainer.spec import fixed_settings, read_spec
from trainer.vision import image_tokens, processor_limits, scaled_size

Row = dict[str, Any]


def row(image: str = "a.png", answer: str = "pyautogui.click(7, 8)", question: str = "<image>Click.") -> Row:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": turns, "images": [image]}


@pytest.fixture
def check(tiny_root: Path, tmp_path: Path) -> Callable[..., Preflight]:
    """Runs a pre-flight of the tiny model on rows that the test gives, of which a.png (700×400) exists."""

    def run(*rows: Row | str, evaluation: list[Row] | None = None, **changes: Any) -> Preflight:
        shutil.copytree(tiny_root / "tiny", tmp_path / "tiny")
        data = tmp_path / "data"
        data.mkdir()
        Image.new("RGB", (700, 400)).save(data / "a.png")
        Image.new("RGB", (700, 400)).save(data / "b.png")
        for name, content in (("train", rows), ("eval", evaluation or [row("b.png")])):
            lines = [line if isinstance(line, str) else json.dumps(line) for line in content]
            (data / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
        info = {name: dataset_entry(f"{name}.jsonl") for name in ("train", "eval")}
        (data / "dataset_info.json").write_text(json.dumps(info))
        defaults = {"dataset_dir": "data", "dataset": "train", "eval_dataset": "eval"}
        return preflight(write_run(tmp_path, **(defaults | changes)))

    return run


def found(result: Preflight, level: str, check: str = "data") -> str:
    return "\n".join(f"{f.message} {f.hint}" for f in result.findings if f.level == level and f.check == check)


def test_the_demo_passes_in_no_time(tiny_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_run(tiny_root, "preflight")
    assert main(["preflight", "--run-dir", str(folder), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["ok"]
    assert result["train_rows"] == 160
    assert result["eval_rows"] == 16
    assert result["seconds"] < 5
    assert {finding["level"] for finding in result["findings"]} == {"ok"}


def test_each_step_and_finding_is_told_as_it_is_made(tiny_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_run(tiny_root, "preflight-followed")
    assert main(["preflight", "--run-dir", str(folder), "--follow"]) == 0
    *told, whole = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    begun = [line["doing"]["check"] for line in told if "doing" in line]
    assert list(dict.fromkeys(begun)) == ["environment", "model", "data", "storage", "output"]
    assert [line["finding"] for line in told if "finding" in line] == whole["findings"]
    images = [line["doing"] for line in told if "doing" in line and line["doing"]["total"]]
    assert (images[0]["done"], images[0]["total"]) == (50, 160)
    assert all(doing["done"] <= doing["total"] for doing in images)


def test_a_missing_run_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preflight", "--run-dir", str(tmp_path)]) == 1
    assert "run.json does not exist" in capsys.readouterr().out


def test_all_kinds_of_bad_rows_are_found_with_their_first_row(check: Callable[..., Preflight], tmp_path: Path) -> None:
    result = check(
        row(),
        "{",
        {"messages": "none"},
        {"messages": [{"role": "assistant", "content": "x"}], "images": []},
        row(question="Click."),
        row(answer="pyautogui.click(1500, 8)"),
        row(answer="at the top"),
        row("gone.png"),
        row("gone.png"),
        row("run.json"),
    )
    fail, warn = found(result, "fail"), found(result, "warn")
    assert result.train_rows == 10
    assert "1 row has not a JSON object (first: row 2)" in fail
    assert "no list of messages with role and text (first: row 3)" in fail
    assert "another number of <image> tags than of images (first: row 5)" in fail
    assert "a click outside the 1400×800 grid (first: row 6)" in fail
    assert "an image that does not exist (first: row 8)" in fail
    assert "turns are not user, assistant" in warn
    assert "an answer without pyautogui.click(x, y) (first: row 7)" in warn
    assert not result.ok


def test_an_image_that_is_none_is_found(check: Callable[..., Preflight]) -> None:
    assert "cannot be opened (first: row 2)" in found(check(row(), row("dataset_info.json")), "fail")


def test_a_row_too_long_for_the_cutoff_fails_before_it_crashes_the_training(check: Callable[..., Preflight]) -> None:
    result = check(row(), row(question="<image>" + "Click the menu. " * 400), cutoff_len=1000)
    assert "(row 2)" in found(result, "fail")
    assert "cutoff_len is 1,000" in found(result, "fail")
    assert result.longest_row
    assert result.longest_row > 1000


def test_a_python_without_the_packages_still_gets_all_other_findings(
    tmp_path: Path, check: Callable[..., Preflight], monkeypatch: pytest.MonkeyPatch
) -> None:
    check(row(), row(answer="pyautogui.click(1500, 8)"))
    (tmp_path / "tiny" / "made.json").unlink()
    for name in ("PIL", "torch", "transformers", "tokenizers"):
        monkeypatch.setitem(sys.modules, name, None)
    result = preflight(tmp_path / "runs" / "run")
    assert "images and lengths were not looked into, PIL is missing" in found(result, "warn")
    assert "a click outside" in found(result, "fail")
    assert "the tiny model cannot be made" in found(result, "fail", "model")
    assert found(result, "ok", "storage")


def test_pages_in_training_and_evaluation_are_warned_of(check: Callable[..., Preflight]) -> None:
    result = check(row(), evaluation=[row(), row("b.png")])
    assert "1 of its 2 images are in the training data too" in found(result, "warn")
    assert result.ok


def test_a_data_set_that_nobody_prepared(check: Callable[..., Preflight]) -> None:
    assert "'other' is not in" in found(check(row(), dataset="other"), "fail")


def test_much_data_is_sampled_and_said_so_quickly(check: Callable[..., Preflight]) -> None:
    begin = time.monotonic()
    result = check(*[row()] * 20_000, row(question="<image>" + "Click. " * 500), cutoff_len=1000)
    assert time.monotonic() - begin < 20
    assert result.rows_looked_into < 2100
    assert f"{result.rows_looked_into:,} of 20,001 looked into" in found(result, "fail")  # the longest is always found


def encoded_by_llamafactory(root: Path, data: Path, max_pixels: int) -> list[list[int]]:
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_tokenizer

    arguments = {"model_name_or_path": str(root / "tiny" / "model"), "image_max_pixels": max_pixels, "stage": "sft"}
    arguments |= {"do_train": True, "finetuning_type": "lora", "template": "qwen3_vl_nothink", "dataset": "train"}
    arguments |= {"dataset_dir": str(data), "media_dir": str(data), "cutoff_len": 9000, "output_dir": str(data / "out")}
    model_args, data_args, training_args, _, _ = get_train_args(arguments | {"use_cpu": True, "report_to": "none"})
    tokenizer_module = load_tokenizer(model_args)
    template = get_template_and_fix_tokenizer(tokenizer_module["tokenizer"], data_args)
    module = get_dataset(template, model_args, data_args, training_args, stage="sft", **tokenizer_module)
    return [list(ids) for ids in module["train_dataset"]["input_ids"]]


@pytest.mark.trainer
def test_lengths_are_those_that_llamafactory_comes_to(check: Callable[..., Preflight], tmp_path: Path) -> None:
    sizes = [(1920, 1080), (1400, 800), (70, 40), (2560, 1440), (33, 900), (3000, 10), (1, 1), (31, 500)]
    (tmp_path / "images").mkdir()
    for width, height in sizes:
        Image.new("RGB", (width, height)).save(tmp_path / "images" / f"{width}.png")
    rows = [row(f"../images/{width}.png", question=f"<image>Ünïcode {width} 点击!") for width, _ in sizes]
    result = check(*rows, image_max_pixels=500_000)
    real = [len(ids) for ids in encoded_by_llamafactory(tmp_path, tmp_path / "data", 500_000)]
    assert result.tokens_per_row == pytest.approx(sum(real) / len(real), abs=0.06)
    assert result.longest_row == max(real)


@pytest.mark.parametrize(
    ("size", "max_pixels", "tokens"),
    [
        ((1920, 1080), 768 * 768, 576),
        ((1920, 1080), 99_999_999, 2040),
        ((2560, 1440), 99_999_999, 3600),
        ((3840, 2160), 99_999_999, 8160),
        ((100, 60), 99_999_999, 77),
    ],
)
def test_image_tokens_of_the_real_model(size: tuple[int, int], max_pixels: int, tokens: int) -> None:
    assert image_tokens(*size, max_pixels, processor_limits(None)) == tokens


def test_scaling_keeps_what_fits() -> None:
    assert scaled_size(1400, 800, 1_120_000) == (1400, 800)
    assert scaled_size(1920, 1080, 768 * 768) == (1024, 576)


def test_missing_and_other_versions_are_told(tiny_root: Path) -> None:
    settings = read_spec(write_run(tiny_root, "versions")).settings
    versions: dict[str, str | None] = dict.fromkeys(("torchvision", "pillow", "av", "tokenizers", "safetensors"), "1")
    versions |= TESTED | {"tensorboard": "2.0"}
    assert [f.level for f in check_environment(settings, versions.get)] == ["ok"]
    versions |= {"peft": "0.180.1", "av": None, "tensorboard": None}
    findings = {f.level: [] for f in check_environment(settings, versions.get)}
    for finding in check_environment(settings, versions.get):
        findings[finding.level].append(finding.message)
    assert "lacks av" in findings["fail"][0]
    assert "tensorboard" in findings["fail"][1]
    assert "peft 0.180.1 (tested: 0.18)" in findings["warn"][0]


def test_gpu_runs_need_gpu_libraries(tmp_path: Path) -> None:
    result = preflight(write_run(tmp_path, name="rank32"))
    assert "deepspeed is set to zero2" in found(result, "fail", "environment")
    assert "flash-attn is not installed" in found(result, "warn", "environment")


def test_the_hubs_cache_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    spec = read_spec(write_run(tmp_path, name="rank32"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert [f.level for f in check_model(spec, find_model(spec))] == ["fail"]
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert [f.level for f in check_model(spec, find_model(spec))] == ["warn"]
    cached = tmp_path / "cache" / "models--Qwen--Qwen3-VL-8B-Instruct"
    snapshot = cached / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc")
    for name in ("config.json", "tokenizer_config.json", "1.safetensors"):
        (snapshot / name).write_text("{}")
    index = {"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    [finding] = check_model(spec, find_model(spec))
    assert finding.level == "fail"
    assert "lacks 2.safetensors" in finding.message
    (snapshot / "2.safetensors").write_text("{}")
    assert [f.level for f in check_model(spec, find_model(spec))] == ["ok"]


def test_checkpoints_are_as_large_as_computed(tmp_path: Path) -> None:
    spec = read_spec(write_run(tmp_path, name="rank32"))
    assert checkpoint_bytes(spec, None) == pytest.approx(87_293_952 * 18, rel=0.03)


@pytest.mark.parametrize(
    ("text", "source", "left"),
    [
        ("  /scratch  1000  2000  3000  -  12  0  0  -\n", None, 2000 * 1024),
        ("/scratch\n   5000* 4000  4500  6d  12  0  0  -\n", None, 0),
        ("/scratch  1000  0  0  -  12  0  0  -\n", None, None),
        ("/scratch  1000  1500  0  -  12  0  0  -\n", None, 500 * 1024),
        (
            "Disk quotas for user u (uid 7): \n Filesystem blocks quota limit grace files quota limit grace\n"
            "nas:/home 10 20 30       5 0 0\n/dev/sdb1 100 200 300       5 0 0\n",
            "/dev/sdb1",
            200 * 1024,
        ),
        ("lfs quota: cannot reach", None, None),
    ],
)
def test_quotas_are_read(text: str, source: str | None, left: int | None) -> None:
    assert parse_quota(text, source) == left


def output_of(folder: Path) -> tuple[str, str]:
    [finding] = [f for f in preflight(folder).findings if f.check == "output"]
    return finding.level, finding.message


def test_what_an_earlier_start_left_is_told(tiny_root: Path) -> None:
    folder = write_run(tiny_root, "earlier")
    spec = read_spec(folder)
    assert output_of(folder)[0] == "ok"
    (spec.out_dir / "checkpoint-20").mkdir(parents=True)
    assert "starts at step 0" in output_of(folder)[1]
    whole = spec.out_dir / "checkpoint-10"
    whole.mkdir()
    marker = {"step": 10, "files": {}, "fixed": fixed_settings(spec, 1)}
    (whole / MARKER).write_text(json.dumps(marker))
    assert "checkpoint-20 is not whole: the run goes on from checkpoint-10" in output_of(folder)[1]
    marker["fixed"]["lora_rank"] = 64
    (whole / MARKER).write_text(json.dumps(marker))
    assert output_of(folder) == ("fail", "checkpoint-10 was trained with other settings: lora_rank 64 → 8")
    (spec.out_dir / FINISHED).write_text("{}")
    assert "is finished" in output_of(folder)[1]


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc").is_dir(), reason="needs a folder nobody can write to")
def test_a_folder_that_cannot_be_written_is_found(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(run | {"out_dir": "/proc/none/out"}))
    assert "nothing can be written" in found(preflight(folder), "fail", "storage")
