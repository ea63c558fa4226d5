import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from trainer import evaluate as module
from trainer import grid
from trainer.__main__ import main
from trainer.answers import Source, ask, find_source, inputs, load, question
from trainer.evaluate import PREDICTIONS, Plan, evaluate, wilson
from trainer.problem import Problem
from trainer.rows import make_row
from trainer.try_model import draw_click

pytestmark = pytest.mark.trainer


def plan(adapter: Path, root: Path, out: Path, **changes: Any) -> Plan:
    return Plan(find_source(adapter, None, None), root / "tiny", "tiny_clicks_test", out, **changes)


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / PREDICTIONS).read_text().splitlines()]


def test_the_trained_model_hits_more_than_the_untrained_one(adapter: Path, tiny_root: Path, tmp_path: Path) -> None:
    trained = evaluate(plan(adapter, tiny_root, tmp_path / "trained"))
    source = Source(str(tiny_root / "tiny" / "model"), None, 589_824)
    untrained = evaluate(Plan(source, tiny_root / "tiny", "tiny_clicks_test", tmp_path / "untrained"))
    assert untrained.no_click == untrained.rows == 16
    assert trained.hits >= 3
    assert untrained.hits == 0
    predictions = lines(tmp_path / "trained")
    assert len(predictions) == trained.rows == 16
    for prediction in predictions:
        click = grid.parse_click(prediction["answer"])
        assert prediction["hit"] == bool(click and grid.contains(prediction["bbox"], *click))
    saved = json.loads((tmp_path / "trained" / "results.json").read_text())
    assert saved == trained.as_json()
    assert saved["low"] <= saved["accuracy"] <= saved["high"]


