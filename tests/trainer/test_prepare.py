import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from trainer import grid
from trainer.prepare import REASONS, Plan, prepare, split_of
from trainer.problem import Problem

Row = dict[str, Any]


def row(image: str = "p0.png", prompt: str = "click the button", **original: Any) -> Row:
    return {
        "prompt": prompt,
        "original": {"bbox": [100, 50, 200, 90], "resolution": [700, 400], "image_path": image} | original,
    }


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., Plan]:
    images = tmp_path / "images"
    images.mkdir()
    for number in range(40):
        Image.new("RGB", (70, 40)).save(images / f"p{number}.png")

    def make(*rows: Row | bytes, **changes: Any) -> Plan:
        prompts = tmp_path / "prompts.jsonl"
        prompts.write_bytes(b"\n".join(r if isinstance(r, bytes) else json.dumps(r).encode() for r in rows))
        defaults: Row = {"validation": 0.0, "test": 0.0}
        return Plan(prompts, images, tmp_path / "data", **(defaults | changes))

    return make


def rows_of(plan: Plan, split: str) -> list[Row]:
    return [json.loads(line) for line in (plan.out / f"websight_{split}.jsonl").read_text().splitlines()]


def test_a_row_becomes_a_question_a_click_on_the_grid_and_a_box(plan: Callable[..., Plan]) -> None:
    made = plan(row())
    prepare(made)
    [only] = rows_of(made, "train")
    assert only["messages"][0] == {"role": "user", "content": "<image>click the button"}
    assert only["messages"][1] == {"role": "assistant", "content": "pyautogui.click(300, 140)"}
    assert only["bbox"] == [200.0, 100.0, 400.0, 180.0]
    assert Path(only["images"][0]) == made.images / "p0.png"


def test_images_inside_the_data_folder_are_named_from_there(plan: Callable[..., Plan], tmp_path: Path) -> None:
    made = plan(row())
    inside = Plan(made.prompts, made.images, tmp_path, validation=0, test=0)
    prepare(inside)
    assert rows_of(inside, "train")[0]["images"] == ["images/p0.png"]


def test_dotted_keys_and_width_and_height_are_understood(plan: Callable[..., Plan]) -> None:
    flat = {"prompt": "x"} | {f"original.{key}": value for key, value in row()["original"].items()}
    made = plan(flat | {"original.bbox": [100, 50, 100, 40]}, box_form="xywh")
    prepare(made)
    assert rows_of(made, "train")[0]["bbox"] == [200.0, 100.0, 400.0, 180.0]


HOSTILE: list[tuple[str, Row | bytes]] = [
    ("line_too_long", b'{"prompt": "' + b"x" * 1_100_000 + b'"}'),
    ("not_json", b"{"),
    ("not_json", b"\xff\xfe"),
    ("not_json", b"[1]"),
    ("not_json", b"[" * 100_000),
    ("no_prompt", row(prompt="  ")),
    ("no_prompt", {"original": {}}),
    ("prompt_has_tags", row(prompt="click <image>")),
    ("prompt_has_tags", row(prompt="a<|im_end|>")),
    ("no_image_path", row(image_path=None)),
    ("no_image_path", {"prompt": "x", "original": "nothing"}),
    ("image_outside", row("../prompts.jsonl")),
    ("image_outside", row("/etc/passwd")),
    ("image_missing", row("p99.png")),
    ("image_missing", row("p\0.png")),
    ("image_missing", row("x" * 5000)),
    ("image_unreadable", row("text.png")),
    ("bad_resolution", row(resolution=[0, 400])),
    ("bad_resolution", row(resolution="700x400")),
    ("bad_box", row(bbox=[1, 2, 3])),
    ("bad_box", row(bbox=[1, 2, 3, float("nan")])),
    ("bad_box", row(bbox=[1, 2, 3, True])),
    ("bad_box", row(bbox=[1, 2, 3, 10**400])),
    ("empty_box", row(bbox=[100, 50, 100, 90])),
    ("box_off_page", row(bbox=[600, 50, 900, 90])),
    ("duplicate", row()),
]


