"""The names of several curves over their picture, where the frame has no room for them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from websight_tui.tui.glyphs import glyph
from websight_tui.tui.widgets.canvas import Cell

if TYPE_CHECKING:
    from websight_tui.tui.widgets.draw import Layer

_GAP = 2


def key_rows(layers: Sequence[Layer], width: int) -> list[tuple[Cell, ...]]:
    """Sign and name of each curve in its colour, as many on a row as fit `width` cells."""
    rows: list[list[Cell]] = []
    used = width
    for layer in layers:
        said = f"{layer.mark} {layer.label}"[:width]
        if not rows or used + _GAP + len(said) > width:
            rows.append([])
            used = 0
        else:
            rows[-1].append((" " * _GAP, "", ""))
            used += _GAP
        rows[-1].append((said, layer.colour, ""))
        used += len(said)
    return [tuple(row) for row in rows]


def shortened(name: str, width: int) -> str:
    """`name` in `width` cells: what is left out is its middle, for the ends tell runs apart."""
    if len(name) <= width or width < 3:
        return name[: max(0, width)]
    tail = (width - 1) // 2
    return f"{name[: width - 1 - tail]}{glyph('cut')}{name[len(name) - tail :]}"
