"""Bars of forecasts against their limits, as large as their pane is."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text
from textual.widgets import Static

from websight_tui.projection.model import Forecast
from websight_tui.tui.bars import bars
from websight_tui.tui.palette import Palette
from websight_tui.tui.widgets.still import put


class ForecastBars(Static):
    """Draws itself anew only where what it shows, its size or its colours differ."""

    _shown: tuple[Mapping[str, Forecast | None], str, Palette] | None = None
    _drawn: tuple[object, ...] = ()

    def show(self, forecasts: Mapping[str, Forecast | None], chosen: str, palette: Palette) -> None:
        """Takes what `bars` draws: a forecast by name, and the name that stands out."""
        self._shown = (forecasts, chosen, palette)
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._shown is None:
            return
        forecasts, chosen, palette = self._shown
        room = self.content_region
        ground = (forecasts, chosen, room.width, room.height, palette)
        if ground != self._drawn:
            self._drawn = ground
            drawn = bars(*ground)
            put(self, drawn or Text("Not known yet: no forecast can be made.", style=palette.faint))