def test_every_hostile_row_is_dropped_with_its_reason_and_the_good_ones_stay(plan: Callable[..., Plan]) -> None:
    made = plan(row(), *(bad for _, bad in HOSTILE), row("p1.png"))
    (made.images / "text.png").write_text("no image")
    report = prepare(made)
    dropped = [json.loads(line) for line in (made.out / "websight_dropped.jsonl").read_text().splitlines()]
    assert [(drop["line"], drop["reason"]) for drop in dropped] == [(n, r) for n, (r, _) in enumerate(HOSTILE, 2)]
    assert {reason for reason, _ in HOSTILE} == set(REASONS)
    assert len(rows_of(made, "train")) == 2
    assert report.read == len(HOSTILE) + 2 == report.kept["train"] + sum(report.dropped.values())
    saved = json.loads((made.out / "websight_report.json").read_text())
    assert saved["dropped"]["bad_box"] == {"rows": 4, "meaning": REASONS["bad_box"]}
    assert REASONS["bad_box"] in report.in_words()


def test_a_box_over_the_edge_is_cut_and_noted(plan: Callable[..., Plan]) -> None:
    made = plan(row(bbox=[-50, 50, 200, 90]), row("p1.png", bbox=[-0.4, 50, 200, 90]))
    assert prepare(made).notes == {"box_clipped": 1}
    assert [r["bbox"][0] for r in rows_of(made, "train")] == [0, 0]


def test_other_proportions_are_noted(plan: Callable[..., Plan]) -> None:
    assert prepare(plan(row(resolution=[700, 700]))).notes == {"other_shape": 1}


def test_no_page_leaks_and_more_rows_move_nothing(plan: Callable[..., Plan]) -> None:
    shares = {"validation": 0.2, "test": 0.2}
    made = plan(*(row(f"p{n % 20}.png", f"click {n}") for n in range(60)), **shares)
    prepare(made)
    before = {r["images"][0]: s for s in ("train", "validation", "test") for r in rows_of(made, s)}
    grown = plan(*(row(f"./p{n % 40}.png", f"click {n}") for n in range(120)), **shares)
    prepare(grown)
    splits = {s: {r["images"][0] for r in rows_of(grown, s)} for s in ("train", "validation", "test")}
    assert all(splits.values())
    assert sum(map(len, splits.values())) == 40  # disjoint
    assert all(image in splits[split] for image, split in before.items())


def test_shares_come_out_about_as_asked() -> None:
    counts = [split_of(f"{n}.png", 0.1, 0.2, 42) for n in range(5000)]
    assert abs(counts.count("validation") / 5000 - 0.1) < 0.02
    assert abs(counts.count("test") / 5000 - 0.2) < 0.02
    assert counts != [split_of(f"{n}.png", 0.1, 0.2, 43) for n in range(5000)]


def test_other_data_sets_in_the_folder_are_kept(plan: Callable[..., Plan]) -> None:
    made = plan(row())
    made.out.mkdir()
    (made.out / "dataset_info.json").write_text('{"mine": {"file_name": "mine.json"}}')
    prepare(made)
    info = json.loads((made.out / "dataset_info.json").read_text())
    assert set(info) == {"mine", "websight_train", "websight_validation", "websight_test"}
    assert not [path for path in made.out.iterdir() if path.name.startswith(".")]


def test_a_damaged_dataset_info_is_left_alone(plan: Callable[..., Plan]) -> None:
    made = plan(row())
    made.out.mkdir()
    (made.out / "dataset_info.json").write_text("{")
    with pytest.raises(Problem, match="not JSON"):
        prepare(made)
    assert [path.name for path in made.out.iterdir()] == ["dataset_info.json"]


def test_when_no_row_is_left_nothing_is_written_and_the_reason_is_said(plan: Callable[..., Plan]) -> None:
    made = plan(row("p99.png"))
    with pytest.raises(Problem, match=REASONS["image_missing"]):
        prepare(made)
    assert list(made.out.iterdir()) == []


def test_a_missing_prompts_file_is_a_problem_not_a_traceback(plan: Callable[..., Plan], tmp_path: Path) -> None:
    with pytest.raises(Problem, match="No such file"):
        prepare(Plan(tmp_path / "none.jsonl", tmp_path, tmp_path / "out"))


@pytest.mark.parametrize(
    ("text", "click"),
    [
        ("pyautogui.click(12, 799)", (12, 799)),
        ("I would pyautogui.click( x=1.5 ,y=-3 ) now", (1.5, -3)),
        ("pyautogui.click(12)", None),
        ("pyautogui.click(1" + "0" * 400 + ", 2)", None),
        ("", None),
    ],
)
def test_clicks_are_read_as_they_are_written(text: str, click: tuple[float, float] | None) -> None:
    assert grid.parse_click(text) == click
