"""Makes the tiny data set (drawn web pages with click answers) and the tiny model, so that nothing is downloaded.

    ROOT/tiny/made.json                     what was made, by which version of this module
    ROOT/tiny/model/                        a random Qwen3-VL (see tiny_model)
    ROOT/tiny/tiny_clicks.json              160 rows for training; _validation and _test have 16 each
    ROOT/tiny/dataset_info.json, images/    as LLaMA-Factory wants them

The pages keep to the habits of real ones (the logo is at the top left, "Log in" at the top right), so that even
this small model learns where to click: training shows in its accuracy, and an evaluation has something to count.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

from trainer import grid
from trainer.rows import dataset_entry, make_row

VERSION = 3
"""Raised when the files' content changes; a folder of another version is replaced."""
SEED = 7
SPLITS = {"tiny_clicks": 160, "tiny_clicks_validation": 16, "tiny_clicks_test": 16}
IMAGE_SIZE = (224, 128)
"""Pixels; 28 image tokens, and the same shape as the grid."""

# What stands where on a page, in grid units: middle and half the size. Places vary in steps of 40 units by up to a
# fifth of the half size: few enough answers for 80 steps to learn them.
ELEMENTS: dict[str, tuple[int, int, int, int]] = {
    "logo": (110, 70, 80, 40),
    "search box": (650, 70, 240, 36),
    "log in button": (1280, 70, 90, 40),
    "menu": (150, 400, 110, 160),
    "picture": (620, 320, 260, 130),
    "buy button": (1180, 330, 130, 60),
    "newsletter box": (600, 620, 220, 44),
    "help link": (1240, 740, 90, 36),
}
ASKED_FOR = ("search box", "log in button", "menu", "buy button")
STEP, VARIATION = 40, 0.2
COLORS = [(210, 60, 50), (40, 150, 80), (50, 90, 210), (220, 140, 30), (120, 70, 170), (30, 140, 160)]


def ensure_tiny(root: Path) -> None:
    """Makes ROOT/tiny unless it is there. Safe when two jobs do it at the same moment: one of them wins, whole.

    Args:
        root: the folder on the cluster that holds runs/ and bundles/; made if missing.
    """
    target = root / "tiny"
    if _is_current(target):
        return
    root.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".tiny-", dir=root))
    try:
        _fill(made)
        made.chmod(0o755)
        _put_in_place(made, target)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _is_current(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / "made.json").read_text())["version"] == VERSION)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _put_in_place(made: Path, target: Path) -> None:
    """Renames `made` to `target`. One that is there by now and whole is kept; any other is moved away first."""
    for _ in range(10):
        with contextlib.suppress(OSError):  # a folder that is not empty cannot be renamed over
            made.rename(target)
            return
        if _is_current(target):
            return
        old = Path(tempfile.mkdtemp(prefix=".tiny-old-", dir=target.parent))
        with contextlib.suppress(FileNotFoundError):  # another job moved it away
            target.rename(old / "tiny")
        shutil.rmtree(old, ignore_errors=True)
    raise OSError(f"{target} is in the way and cannot be replaced; move it away and start again")


def _fill(folder: Path) -> None:
    from trainer.tiny_model import make_model

    rng = random.Random(SEED)
    (folder / "images").mkdir()
    texts: list[str] = ["user", "assistant", "system", "You are a helpful assistant."]
    info: dict[str, Any] = {}
    for name, count in SPLITS.items():
        rows = [_make_row(rng, folder, f"images/{name}_{number:03d}.png") for number in range(count)]
        texts += [message["content"] for row in rows for message in row["messages"]]
        (folder / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n")
        info[name] = dataset_entry(f"{name}.json")
    (folder / "dataset_info.json").write_text(json.dumps(info, indent=1) + "\n")
    (folder / "model").mkdir()
    make_model(folder / "model", texts)
    (folder / "made.json").write_text(json.dumps({"version": VERSION, "rows": SPLITS}) + "\n")


def draw_pages(folder: Path, count: int) -> list[tuple[Path, str]]:
    """Draws pages into `folder`, other ones than in the data set, for a model to be asked about.

    Returns: (image, content of the user's turn) for each.
    """
    rng = random.Random(SEED + 1)
    pages = []
    for number in range(count):
        row = _make_row(rng, folder, f"page_{number}.png")
        pages.append((folder / row["images"][0], str(row["messages"][0]["content"])))
    return pages


def _make_row(rng: random.Random, folder: Path, image: str) -> dict[str, Any]:
    boxes = {name: _place(rng, *where) for name, where in ELEMENTS.items()}
    _draw(rng, boxes, folder / image)
    wanted = rng.choice(ASKED_FOR)
    return make_row(f"Click the {wanted}.", image, boxes[wanted])


def _place(rng: random.Random, x: int, y: int, half_width: int, half_height: int) -> grid.Box:
    x = STEP * round((x + rng.uniform(-VARIATION, VARIATION) * half_width) / STEP)
    y = STEP * round((y + rng.uniform(-VARIATION, VARIATION) * half_height) / STEP)
    return (x - half_width, y - half_height, x + half_width, y + half_height)


def _draw(rng: random.Random, boxes: dict[str, grid.Box], path: Path) -> None:
    from PIL import Image, ImageDraw

    page = Image.new("RGB", IMAGE_SIZE, (245, 245, 242))
    pen = ImageDraw.Draw(page)
    pen.rectangle((0, 0, IMAGE_SIZE[0], 22), fill=rng.choice([(30, 40, 60), (225, 230, 238), (60, 60, 60)]))
    for name, (left, top, right, bottom) in boxes.items():
        corners = (*grid.to_pixels(left, top, *IMAGE_SIZE), *grid.to_pixels(right, bottom, *IMAGE_SIZE))
        if name.endswith("box"):
            pen.rectangle(corners, fill=(255, 255, 255), outline=(120, 120, 120))
        else:
            pen.rectangle(corners, fill=rng.choice(COLORS))
        pen.text((corners[0] + 2, corners[1]), name.split()[0][:4], fill=(0, 0, 0), font_size=8)
    page.save(path, optimize=True)
