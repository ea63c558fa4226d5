"""A report as one HTML page that needs nothing but itself: no script, no font, no picture from elsewhere.

Jinja2 writes it with escaping switched on for everything, so that a value somebody forgot about cannot become markup;
and the page forbids itself, by its content security policy, every script and every request.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from websight_tui.metrics.terminal_text import plain
from websight_tui.report.model import Panel, Report, Stretch, Tone
from websight_tui.report.svg import draw, strip, text_of

if TYPE_CHECKING:
    from jinja2 import Template

SYMBOLS: Final = {Tone.GOOD: "✓", Tone.WARN: "!", Tone.BAD: "✕", Tone.CALM: "–"}
_WIDE: Final = (1040, 300)
_SMALL: Final = (430, 235)


def page(report: Report) -> str:
    """The whole page as text."""
    from markupsafe import Markup

    style = stylesheet()
    numbers = iter(range(10_000))
    wide = {id(section.panel) for section in report.sections} | {id(panel) for panel in report.panels[:1]}
    if len(report.panels) % 2 == 0:  # two in a row after the first: the last would stand alone
        wide |= {id(panel) for panel in report.panels[-1:]}

    def whole(panel: Panel) -> bool:
        return id(panel) in wide

    def drawings(panel: Panel) -> Markup:
        """A chart over the whole width is drawn a second time for phones, where its words would be too small."""
        drawn = []
        for size, role in ((_WIDE, "wide"), (_SMALL, "narrow")) if whole(panel) else ((_SMALL, ""),):
            svg = draw(panel, *size, f"c{next(numbers)}")
            if role:
                svg.set("class", role)
            drawn.append(text_of(svg))
        return Markup("".join(drawn))

    def bar(stretches: Sequence[Stretch]) -> Markup:
        return Markup(text_of(strip(stretches, 1000, 14)))

    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _template().render(
        report=report,
        symbol=SYMBOLS[report.tone],
        style=Markup(style),
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        drawings=drawings,
        whole=whole,
        strip=bar,
    )


def stylesheet() -> str:
    """The page's style, which the pictures share."""
    return _resource("page.css")


@functools.cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    return environment.from_string(_resource("page.html"))


def _shown(value: object) -> object:
    """What the page prints of a value: of text only what is safe to show, without control characters."""
    return plain(value, 1000) if type(value) is str else value


def _resource(name: str) -> str:
    return files("websight_tui.report").joinpath(name).read_text(encoding="utf-8")
