"""Each preset's time against its limit, as bars: which fit is seen without reading. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.text import Text

from websight_tui import words
from websight_tui.projection.model import Forecast
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette
from websight_tui.tui.present_preset import hours

_FIGURE: Final = 9
_THICK: Final = 4
"""Rows for each bar from which on it is as thick as a row, drawn over two."""
_MOST_OVER: Final = 2.25
"""Shares of the limit that the scale shows at most; a longer bar ends in an arrow."""


def bars(
    forecasts: Mapping[str, Forecast | None], chosen: str, width: int, height: int, palette: Palette
) -> Text | None:
    """Bars for `width` × `height` cells; None where nothing is known or there is no room."""
    known = {
        name: forecast
        for name, forecast in forecasts.items()
        if forecast is not None and forecast.seconds is not None and forecast.limit_s
    }
    label = max((len(name) for name in known), default=0)
    room = width - label - _FIGURE - 2
    if not known or height < 3 or room < 12:
        return None
    names = list(known)[: height - 1]
    if chosen in known and chosen not in names:
        names[-1] = chosen
    scale = min(_MOST_OVER, max(1.15, *(_share(known[name], band=True) for name in names)))
    limit = min(room - 1, round(room / scale))
    thick = height - 1 >= _THICK * len(names)
    free = height - 1 - len(names) * (1 + thick)
    gap = min(3, free // max(1, len(names) - 1)) if len(names) > 1 else 0
    text = Text(no_wrap=True, overflow="crop")
    for index, name in enumerate(names):
        style = "bold" if name == chosen else palette.faint
        text.append(f"{name:<{label}}  ", style=style)
        text.append_text(_bar(known[name], room, scale, limit, palette, *(("bar over", "rest over") if thick else ())))
        text.append(f"{glyph('about')} {hours(known[name].seconds or 0.0)}".rjust(_FIGURE), style=style).append("\n")
        if thick:
            under = _bar(known[name], room, scale, limit, palette, "bar under", "")
            text.append(" " * (label + 2)).append_text(under).append("\n")
        for _ in range(gap if index < len(names) - 1 else 0):
            text.append(" " * (label + 2 + limit)).append(glyph("limit"), style=palette.faint).append("\n")
    limits = {known[name].limit_s for name in names}
    said = f"limit {words.duration(limits.pop())}" if len(limits) == 1 else "its limit"
    at = max(0, min(label + 2 + limit - len(said) // 2, width - len(said)))
    return text.append(" " * at + said, style=palette.faint)


def _share(forecast: Forecast, *, band: bool = False) -> float:
    end = forecast.seconds_80[1] if band and forecast.seconds_80 else forecast.seconds
    return (end or 0.0) / (forecast.limit_s or 1.0)


def _bar(
    forecast: Forecast, room: int, scale: float, limit: int, palette: Palette, solid: str = "bar", thin: str = "rest"
) -> Text:
    """One line: `solid` to the estimate, `thin` to the slow end of its band ("" for nothing), the limit across."""
    full = max(1, round(_share(forecast) / scale * room))
    slow = max(full, round(_share(forecast, band=True) / scale * room))
    colour = palette.verdict(forecast.verdict)
    text = Text()
    for x in range(room):
        if x == limit:
            text.append(glyph("limit"), style=palette.text)
        elif x == room - 1 and full > room:
            text.append(glyph("beyond"), style=colour)
        elif x < full:
            text.append(glyph(solid), style=colour)
        else:
            text.append(glyph(thin) if thin and x < slow else " ", style=palette.trace)
    return text
