"""Draws curves with axes and marks into rows of cells. Pure: values and colours in, characters out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from websight_tui.metrics.curves import Axis, Curve
from websight_tui.tui.glyphs import glyph, plain_ascii
from websight_tui.tui.outlook import Outlook
from websight_tui.tui.palette import Palette
from websight_tui.tui.reference import Points, clipped
from websight_tui.tui.widgets.axes import Scale, Window, bottom_line, tick_label, upright
from websight_tui.tui.widgets.canvas import DOTS_X, Canvas, Cell
from websight_tui.tui.widgets.layer_key import key_rows
from websight_tui.tui.widgets.readout import Reading, figure, layer_readings, readings

_Points = Sequence[tuple[float, float]]
_LEAST_ROWS: Final = 6
"""Rows of a picture below which names over it would take too much of it."""
_FEW_ROWS: Final = 9
"""Rows in which several curves lie so close that only their ends have signs."""
_APART: Final = 2.0
"""Cells between two signs of one curve."""
_SMALL: Final = 48
"""Columns below which a crosshair says only the value; the large chart beside says the rest."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One curve with its colour; a single one also shows its points as logged and its marks.

    Args:
        mark: the symbol that tells it from others without colour; "" for the only one.
    """

    curve: Curve
    colour: str
    label: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """What a chart shows.

    Args:
        name: of the values, for the crosshair.
        window: visible part of the x axis; None for all that was logged.
        cursor: x at which the crosshair stands, None for none.
        limit: x of the deadline, drawn where it is visible.
        band: x of the projected finish's band.
        reference: (x, y) of an expected curve, drawn behind the others; `reference_label` says whose it is.
        outlook: where the curve is expected to go, with its band.
        keyed: whether the layers' names stand over the picture.
    """

    layers: tuple[Layer, ...] = ()
    axis: Axis = Axis.STEP
    log: bool = False
    window: Window | None = None
    cursor: float | None = None
    limit: float | None = None
    band: Window | None = None
    reference: Points = ()
    reference_label: str = ""
    outlook: Outlook = ()
    name: str = ""
    keyed: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """Rows of cells, and the scale with which a mouse finds an x again (`left`: cells of the gutter)."""

    rows: tuple[tuple[Cell, ...], ...]
    left: int
    across: Scale


def full_window(view: View) -> Window | None:
    """From the least to the greatest x of all layers; None if there is no point."""
    curves = [layer.curve for layer in view.layers if layer.curve.count]
    ends = [(curve.xs[0], curve.xs[curve.count - 1]) for curve in curves]
    if not ends:
        return None
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def draw(view: View, width: int, height: int, palette: Palette) -> Drawing | None:
    """The picture in `width` × `height` cells; None if there is nothing to draw or no room for it."""
    window = view.window or full_window(view)
    if window is None or full_window(view) is None or width < 16 or height < 4:
        return None
    view = _on_a_point(view, window)
    buckets, alone = max(8, (width - 8) * DOTS_X), len(view.layers) == 1
    thinned = [
        (layer, layer.curve.raw.reduce(*window, buckets) if alone else [], layer.curve.mean.reduce(*window, buckets))
        for layer in view.layers
    ]
    expected = clipped(view.reference, *window)
    outlook = [point for point in view.outlook if window[0] <= point[0] <= window[1]]
    values = [y for _, raw, mean in thinned for _, y in (raw or mean)]
    values += [y for layer in view.layers for x, y in layer.curve.evaluations if window[0] <= x <= window[1]]
    values += [y for _, y in expected] + [y for _, low, _, high in outlook for y in (low, high)]
    key = key_rows(view.layers, width) if view.keyed else []
    key = key if height - len(key) >= _LEAST_ROWS else []
    rows = height - 2 - len(key)
    up, ticks = upright(values, rows, view.log)
    labels = {up.cell(tick): tick_label(tick, ticks) for tick in ticks}
    left = max((len(label) for label in labels.values()), default=1) + 1
    canvas = Canvas(width - left, rows, ascii_only=plain_ascii())
    across = Scale(*window, canvas.width)
    _backdrop(canvas, view, across, up, list(labels), palette)
    for _, raw, _ in thinned:
        if alone:
            canvas.dotted(_placed(raw, across, up), palette.trace)
    canvas.dotted(_placed([(x, y) for x, _, y, _ in outlook], across, up), palette.accent)
    canvas.dotted(_placed(expected, across, up), palette.warn)
    for layer, _, mean in reversed(thinned):  # the first on top
        canvas.line(_placed(mean, across, up), layer.colour, layer.mark if plain_ascii() else "")
    for layer, points in reversed(_signs([(layer, mean) for layer, _, mean in thinned], rows, across, up)):
        for x, y in points:
            if window[0] <= x <= window[1]:
                colour = palette.text if alone else layer.colour
                canvas.text(across.cell(x), up.cell(y), layer.mark or glyph("evaluation"), colour)
    if expected and view.reference_label:
        canvas.text(max(0, canvas.width - len(view.reference_label) - 1), rows - 1, view.reference_label, palette.warn)
    if view.cursor is not None:
        _crosshair(canvas, view, across, up, palette)
    lines = [((f"{labels.get(rows - 1 - y, ''):>{left - 1}} ", palette.faint, ""), *canvas.row(y)) for y in range(rows)]
    lines.append(((" " * left, "", ""), *_marks(view, across, canvas.width, palette)))
    lines.append((((" " * left) + bottom_line(view.axis, window, across), palette.faint, ""),))
    return Drawing((*key, *lines), left, across)


def _signs(curves: Sequence[tuple[Layer, _Points]], rows: int, across: Scale, up: Scale) -> list[tuple[Layer, _Points]]:
    """Where each curve has its signs: its evaluations, and of several ones the end, or before it where another ends."""
    if len(curves) == 1:
        return [(layer, layer.curve.evaluations) for layer, _ in curves]
    found: list[tuple[Layer, _Points]] = []
    taken: set[tuple[int, int]] = set()
    for layer, mean in curves:
        points = [] if rows < _FEW_ROWS else [*layer.curve.evaluations]
        if mean and all(abs(across(x) - across(mean[-1][0])) >= _APART for x, _ in points):
            cells = [(across.cell(x), up.cell(y)) for x, y in mean]
            at = next((n for n in range(len(mean) - 1, -1, -1) if cells[n] not in taken), len(mean) - 1)
            points.append(mean[at])
            taken |= {(cells[at][0] + aside, cells[at][1]) for aside in (-1, 0, 1)}
        found.append((layer, points))
    return found


def _placed(points: _Points, across: Scale, up: Scale) -> list[tuple[float, float]]:
    """(x, y) as values → in cells."""
    return list(zip(across.all(x for x, _ in points), up.all(y for _, y in points), strict=True))


def _on_a_point(view: View, window: Window) -> View:
    """With the crosshair on the point that it reads, if there is one curve; without it outside the window."""
    if view.cursor is None:
        return view
    reading = readings(view.layers[0].curve, view.cursor) if len(view.layers) == 1 else None
    x = view.cursor if reading is None else reading.x
    return replace(view, cursor=x if window[0] <= x <= window[1] else None)


def _backdrop(canvas: Canvas, view: View, across: Scale, up: Scale, rows: list[int], palette: Palette) -> None:
    """What lies behind the curves: where the run will be, the limit, restarts, a faint line at each tick."""
    if view.band is not None and view.band[0] <= across.high:
        canvas.shade(across.cell(view.band[0]), across.cell(view.band[1]), _tint(palette, 0.18))
    _shade_outlook(canvas, view.outlook, across, up, palette)
    taken = range(0)
    if view.limit is not None and across.low <= view.limit <= across.high:
        at = across.cell(view.limit)
        begin = at - 6 if at > canvas.width - 8 else at + 2
        taken = range(min(at, begin - 1), max(at + 1, begin + len("limit ")))
        canvas.column(at, "|" if plain_ascii() else "│", palette.bad)
        canvas.text(begin, canvas.height - 1, "limit", palette.bad)
    if view.band is not None and across.low <= view.band[0] <= across.high:
        at = across.cell(view.band[0])
        for begin in (at - 4, at):
            if 0 <= begin <= canvas.width - len("end") and not {begin, begin + 1, begin + 2} & {*taken}:
                canvas.text(begin, canvas.height - 1, "end", palette.accent)
                break
    for layer in view.layers:
        for x in layer.curve.restarts:
            if across.low < x < across.high:
                canvas.column(across.cell(x), "|" if plain_ascii() else "┊", palette.line)
    if view.cursor is not None:
        canvas.column(across.cell(view.cursor), "|" if plain_ascii() else "│", palette.text)
    colour = _grid(palette)
    for row in rows:
        for x in range(0, canvas.width, 4 if plain_ascii() else 1):
            canvas.under(x, row, "." if plain_ascii() else "┈", colour)


def _shade_outlook(canvas: Canvas, outlook: Outlook, across: Scale, up: Scale, palette: Palette) -> None:
    for (x0, low0, _, high0), (x1, low1, _, high1) in pairwise(outlook):
        begin, end = max(0, across.cell(x0)), min(canvas.width - 1, across.cell(x1))
        for x in range(begin, end + 1):
            share = min(1.0, max(0.0, (x - begin) / (end - begin))) if end > begin else 0.0
            low, high = low0 + (low1 - low0) * share, high0 + (high1 - high0) * share
            canvas.shade(x, x, _tint(palette, 0.3), up.cell(low), up.cell(high))


def _tint(palette: Palette, share: float) -> str:
    from textual.color import Color

    return Color.parse(palette.back).blend(Color.parse(palette.accent), share, alpha=1).hex6


def _grid(palette: Palette) -> str:
    from textual.color import Color

    return Color.parse(palette.back).blend(Color.parse(palette.line), 0.55, alpha=1).hex6


def _crosshair(canvas: Canvas, view: View, across: Scale, up: Scale, palette: Palette) -> None:
    """The points that the line at the cursor hits, and beside it what they are."""
    cursor = view.cursor or 0.0
    column = across.cell(cursor)
    there = [layer for layer in view.layers if len(view.layers) == 1 or _reaches(layer.curve, cursor)]
    found = [(layer, reading) for layer in there if (reading := readings(layer.curve, cursor)) is not None]
    for layer, reading in reversed(found):
        canvas.text(across.cell(reading.x), up.cell(reading.smooth), layer.mark or glyph("point"), layer.colour)
    texts = _texts(view, found, canvas, palette)
    width = max((len(text) for text, _ in texts), default=0)
    at = _beside(column, width + 2, canvas.width)
    for row, (text, colour) in enumerate(texts[: canvas.height]):
        canvas.text(at, canvas.height - 1 - row, f" {text:<{width}} ", colour, _tint(palette, 0.12))


def _reaches(curve: Curve, x: float) -> bool:
    """Whether `x` is between the curve's ends: of a run that is not so far nothing is said."""
    return curve.count > 0 and curve.xs[0] <= x <= curve.xs[curve.count - 1]


