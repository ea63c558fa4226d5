"""Two presets side by side: what they come to, and every field in which they differ."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from websight_tui.presets import Preset, differences
from websight_tui.tui.present import verdict_text
from websight_tui.tui.present_preset import hours_words, preset_facts, value_words
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.widgets.forecast_bars import ForecastBars
from websight_tui.tui.widgets.key_line import KeyLine
from websight_tui.tui.widgets.status_bar import StatusBar
from websight_tui.tui.widgets.table import Column, KeyedTable, Row

_ROOMY: Final = 30
"""Rows of a window in which there are bars above the table."""


class CompareScreen(StateScreen[None]):
    """`preset` against the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,d,q", "app.pop_screen", "Back", id="compare.back"),
        Binding("j", "down", "Next preset", show=False),
        Binding("k", "up", "Previous preset", show=False),
    ]
    AUTO_FOCUS = "#others"

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self._preset = preset

    def compose(self) -> ComposeResult:
        yield StatusBar(banner=self.wst.banner)
        with Horizontal(id="columns"):
            others = OptionList(
                *(Option(Content(name), id=name) for name in self.wst.config.presets if name != self._preset.name),
                id="others",
            )
            others.border_title = "Compare with"
            yield others
            columns = (
                Column("what", "", 20, 10, flex=True),
                Column("this", self._preset.name, 14, 9, flex=True),
                Column("other", "other", 14, 8, flex=True),
            )
            with Vertical():
                bars = ForecastBars(id="bars")
                bars.border_title = "Against the limit"
                yield bars
                yield KeyedTable(columns, id="rows")
        yield KeyLine()

    @on(OptionList.OptionHighlighted)
    def update_view(self) -> None:
        others = self.query_one("#others", OptionList)
        option = others.highlighted_option
        if option is None or option.id is None:
            return
        other, app, palette = self.wst.config.presets[option.id], self.wst, self.palette
        table = self.query_one("#rows", KeyedTable)
        table.border_title = Content(f"{self._preset.name} and {other.name}")
        table.name_column("other", other.name)
        rows: list[Row] = []
        both = (app.forecast(self._preset), app.forecast(other))
        hours = [Text(hours_words(forecast)) for forecast in both]
        verdicts = [verdict_text(forecast.verdict if forecast else None, palette) for forecast in both]
        for key, (this, that) in (("estimate", hours), ("verdict", verdicts)):
            rows.append((key, {"what": Text(key, style=palette.faint), "this": this, "other": that}))
        mine = preset_facts(self._preset, app.cluster)
        theirs = dict(preset_facts(other, app.cluster))
        for label, value in mine[:10]:
            if label and str(theirs[label]) != str(value):
                rows.append(
                    (f"sum-{label}", {"what": Text(label, style=palette.faint), "this": value, "other": theirs[label]})
                )
        for field, (before, after) in differences(other, self._preset).items():
            what = Text(field, style=palette.accent)
            rows.append((field, {"what": what, "this": value_words(before), "other": value_words(after)}))
        table.show(rows)
        bars = self.query_one(ForecastBars)
        bars.display = self.size.height >= _ROOMY
        bars.show(dict(zip((self._preset.name, other.name), both, strict=True)), other.name, palette)

    def on_resize(self) -> None:
        self.update_view()

    def action_down(self) -> None:
        self.query_one("#others", OptionList).action_cursor_down()

    def action_up(self) -> None:
        self.query_one("#others", OptionList).action_cursor_up()
