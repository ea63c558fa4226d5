"""Panels as SVG. Colours come from outside (a class a role), so that one drawing serves light, dark and paper.

Built as a tree and written by the standard library, which escapes whatever text a log brings.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import Final

from websight_tui.metrics.terminal_text import plain
from websight_tui.report.model import Panel, Stretch

LEFT: Final = 58
RIGHT: Final = 16
TOP: Final = 14
BOTTOM: Final = 36
Box = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` on pixels from `begin` to `end`."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low
        share = (value - self.low) / span if span else 0.5
        return round(self.begin + share * (self.end - self.begin), 1)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten) inside a range, `most` at most."""
    if not (isfinite(low) and isfinite(high)) or high <= low:
        return [low] if isfinite(low) else []
    rough = (high - low) / max(1, most)
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first = -floor(-low / step + 1e-9)
    return [round(i * step, 12) for i in range(first, floor(high / step + 1e-9) + 1)]


def tick_words(value: float, step: float) -> str:
    """A tick's label with as many digits as its step needs."""
    if value == 0:
        return "0"
    if abs(value) < 1e-3 or abs(value) >= 1e7:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    digits = max(0, -floor(log10(step) + 1e-9)) if step > 0 else 0
    return f"{value:,.{digits}f}"


def draw(panel: Panel, width: int, height: int, ident: str) -> ET.Element:
    """One panel as an <svg> of `width` × `height` units.

    Args:
        ident: unique on the page.
    """
    svg = ET.Element(
        "svg",
        {"viewBox": f"0 0 {width} {height}", "role": "img", "aria-label": f"{panel.title}: {panel.value}"},
    )
    x_low, x_high = _x_range(panel)
    y_low, y_high = _y_range(panel)
    x = Scale(x_low, x_high, LEFT, width - RIGHT)
    y = Scale(y_low, y_high, height - BOTTOM, TOP)
    _grid(svg, panel, x, y, width, height)
    clip = ET.SubElement(ET.SubElement(svg, "defs"), "clipPath", {"id": f"{ident}-clip"})
    inside = {"x": f"{LEFT}", "y": f"{TOP - 4}", "width": f"{width - LEFT - RIGHT}", "height": f"{y.begin - TOP + 8}"}
    ET.SubElement(clip, "rect", inside)
    drawing = ET.SubElement(svg, "g", {"clip-path": f"url(#{ident}-clip)"})
    if panel.band:
        upper = [(at, high) for at, _, high in panel.band]
        lower = [(at, low) for at, low, _ in reversed(panel.band)]
        ET.SubElement(drawing, "path", {"class": "band", "d": _path([*upper, *lower], x, y) + "Z"})
    for line in panel.lines:
        ET.SubElement(drawing, "path", {"class": f"line {line.role}", "d": _path(line.points, x, y)})
    _rules(svg, drawing, panel, x, y, width)
    for line in panel.lines:
        if line.role == "eval":
            for at, value in line.points:
                dot = ET.SubElement(
                    svg, "circle", {"class": "dot", "cx": f"{x(at):g}", "cy": f"{y(value):g}", "r": "3.5"}
                )
                ET.SubElement(dot, "title").text = f"{line.label} {value:.4f} at {panel.x_label} {at:,g}"
    for at in panel.marks:
        mark = ET.SubElement(svg, "path", {"class": "mark", "d": f"M{x(at) - 3.5:g} {y.begin:g}h7l-3.5 -6z"})
        ET.SubElement(mark, "title").text = f"checkpoint at {panel.x_label} {at:,g}"
    return svg


def _x_range(panel: Panel) -> Box:
    values = [at for line in panel.lines for at, _ in (*line.points[:1], *line.points[-1:])]
    values += [at for at, _, _ in (*panel.band[:1], *panel.band[-1:])] + list(panel.marks[-1:])
    finite = [value for value in values if isfinite(value)] or [0.0, 1.0]
    low, high = min(0.0, *finite), max(finite)
    return (low, high) if high > low else (low, low + 1)