def _beside(column: int, box: int, width: int) -> int:
    """Where a box of `box` cells begins: right of the crosshair, left of it, else at the edge that is farther away."""
    if column + 2 + box <= width:
        return column + 2
    if column - 1 - box >= 0:
        return column - 1 - box
    return max(0, width - box) if column < width / 2 else 0


def _texts(view: View, found: list[tuple[Layer, Reading]], canvas: Canvas, palette: Palette) -> list[tuple[str, str]]:
    """Lines of the crosshair's box with their colours: as many as leave something of the chart to be seen."""
    if not found:
        return []
    if len(view.layers) > 1:
        first = found[0][1].smooth
        rows = [(layer.label, layer.mark, layer.colour, reading, reading.smooth - first) for layer, reading in found]
        return layer_readings(view.axis, view.cursor or 0.0, rows, palette.text, canvas.width - 2)
    reading = found[0][1]
    lines = reading.lines(view.axis, view.name)
    if canvas.width < _SMALL:
        lines = [figure(reading.smooth)]
    elif canvas.height <= len(lines):
        lines = ["  ".join(lines[:1] + lines[-1:])]
    return [(line, palette.text) for line in lines]


def _marks(view: View, across: Scale, width: int, palette: Palette) -> list[Cell]:
    """The axis, with a mark where a checkpoint was saved and where a value was not finite."""
    line = ["-" if plain_ascii() else "─"] * width
    colours = [palette.line] * width
    for layer in view.layers[:1] if len(view.layers) == 1 else ():
        for xs, char, colour in (
            (layer.curve.checkpoints, glyph("checkpoint"), palette.accent),
            (layer.curve.broken, glyph("warning"), palette.bad),
        ):
            for x in xs:
                at = across.cell(x)
                if across.low <= x <= across.high and 0 <= at < width:
                    line[at], colours[at] = char, colour
    cells: list[Cell] = []
    for char, colour in zip(line, colours, strict=True):
        if cells and cells[-1][1] == colour:
            cells[-1] = (cells[-1][0] + char, colour, "")
        else:
            cells.append((char, colour, ""))
    return cells
