"""`test`: one image and one prompt, and where the model would click, drawn on the image."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer import grid
from trainer.answers import Source, ask, load, printable
from trainer.problem import Problem
from trainer.rows import IMAGE_TAG


@dataclass(frozen=True, slots=True)
class Click:
    """The model's answer: its text, the point in grid units and in pixels, the image's size, the drawing."""

    answer: str
    grid: tuple[float, float]
    pixels: tuple[int, int]
    size: tuple[int, int]
    drawing: Path

    def as_json(self, thumbnail: dict[str, object] | None = None) -> dict[str, object]:
        """For other programs; `thumbnail` as `thumbnail_of` makes it."""
        told = {"answer": self.answer, "grid": self.grid, "pixels": self.pixels, "size": self.size}
        return {**told, "drawing": str(self.drawing), **({"thumbnail": thumbnail} if thumbnail else {})}


def try_model(source: Source, image: Path, prompt: str, drawing: Path) -> Click:
    """Asks the model and draws its click.

    Args:
        drawing: the PNG to write.

    Raises: Problem if something cannot be read or written, or the answer is not a click.
    """
    if not image.is_file():
        raise Problem(f"{image} does not exist")
    [answer] = ask(load(source), [(image, f"{IMAGE_TAG}{prompt}")])
    point = grid.parse_click(answer)
    if point is None:
        hint = "Was this adapter trained on clicks, and is its training far enough?"
        raise Problem(f"the answer is not a click: '{printable(answer)}'", hint)
    return Click(answer, point, draw_click(image, point, drawing), _size(image), drawing)


def _size(image: Path) -> tuple[int, int]:
    from PIL import Image

    with Image.open(image) as opened:
        width, height = opened.size
    return width, height


def thumbnail_of(image: Path, width: int) -> dict[str, object]:
    """A small copy of an image for a terminal that cannot show pictures: its width and its pixels, 3 bytes each, row by
    row, in base64. It has an even number of rows, because a character cell holds two."""
    from PIL import Image

    with Image.open(image) as opened:
        rows = max(2, 2 * round(width * opened.height / opened.width / 2))
        small = opened.convert("RGB").resize((width, rows))
    return {"width": width, "rgb": base64.b64encode(small.tobytes()).decode("ascii")}


def draw_click(image: Path, point: tuple[float, float], drawing: Path) -> tuple[int, int]:
    """Draws a click (grid units) on a copy of the image; returns it in pixels.

    The mark is a ring with four hairs, dark on light, so that it shows on any page and hides no target.
    """
    from PIL import Image

    with Image.open(image) as opened:
        picture = opened.convert("RGB")
    x, y = (round(value) for value in grid.to_pixels(*point, *picture.size))
    _mark(picture, x, y, grid.format_click(*point))
    partial = drawing.with_name(f".{drawing.name}.{os.getpid()}")
    try:
        picture.save(partial, format="PNG")
        partial.replace(drawing)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise Problem(f"{drawing} cannot be written: {error.strerror}", "Choose another place with --out.") from error
    return x, y


def _mark(picture: Any, x: int, y: int, label: str) -> None:
    from PIL import ImageDraw

    pen = ImageDraw.Draw(picture)
    unit = max(1, min(picture.size) // 200)
    ring, reach = 5 * unit, 9 * unit
    for width, color in ((3 * unit, (255, 255, 255)), (unit, (214, 26, 70))):
        grown = ring + (width - unit) // 2
        pen.ellipse((x - grown, y - grown, x + grown, y + grown), outline=color, width=width)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            pen.line((x + dx * ring, y + dy * ring, x + dx * reach, y + dy * reach), fill=color, width=width)
    size = 6 * unit + 6
    left, top, right, bottom = pen.textbbox((0, 0), label, font_size=size)
    at_x = min(max(unit, x + reach), picture.width - (right - left) - unit)
    at_y = y + reach if y + reach + bottom < picture.height else y - reach - bottom
    pen.rectangle((at_x - unit, at_y + top - unit, at_x + right + unit, at_y + bottom + unit), fill=(255, 255, 255))
    pen.text((at_x, at_y), label, fill=(214, 26, 70), font_size=size)
