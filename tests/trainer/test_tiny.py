import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer import grid
from trainer.tiny import SPLITS, ensure_tiny

pytest.importorskip("torch", reason="needs the trainer's environment")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_rows_images_and_answers_belong_together(tiny_root: Path) -> None:
    tiny = tiny_root / "tiny"
    info = json.loads((tiny / "dataset_info.json").read_text())
    for name, count in SPLITS.items():
        rows = json.loads((tiny / info[name]["file_name"]).read_text())
        assert len(rows) == count
        for row in rows:
            question, answer = row["messages"]
            assert question["content"].count("<image>") == len(row["images"]) == 1
            assert (tiny / row["images"][0]).is_file()
            click = grid.parse_click(answer["content"])
            assert click
            assert grid.inside_grid(*click)
            assert grid.contains(row["bbox"], *click)


def test_the_model_is_small_and_its_tokenizer_gives_back_what_it_was_given(tiny_root: Path) -> None:
    from transformers import AutoProcessor

    model = tiny_root / "tiny" / "model"
    assert (model / "model.safetensors").stat().st_size < 1_500_000
    tokenizer = AutoProcessor.from_pretrained(model).tokenizer
    text = "<|im_start|>user\nClick the menu. pyautogui.click(12, 799)<|im_end|>\n"
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_it_comes_out_the_same_each_time(tiny_root: Path, tmp_path: Path) -> None:
    ensure_tiny(tmp_path)
    assert contents(tmp_path / "tiny") == contents(tiny_root / "tiny")


def test_what_is_there_is_left_alone(tiny_root: Path) -> None:
    made = tiny_root / "tiny" / "made.json"
    before = made.stat().st_mtime_ns
    ensure_tiny(tiny_root)
    assert made.stat().st_mtime_ns == before


def test_a_folder_of_another_version_is_replaced(tiny_root: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "made.json").write_text('{"version": 0}')
    ensure_tiny(tmp_path)
    assert contents(tmp_path / "tiny") == contents(tiny_root / "tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_two_jobs_at_the_same_moment_get_one_whole_folder(tiny_root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trainer", "tiny", "--root", str(tmp_path)]
    by_hand = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    here = Path(__file__).parents[2]
    jobs = [subprocess.Popen(command, cwd=here, env=by_hand, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [job.wait(timeout=100) for job in jobs] == [0, 0]
    assert contents(tmp_path / "tiny") == contents(tiny_root / "tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]
