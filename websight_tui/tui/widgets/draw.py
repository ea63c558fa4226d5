"""Draws curves with axes and marks into rows of cells. Pure: values and colours in, characters out."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from websight_tui import words
from websight_tui.metrics.curves import Axis, Curve
from websight_tui.tui.glyphs import ASCII, glyph
from websight_tui.tui.palette import Palette
from websight_tui.tui.reference import Points, clipped
from websight_tui.tui.widgets.canvas import (
    DOTS_X,
    DOTS_Y,
    Canvas,
    Cell,
    Scale,
    log_ticks,
    nice_ticks,
    polyline,
    tick_label,
)

Window = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layer:
    """One curve with its colour; a single one also shows its points as logged and its marks."""

    curve: Curve
    colour: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """What a chart shows.

    Args:
        window: visible part of the x axis; None for all that was logged.
        cursor: x at which the crosshair stands, None for none.
        limit: x of the deadline, drawn where it is visible.
        band: x of the projected finish's band.
        reference: (x, y) of an expected curve, drawn behind the others; `reference_label` says whose it is.
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


@dataclass(frozen=True, slots=True)
class Drawing:
    """Rows of cells, and the scale with which a mouse finds an x again (`left`: cells of the gutter)."""

    rows: tuple[tuple[Cell, ...], ...]
    left: int
    across: Scale


