"""Where a checkpoint would click, on a small copy of the picture: two pixels a character cell."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.segment import Segment, Segments
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from websight_tui.runs.saved_work.tasks import Answer
from websight_tui.tui.glyphs import plain_ascii
from websight_tui.tui.screens.dialog import Dialog, keys

_MARK: Final = (255, 40, 90)
_RING: Final = (255, 255, 255)
Pixel = tuple[int, int, int]


class ClickScreen(Dialog[None]):
    """Shows `answer`; any of the leaving keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q", "leave", "Close", show=False)]

    def __init__(self, title: str, answer: Answer) -> None:
        super().__init__()
        self._heading, self._answer = title, answer

    def compose(self) -> ComposeResult:
        answer = self._answer
        with Vertical(classes="dialog", id="click") as box:
            box.border_title = Content(self._heading)
            yield Static(Content(answer.text))
            yield Static(Content(f"pixel {answer.x}, {answer.y} of {answer.width} \u00d7 {answer.height}"))
            if answer.rgb and not plain_ascii():
                room = self.app.size
                yield Static(picture(answer, room.width * 94 // 100 - 6, room.height * 92 // 100 - 9), id="picture")
            yield Static(keys(("Esc", "close")), classes="hint")


def picture(answer: Answer, columns: int, lines: int) -> Segments:
    """The picture with a mark where the click is, in half blocks; `answer.rgb` must hold something.

    Args:
        columns, lines: cells that it may take; it is made smaller to fit, never larger.
    """
    wide = answer.across
    high = len(answer.rgb) // (3 * wide)
    share = min(1.0, max(1, columns) / wide, 2 * max(1, lines) / high)
    across, rows = max(1, int(wide * share)), max(2, int(high * share) // 2 * 2)
    pixels: list[list[Pixel]] = [
        [_pixel(answer.rgb, 3 * (row * high // rows * wide + column * wide // across)) for column in range(across)]
        for row in range(rows)
    ]
    x = min(across - 1, max(0, answer.x * across // answer.width))
    y = min(rows - 1, max(0, answer.y * rows // answer.height))
    for dx, dy in ((-2, 0), (2, 0), (0, -2), (0, 2), (-1, -1), (1, 1), (-1, 1), (1, -1)):
        _put(pixels, x + dx, y + dy, _RING)
    for dx, dy in ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)):
        _put(pixels, x + dx, y + dy, _MARK)
    segments: list[Segment] = []
    for row in range(0, rows - 1, 2):
        for upper, lower in zip(pixels[row], pixels[row + 1], strict=True):
            segments.append(Segment("\u2580", Style(color=_hex(upper), bgcolor=_hex(lower))))
        segments.append(Segment.line())
    return Segments(segments)


def _pixel(rgb: bytes, at: int) -> Pixel:
    return rgb[at], rgb[at + 1], rgb[at + 2]


def _put(pixels: list[list[Pixel]], x: int, y: int, colour: Pixel) -> None:
    if 0 <= y < len(pixels) and 0 <= x < len(pixels[y]):
        pixels[y][x] = colour


def _hex(pixel: Pixel) -> str:
    return f"#{bytes(pixel).hex()}"