def test_it_goes_on_where_it_was_stopped_also_in_the_middle_of_a_line(
    adapter: Path, tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate(plan(adapter, tiny_root, tmp_path / "whole"))
    evaluate(plan(adapter, tiny_root, tmp_path / "cut", limit=7))
    with (tmp_path / "cut" / PREDICTIONS).open("a") as file:
        file.write('{"row": 8, "answ')
    asked: list[int] = []

    def counting(loaded: Any, questions: Any) -> list[str]:
        asked.append(len(questions))
        return ask(loaded, questions)

    monkeypatch.setattr(module, "ask", counting)
    assert evaluate(plan(adapter, tiny_root, tmp_path / "cut")) == whole
    assert sum(asked) == 9
    assert lines(tmp_path / "cut") == lines(tmp_path / "whole")


def test_another_adapter_or_split_is_not_mixed_in(adapter: Path, tiny_root: Path, tmp_path: Path) -> None:
    evaluate(plan(adapter, tiny_root, tmp_path, limit=2))
    other = Plan(find_source(adapter, None, None), tiny_root / "tiny", "tiny_clicks_validation", tmp_path)
    with pytest.raises(Problem, match="another dataset and data"):
        evaluate(other)
    with pytest.raises(Problem, match="another image_max_pixels"):
        evaluate(Plan(find_source(adapter, None, 1000), tiny_root / "tiny", "tiny_clicks_test", tmp_path))


def test_rows_that_cannot_be_judged_are_counted_not_missed(adapter: Path, tiny_root: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_root / "tiny", tmp_path / "tiny")
    good = json.loads((tmp_path / "tiny" / "tiny_clicks_test.json").read_text())[0]
    rows = [good, {**good, "bbox": None}, {**good, "images": ["gone.png"]}, {**good, "images": []}, "no row", None]
    (tmp_path / "tiny" / "tiny_clicks_test.json").write_text(json.dumps(rows))
    results = evaluate(plan(adapter, tmp_path, tmp_path / "out"))
    assert results.rows == 1
    assert results.not_judged == {
        "without a box": 1,
        "whose image does not exist": 1,
        "without a question and one image": 3,
    }


def test_batches_answer_as_single_questions_do(adapter: Path, tmp_path: Path) -> None:
    loaded = load(find_source(adapter, None, None))
    questions = []
    for number, size in enumerate([(224, 128), (448, 256), (100, 300)]):
        Image.new("RGB", size, (9 * number, 99, 200)).save(tmp_path / f"{number}.png")
        questions.append((tmp_path / f"{number}.png", "<image>Click the " + "very " * number + "menu."))
    assert ask(loaded, questions) == [ask(loaded, [one])[0] for one in questions]


def test_questions_are_written_as_in_training(adapter: Path, tiny_root: Path, tmp_path: Path) -> None:
    """The tokens of a question are the ones that LLaMA-Factory puts before the answer."""
    from tests.trainer.test_preflight import encoded_by_llamafactory
    from trainer.rows import dataset_entry

    Image.new("RGB", (900, 500)).save(tmp_path / "a.png")
    row = make_row("Click the “Suche” box: 1, 2!", "a.png", (10, 10, 20, 20))
    (tmp_path / "train.json").write_text(json.dumps([row]))
    (tmp_path / "dataset_info.json").write_text(json.dumps({"train": dataset_entry("train.json")}))
    loaded = load(Source(str(tiny_root / "tiny" / "model"), None, 100_000))
    content, answer = (message["content"] for message in row["messages"])
    ours = inputs(loaded, [(tmp_path / "a.png", content)], [f"{answer}<|im_end|>\n"])["input_ids"][0].tolist()
    assert ours == encoded_by_llamafactory(tiny_root, tmp_path, 100_000)[0]
    assert question(content).endswith("<|im_start|>assistant\n")


def test_the_guides_command_draws_the_click(
    adapter: Path, tiny_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, drawing = tiny_root / "tiny" / "images" / "tiny_clicks_test_000.png", tmp_path / "click.png"
    command = ["test", "--adapter-path", str(adapter), "--image", str(image), "--prompt", "Click the menu."]
    assert main([*command, "--out", str(drawing), "--json", "--thumbnail", "40"]) == 0
    click = json.loads(capsys.readouterr().out)
    with Image.open(image) as plain:
        assert click["size"] == list(plain.size)
    small = base64.b64decode(click["thumbnail"]["rgb"])
    assert click["thumbnail"]["width"] == 40
    assert len(small) % (2 * 3 * 40) == 0, "an even number of rows"
    assert grid.parse_click(click["answer"]) == tuple(click["grid"])
    with Image.open(drawing) as drawn, Image.open(image) as plain:
        assert drawn.size == plain.size
        assert drawn.tobytes() != plain.convert("RGB").tobytes()


def test_the_mark_is_where_the_click_is(tmp_path: Path) -> None:
    Image.new("RGB", (700, 400), (255, 255, 255)).save(tmp_path / "page.png")
    assert draw_click(tmp_path / "page.png", (1000, 200), tmp_path / "drawn.png") == (500, 100)
    with Image.open(tmp_path / "drawn.png") as drawn:
        red = [(x, y) for x in range(700) for y in range(400) if drawn.getpixel((x, y)) == (214, 26, 70)]
    ring = [point for point in red if abs(point[0] - 500) <= 18 and abs(point[1] - 100) <= 18]
    assert sum(x for x, _ in ring) / len(ring) == pytest.approx(500, abs=1)
    assert sum(y for _, y in ring) / len(ring) == pytest.approx(100, abs=1)


@pytest.mark.parametrize("point", [(0, 0), (1400, 800), (-50, 9999)])
def test_a_click_at_the_edge_or_off_the_page_can_be_drawn(point: tuple[float, float], tmp_path: Path) -> None:
    Image.new("L", (50, 30)).save(tmp_path / "page.png")
    draw_click(tmp_path / "page.png", point, tmp_path / "drawn.png")
    assert (tmp_path / "drawn.png").is_file()


def test_problems_are_one_line_and_a_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate"]) == 1
    assert "no model given" in capsys.readouterr().err
    assert main(["test", "--adapter-path", str(tmp_path), "--image", "x.png", "--prompt", "x"]) == 1
    assert "holds no LoRA adapter" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962), (950, 1000, 0.9346, 0.9619)],
)
def test_wilsons_interval(hits: int, rows: int, low: float, high: float) -> None:
    assert wilson(hits, rows) == pytest.approx((low, high), abs=1e-4)