def full_window(view: View) -> Window | None:
    """From the least to the greatest x of all layers; None if there is no point."""
    ends = [(layer.curve.xs[0], layer.curve.xs[-1]) for layer in view.layers if layer.curve.count]
    if not ends:
        return None
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def draw(view: View, width: int, height: int, palette: Palette) -> Drawing | None:
    """The picture in `width` × `height` cells; None if there is nothing to draw or no room for it."""
    window = view.window or full_window(view)
    if window is None or width < 16 or height < 4:
        return None
    buckets = max(8, (width - 8) * DOTS_X)
    thinned = [
        (layer, layer.curve.raw.reduce(*window, buckets), layer.curve.mean.reduce(*window, buckets))
        for layer in view.layers
    ]
    values = [y for _, raw, mean in thinned for _, y in (mean if len(view.layers) > 1 else raw)]
    values += [y for layer in view.layers for x, y in layer.curve.evaluations if window[0] <= x <= window[1]]
    expected = clipped(view.reference, *window)
    values += [y for _, y in expected]
    low, high, log = _range(values, view.log)
    rows = height - 2
    most = max(3, rows * 2 // 5)
    ticks = log_ticks(low, high, most) if log else nice_ticks(low, high, most)
    labels = [tick_label(t, ticks) for t in ticks]
    left = max((len(label) for label in labels), default=1) + 1
    canvas = Canvas(width - left, rows, ascii_only=ASCII)
    across = Scale(*window, canvas.width * DOTS_X)
    up = Scale(low, high, rows * DOTS_Y, log)
    _backdrop(canvas, view, across, palette)
    polyline(canvas, [(across(x), up(y)) for x, y in expected], palette.warn)
    for layer, raw, mean in thinned:
        if len(view.layers) == 1:
            polyline(canvas, [(across(x), up(y)) for x, y in raw], palette.trace)
        polyline(canvas, [(across(x), up(y)) for x, y in mean], layer.colour)
    for layer in view.layers:
        mark = palette.text if len(view.layers) == 1 else layer.colour
        for x, y in layer.curve.evaluations:
            if window[0] <= x <= window[1]:
                canvas.text(across(x) // DOTS_X, rows - 1 - up(y) // DOTS_Y, glyph("evaluation"), mark)
    if expected and view.reference_label:
        canvas.text(max(0, canvas.width - len(view.reference_label) - 1), 0, view.reference_label, palette.warn)
    if view.cursor is not None:
        _crosshair(canvas, view, across, palette)
    gutter = {rows - 1 - up(t) // DOTS_Y: label for t, label in zip(ticks, labels, strict=True)}
    lines = [((f"{gutter.get(y, ''):>{left - 1}} ", palette.faint, ""), *canvas.row(y)) for y in range(rows)]
    lines.append(((" " * left, "", ""), *_marks(view, across, canvas.width, palette)))
    lines.append((((" " * left) + _labels(view.axis, window, across, canvas.width), palette.faint, ""),))
    return Drawing(tuple(lines), left, across)


def _range(values: Sequence[float], log: bool) -> tuple[float, float, bool]:
    finite = [v for v in values if math.isfinite(v)]
    if log and (positive := [v for v in finite if v > 0]):
        low, high = min(positive), max(positive)
        return (low / 1.1, high * 1.1, True) if high > low else (low / 2, high * 2, True)
    if not finite:
        return 0.0, 1.0, False
    low, high = min(finite), max(finite)
    if high == low:
        margin = abs(high) * 0.1 or 1.0
        return low - margin, high + margin, False
    margin = (high - low) * 0.04
    return (0.0 if 0 <= low < (high - low) * 0.1 else low - margin), high + margin, False


def _backdrop(canvas: Canvas, view: View, across: Scale, palette: Palette) -> None:
    if view.band is not None and view.band[0] <= across.high:
        canvas.shade(across(view.band[0]) // DOTS_X, across(view.band[1]) // DOTS_X, _mix(palette))
    for layer in view.layers:
        for x in layer.curve.restarts:
            if across.low < x < across.high:
                canvas.column(across(x) // DOTS_X, "|" if ASCII else "┊", palette.line)
    if view.limit is not None and across.low <= view.limit <= across.high:
        at = across(view.limit) // DOTS_X
        canvas.column(at, "|" if ASCII else "│", palette.bad)
        canvas.text(at - 6 if at > canvas.width - 8 else at + 2, 0, "limit", palette.bad)


def _mix(palette: Palette) -> str:
    from textual.color import Color

    return Color.parse(palette.back).blend(Color.parse(palette.accent), 0.18, alpha=1).hex6


def _crosshair(canvas: Canvas, view: View, across: Scale, palette: Palette) -> None:
    cursor = view.cursor or 0.0
    canvas.column(across(cursor) // DOTS_X, "|" if ASCII else "│", palette.faint)
    found = [(layer, point) for layer in view.layers if (point := nearest(layer.curve, cursor)) is not None]
    many = len(view.layers) > 1
    texts = [
        (f"{layer.label[:18]} " if many else f"{axis_label(view.axis, p[0])}  ") + f"{p[1]:.4g}" for layer, p in found
    ]
    width = max((len(text) for text in texts), default=0)
    at = across(cursor) // DOTS_X + 2
    at = at - width - 4 if at + width > canvas.width else at
    for row, ((layer, _), text) in enumerate(zip(found, texts, strict=True)):
        canvas.text(at, row, f" {text:<{width}} ", layer.colour if many else palette.text)


def nearest(curve: Curve, x: float) -> tuple[float, float] | None:
    """(x, smoothed value) of the point nearest to `x`."""
    if not curve.xs:
        return None
    i = bisect_left(curve.xs, x)
    i = min((j for j in (i - 1, i) if 0 <= j < len(curve.xs)), key=lambda j: abs(curve.xs[j] - x))
    return curve.xs[i], curve.smooth[i]


def _marks(view: View, across: Scale, width: int, palette: Palette) -> list[Cell]:
    """The axis, with a mark where a checkpoint was saved and where a value was not finite."""
    line = ["-" if ASCII else "─"] * width
    colours = [palette.line] * width
    for layer in view.layers[:1]:
        for xs, char, colour in (
            (layer.curve.checkpoints, glyph("checkpoint"), palette.accent),
            (layer.curve.broken, glyph("warning"), palette.bad),
        ):
            for x in xs:
                at = across(x) // DOTS_X
                if across.low <= x <= across.high and 0 <= at < width:
                    line[at], colours[at] = char, colour
    cells: list[Cell] = []
    for char, colour in zip(line, colours, strict=True):
        if cells and cells[-1][1] == colour:
            cells[-1] = (cells[-1][0] + char, colour, "")
        else:
            cells.append((char, colour, ""))
    return cells


def axis_label(axis: Axis, x: float) -> str:
    """A position on the axis in words: "step 420", "epoch 0.38", "1:02:03"."""
    if axis is Axis.TIME:
        return words.clock(x)
    return f"step {x:,.0f}" if axis is Axis.STEP else f"epoch {x:.2f}"


def _labels(axis: Axis, window: Window, across: Scale, width: int) -> str:
    ticks = _time_ticks(window, max(2, width // 14)) if axis is Axis.TIME else nice_ticks(*window, max(2, width // 12))
    if axis is Axis.STEP:
        ticks = [t for t in ticks if t == int(t)]
    line = [" "] * width
    free = 0
    for tick in ticks:
        label = words.clock(tick) if axis is Axis.TIME else tick_label(tick, ticks)
        at = max(0, min(across(tick) // DOTS_X - len(label) // 2, width - len(label)))
        if at >= free:
            line[at : at + len(label)] = label
            free = at + len(label) + 2
    name = {Axis.STEP: "step", Axis.EPOCH: "epoch", Axis.TIME: "time"}[axis]
    if free + len(name) <= width:
        line[width - len(name) :] = name
    return "".join(line)


def _time_ticks(window: Window, most: int) -> list[float]:
    steps = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 28800, 86400, 7 * 86400)
    step = next((s for s in steps if (window[1] - window[0]) / s <= most), steps[-1])
    first = math.ceil(window[0] / step)
    return [i * step for i in range(first, int(window[1] // step) + 1)]
