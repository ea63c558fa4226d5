"""The curves as one picture: the page's own drawings under each other, in its light colours, for a slide or a mail."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Final

from websight_tui.errors import WebsightError
from websight_tui.metrics.terminal_text import plain
from websight_tui.report.html import stylesheet
from websight_tui.report.model import Panel, Report
from websight_tui.report.svg import draw, text_of

_WIDE: Final = (1040, 330)
_SMALL: Final = (510, 250)
_EDGE: Final = 28
_GAP: Final = 20
_HEAD: Final = 28
_WIDTH: Final = _WIDE[0] + 2 * _EDGE
_MORE: Final = "text.title {font-size: 16px; font-weight: 600; fill: #1b2328}"


def png(report: Report, *, zoom: float = 2.0) -> bytes:
    """The charts of a report as PNG.

    Raises: WebsightError where resvg-py is not installed, or where there is nothing to draw.
    """
    try:
        import resvg_py
    except ImportError:
        raise WebsightError(
            "PNG needs resvg-py, which is not installed", "pip install 'websight-tui[png]', or take --format html."
        ) from None
    if not report.panels:
        raise WebsightError("there is no curve to draw", "The run has not logged two steps yet.")
    svg = sheet(report)
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, style_sheet=_flat(stylesheet()) + _MORE, zoom=zoom))


def sheet(report: Report) -> str:
    """The charts as one SVG without colours: two in a row, the first and a last one alone over the whole width."""
    places: list[tuple[Panel, float, float, tuple[int, int]]] = []
    y = float(_EDGE + 54)
    alone = len(report.panels) - 1 if len(report.panels) % 2 == 0 else 0
    for index, panel in enumerate(report.panels):
        if index in (0, alone):
            places.append((panel, _EDGE, y, _WIDE))
            y += _HEAD + _WIDE[1] + _GAP
            continue
        right = index % 2 == 0
        places.append((panel, _EDGE + (_SMALL[0] + _GAP if right else 0), y, _SMALL))
        if right or index == len(report.panels) - 1:
            y += _HEAD + _SMALL[1] + _GAP
    height = f"{y + _EDGE - _GAP:g}"
    whole = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "width": f"{_WIDTH}", "height": height})
    whole.set("viewBox", f"0 0 {_WIDTH} {height}")
    ET.SubElement(whole, "rect", {"width": f"{_WIDTH}", "height": height, "fill": "#fbfcfc"})
    _words(whole, _EDGE, _EDGE + 12, f"{report.title} · {report.headline}", "title")
    _words(whole, _EDGE, _EDGE + 32, report.subtitle, "label")
    for number, (panel, left, top, size) in enumerate(places):
        _words(whole, left, top + 14, panel.title, "title")
        _words(whole, left + size[0], top + 14, panel.value, "label", anchor="end")
        part = draw(panel, *size, f"p{number}")
        part.attrib |= {"x": f"{left:g}", "y": f"{top + _HEAD:g}", "width": f"{size[0]}", "height": f"{size[1]}"}
        whole.append(part)
    return text_of(whole)


def _words(svg: ET.Element, x: float, y: float, text: str, role: str, *, anchor: str = "start") -> None:
    ET.SubElement(svg, "text", {"class": role, "x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor}).text = plain(text)


def _flat(style: str) -> str:
    """The page's rules for drawings with the light colours put in: resvg knows neither variables nor media queries."""
    colours = dict(re.findall(r"(--[a-z]+): (#[0-9a-f]+)", style.partition("@media")[0]))
    outside = re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", style)
    rules = [
        f"{selector.strip()} {{{body}}}"
        for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", outside)
        if re.search(r"\b(fill|stroke)\b", body) and "::" not in selector
    ]
    flat = re.sub(r"var\((--[a-z]+)\)", lambda found: colours.get(found[1], "#5d6a72"), "\n".join(rules))
    return flat.replace("font-family: inherit", "font-family: sans-serif")
