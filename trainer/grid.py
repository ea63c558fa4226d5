"""The click grid: every answer is `pyautogui.click(x, y)` on a 1400×800 page, whatever the screenshot's resolution.

A relative grid survives the resizing that the image processor does; absolute pixels would not.
"""

from __future__ import annotations

import re

WIDTH = 1400
HEIGHT = 800

_NUMBER = r"([-+]?\d{1,9}(?:\.\d{1,9})?)"
_CLICK = re.compile(rf"pyautogui\.click\(\s*(?:x\s*=\s*)?{_NUMBER}\s*,\s*(?:y\s*=\s*)?{_NUMBER}\s*\)")

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def format_click(x: float, y: float) -> str:
    """The answer for a point in grid units, rounded to whole ones."""
    return f"pyautogui.click({round(x)}, {round(y)})"


def parse_click(text: str) -> tuple[float, float] | None:
    """The first click in a model's answer, in grid units, or None if there is none. It may lie outside the grid."""
    match = _CLICK.search(text)
    return (float(match[1]), float(match[2])) if match else None


def inside_grid(x: float, y: float) -> bool:
    """Whether a point lies on the page."""
    return 0 <= x <= WIDTH and 0 <= y <= HEIGHT


def to_grid(box: Box, width: float, height: float) -> Box:
    """A box in pixels of a width × height screenshot, in grid units."""
    across, down = WIDTH / width, HEIGHT / height
    return (box[0] * across, box[1] * down, box[2] * across, box[3] * down)


def to_pixels(x: float, y: float, width: int, height: int) -> tuple[float, float]:
    """A grid point in pixels of a width × height screenshot."""
    return x * width / WIDTH, y * height / HEIGHT


def middle(box: Box) -> tuple[float, float]:
    """Where a careful person clicks."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def contains(box: Box, x: float, y: float) -> bool:
    """Whether the point lies in the box, its edges included."""
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]