def _y_range(panel: Panel) -> Box:
    """What the strong lines need, and of the faint ones all but the rare peaks."""
    strong = [value for line in panel.lines if line.role != "raw" for _, value in line.points]
    strong += [value for _, low, high in panel.band for value in (low, high)]
    strong += [rule.y for rule in panel.rules if rule.y is not None]
    faint = sorted(value for line in panel.lines if line.role == "raw" for _, value in line.points if isfinite(value))
    if faint:
        strong += [faint[len(faint) // 200], faint[-1 - len(faint) // 200]]
    finite = [value for value in strong if isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if panel.from_zero or 0 <= low < 0.35 * high:
        low = min(0.0, low)
    room = (high - low or abs(high) or 1.0) * 0.04
    return (low if low == 0 else low - room), high + room


def _path(points: Sequence[tuple[float, float]], x: Scale, y: Scale) -> str:
    """A polyline; what is far outside is drawn at the edge of the clip, so that a peak stays a peak."""
    far = 4 * abs(y.begin - y.end)
    parts: list[str] = []
    for at, value in points:
        if isfinite(at) and isfinite(value):
            down = min(max(y(value), y.end - far), y.begin + far)
            parts.append(f"{'L' if parts else 'M'}{x(at):g} {down:g}")
    return "".join(parts)


def _grid(svg: ET.Element, panel: Panel, x: Scale, y: Scale, width: int, height: int) -> None:
    floor_y = height - BOTTOM
    rows = ticks(y.low, y.high, max(2, (height - TOP - BOTTOM) // 48))
    for value in rows:
        at = y(value)
        ET.SubElement(svg, "path", {"class": "grid", "d": f"M{LEFT} {at:g}H{width - RIGHT}"})
        step = rows[1] - rows[0] if len(rows) > 1 else abs(value) or 1.0
        _text(svg, LEFT - 8, at + 4, tick_words(value, step), "tick", "end")
    columns = ticks(x.low, x.high, max(2, (width - LEFT - RIGHT) // 90))
    for value in columns:
        at = x(value)
        ET.SubElement(svg, "path", {"class": "axis", "d": f"M{at:g} {floor_y}v4"})
        step = columns[1] - columns[0] if len(columns) > 1 else abs(value) or 1.0
        anchor = "start" if at - LEFT < 8 else "end" if width - RIGHT - at < 14 else "middle"
        _text(svg, at, floor_y + 17, tick_words(value, step), "tick", anchor)
    ET.SubElement(svg, "path", {"class": "axis", "d": f"M{LEFT} {floor_y}H{width - RIGHT}"})
    _text(svg, (LEFT + width - RIGHT) / 2, height - 4, panel.x_label, "label", "middle")


def _rules(svg: ET.Element, drawing: ET.Element, panel: Panel, x: Scale, y: Scale, width: int) -> None:
    taken: list[float] = []
    for rule in panel.rules:
        if rule.x is not None:
            line = ET.SubElement(
                drawing, "path", {"class": f"rule {rule.role}", "d": f"M{x(rule.x):g} {TOP}V{y.begin:g}"}
            )
            ET.SubElement(line, "title").text = f"{rule.label} at {panel.x_label} {rule.x:,g}"
        elif rule.y is not None:
            at = y(rule.y)
            ET.SubElement(drawing, "path", {"class": f"rule {rule.role}", "d": f"M{LEFT} {at:g}H{width - RIGHT}"})
            words_at = at - 5 if at - TOP > 14 else at + 13
            while any(abs(words_at - other) < 13 for other in taken):
                words_at += 18
            taken.append(words_at)
            _text(svg, width - RIGHT - 4, words_at, rule.label, f"words {rule.role}", "end")


def _text(svg: ET.Element, x: float, y: float, text: str, role: str, anchor: str) -> None:
    ET.SubElement(svg, "text", {"class": role, "x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor}).text = plain(text)


def strip(stretches: Sequence[Stretch], width: int, height: int) -> ET.Element:
    """A strip of time: each stretch in its tone, as long as it lasted (never thinner than a hair)."""
    svg = ET.Element("svg", {"viewBox": f"0 0 {width} {height}", "role": "img", "aria-label": "verdicts over time"})
    begin, end = stretches[0].begin, max(stretch.end for stretch in stretches)
    x = Scale(begin, max(end, begin + 1e-9), 0, width)
    for part in stretches:
        box = {"x": f"{x(part.begin):g}", "y": "0", "width": f"{max(1.5, x(part.end) - x(part.begin)):g}"}
        rect = ET.SubElement(svg, "rect", {"class": f"tone-{part.tone.value}", "height": f"{height}", **box})
        ET.SubElement(rect, "title").text = part.label
    return svg


def text_of(svg: ET.Element) -> str:
    """The drawing as markup."""
    return ET.tostring(svg, encoding="unicode")
