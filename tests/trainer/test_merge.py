import shutil
from pathlib import Path

import pytest

from trainer.__main__ import main
from trainer.answers import Source, ask, find_source, load
from trainer.merge import compare, merge
from trainer.problem import Problem
from trainer.tiny import draw_pages

pytestmark = pytest.mark.trainer


def test_merged_and_adapter_answer_the_same(adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "merged"
    assert main(["merge", "--adapter-path", str(adapter), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "6 of 6 answers are equal, 0 of" in said.out
    steps = [line.partition(":")[0] for line in said.err.splitlines() if line.startswith("progress ")]
    assert steps == ["progress 0/3", "progress 1/3", "progress 2/3"]
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]
    agreement = compare(find_source(adapter, None, None), out)
    assert agreement.largest_difference < 1e-3
    assert agreement.adapter_effect > 1  # else the comparison would prove nothing
    pages = draw_pages(tmp_path, 3)
    answers = ask(load(find_source(None, str(out), 589_824)), pages)
    assert answers == ask(load(find_source(adapter, None, None)), pages)
    assert all(answer.startswith("pyautogui.click(") for answer in answers)


def test_a_model_that_answers_differently_is_noticed(adapter: Path, tiny_root: Path) -> None:
    agreement = compare(find_source(adapter, None, None), tiny_root / "tiny" / "model")
    assert agreement.changed > 0
    assert agreement.equal_answers == 0


def test_nothing_is_overwritten_and_nothing_half_is_left(adapter: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("keep")
    with pytest.raises(Problem, match="exists"):
        merge(find_source(adapter, None, None), tmp_path / "out")
    with pytest.raises(Problem, match="no adapter"):
        merge(Source("x", None, 1), tmp_path / "new")
    broken = tmp_path / "broken"
    shutil.copytree(adapter, broken, ignore=shutil.ignore_patterns("checkpoint-*"))
    (broken / "adapter_model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(Problem, match="merge failed"):
        merge(find_source(broken, None, None), tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "out"]


def test_in_bf16_only_undecided_tokens_may_change(adapter: Path, tiny_root: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    base = tiny_root / "tiny" / "model"
    AutoModelForImageTextToText.from_pretrained(base, dtype="bfloat16").save_pretrained(tmp_path / "base")
    AutoProcessor.from_pretrained(base).save_pretrained(tmp_path / "base")
    agreement = merge(find_source(adapter, str(tmp_path / "base"), None), tmp_path / "merged")
    assert agreement.changed == 0
    assert 0 < agreement.largest_difference < agreement.adapter_effect
