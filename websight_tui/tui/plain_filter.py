"""The last door of the ASCII mode: what Textual itself draws (ellipses, scroll bars, toasts) becomes ASCII, too."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_TWINS: Final = {
    "…": ".", "–": "-", "—": "-", "−": "-", "·": "|", "×": "x", "→": ">", "←": "<", "↑": "^", "↓": "v", "⏎": "E",
    "⌫": "B", "≤": "<", "≥": ">", "≈": "~", "α": "a", "✓": "+", "✗": "X", "●": "*", "○": "o", "◆": "o", "▲": "^",
    "“": '"', "”": '"', "’": "'", "│": "|", "─": "-", "━": "=",
}  # fmt: skip


class PlainFilter(LineFilter):
    """Replaces symbols cell by cell; letters of names stay as they are."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        return [Segment(plain_symbols(text), style, control) for text, style, control in segments]


@lru_cache(maxsize=4096)
def plain_symbols(text: str) -> str:
    """`text` with an ASCII twin for each symbol, as wide as it was."""
    return text if text.isascii() else "".join(map(_twin, text))


def _twin(char: str) -> str:
    if char.isascii() or (char not in _TWINS and char.isalnum()):
        return char
    if twin := _TWINS.get(char):
        return twin
    name = unicodedata.name(char, "")
    if "BOX DRAWINGS" in name:
        return "|" if "VERTICAL" in name and "HORIZONTAL" not in name else "-"
    if "BLOCK" in name or "QUADRANT" in name or "BRAILLE" in name or "EIGHTH" in name:
        return " " if name == "BRAILLE PATTERN BLANK" else "#"
    return "?" if unicodedata.east_asian_width(char) not in "WF" and not unicodedata.combining(char) else char
