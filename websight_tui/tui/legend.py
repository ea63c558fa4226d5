"""The frame of a chart: what is drawn, and which sign means what."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette
from websight_tui.tui.widgets.draw import View


def legend(heading: str, view: View, palette: Palette, width: int) -> Text:
    """`heading`, then the signs that occur in `view`, as many as `width` cells hold, the most telling first."""
    text = Text(heading)
    if len(view.layers) != 1:
        return text
    (layer,) = view.layers
    curve = layer.curve
    smoothed = curve.mean is not curve.raw
    signs = [
        (glyph("line"), "smoothed" if smoothed else "logged", layer.colour, curve.count),
        (glyph("dots"), "logged", palette.trace, smoothed and curve.count),
        (glyph("evaluation"), "evaluation", palette.text, curve.evaluations),
        (glyph("checkpoint"), "checkpoint", palette.accent, curve.checkpoints),
        (glyph("dots"), "expected", palette.accent, view.outlook),
        (glyph("warning"), "not finite", palette.bad, curve.broken),
    ]
    for sign, name, colour, there in signs:
        part = f"  {sign} {name}"
        if there and text.cell_len + len(part) <= width:
            text.append(f"  {sign} ", style=f"not bold {colour}").append(name, style=f"not bold {palette.faint}")
    return text


def with_signs(words: str, view: View, width: int) -> str:
    """`words` for the frame, and what the signs on several curves are at, where there are any and `width` has room."""
    there = len(view.layers) > 1 and any(layer.curve.evaluations for layer in view.layers)
    whole = f"{words} {glyph('dot')} signs at evaluations"
    return whole if there and cell_len(whole) <= width else words
