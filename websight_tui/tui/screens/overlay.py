"""Curves of several runs over each other, with the settings in which they differ."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import DataTable, Static

from websight_tui.presets import Preset, differences
from websight_tui.runs.state import RunView
from websight_tui.tui import keymap
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import latest, short_id
from websight_tui.tui.present_preset import value_words
from websight_tui.tui.run_chart import ChartState, view_of
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.widgets.chart import Chart
from websight_tui.tui.widgets.draw import Layer, View
from websight_tui.tui.widgets.key_line import KeyLine
from websight_tui.tui.widgets.status_bar import StatusBar
from websight_tui.tui.widgets.table import Column, KeyedTable, Row

MOST: Final = 5


def colours(palette: Palette) -> tuple[str, ...]:
    """Colours of the curves, the first the accent."""
    return (palette.accent, palette.warn, palette.good, palette.bad, palette.text)


class OverlayScreen(StateScreen[None]):
    """Starts with `run_id` and the newest other runs of the same cluster; Space puts runs in and takes them out."""

    BINDINGS: ClassVar[list[BindingType]] = list(keymap.OVERLAY)
    AUTO_FOCUS = "#runs"

    def __init__(self, run_id: str | None) -> None:
        super().__init__()
        self._first = run_id
        self._shown: list[str] = []
        self.chart = ChartState()

    def compose(self) -> ComposeResult:
        yield StatusBar(banner=self.wst.banner)
        with Horizontal(id="columns"):
            yield Chart(id="curves")
            with Vertical(id="side"):
                columns = (
                    Column("mark", "", 1, 9),
                    Column("name", "run", 14, 10, flex=True),
                    Column("loss", "loss", 7, 8, right=True),
                )
                yield KeyedTable(columns, id="runs")
                with VerticalScroll(id="differences", can_focus=False):
                    yield Static(id="settings")
        yield KeyLine()

    def on_mount(self) -> None:
        with_curve = [r.spec.run_id for r in self.wst.runs if r.log.segments]
        self._shown = [i for i in (self._first, *with_curve) if i is not None and i in self.state.runs]
        self._shown = list(dict.fromkeys(self._shown))[:3]
        self.query_one("#runs").border_title = "Runs"
        self.query_one("#differences").border_title = "Differences"
        super().on_mount()

    @property
    def chosen(self) -> list[RunView]:
        return [self.state.runs[i] for i in self._shown if i in self.state.runs]

    def update_view(self) -> None:
        palette = self.palette
        colour = dict(zip(self._shown, colours(palette), strict=False))
        rows: list[Row] = []
        for run in self.wst.runs:
            loss = latest(run, "loss")
            mark = Text(glyph("evaluation"), style=colour[run.spec.run_id]) if run.spec.run_id in colour else Text(" ")
            rows.append(
                (run.spec.run_id, {"mark": mark, "name": short_id(run), "loss": "" if loss is None else f"{loss:.4f}"})
            )
        self.query_one("#runs", KeyedTable).show(rows)
        layers = tuple(
            Layer(view_of(run, self.chart, palette).layers[0].curve, colour[run.spec.run_id], short_id(run))
            for run in self.chosen
        )
        chart = self.query_one("#curves", Chart)
        chart.border_title, chart.border_subtitle = Text(self.chart.metric.value), Text(self.chart.words())
        chart.show(View(layers, self.chart.axis, self.chart.log, None, self.chart.cursor), at_once=True)
        self.query_one("#settings", Static).update(self._differences(colour))

    def _differences(self, colour: dict[str, str]) -> Text:
        presets = [(run.spec.run_id, run.spec.preset) for run in self.chosen]
        fields = _differing([p for _, p in presets])
        text = Text(no_wrap=True, overflow="ellipsis")
        for index, field in enumerate(fields):
            text.append(("\n" if index else "") + field + "\n", style=self.palette.faint)
            text.append("  ")
            for run_id, preset in presets:
                text.append(value_words(getattr(preset, field)) + "  ", style=colour[run_id])
        return text if fields else Text("The settings are the same.", style=self.palette.faint)

    @on(DataTable.RowSelected)
    def action_show_or_hide(self) -> None:
        key = self.query_one("#runs", KeyedTable).key
        if key in self._shown:
            self._shown.remove(key)
        elif key is not None and len(self._shown) < MOST:
            self._shown.append(key)
        else:
            self.notify(f"At most {MOST} curves at once.")
        self.update_view()

    @on(Chart.Hovered)
    def _hovered(self, message: Chart.Hovered) -> None:
        self._take(self.chart.at(message.x))

    def _take(self, state: ChartState | None) -> None:
        if state is not None:
            self.chart = state
            self.update_view()

    def action_metric(self) -> None:
        self._take(self.chart.next_metric(1))

    def action_axis(self) -> None:
        self._take(self.chart.next_axis())

    def action_log_axis(self) -> None:
        self._take(self.chart.toggled_log())

    def action_smooth(self, step: int) -> None:
        self._take(self.chart.smoother(step))


def _differing(presets: list[Preset]) -> list[str]:
    """Fields in which any two of the presets differ."""
    fields: dict[str, None] = {}
    for preset in presets[1:]:
        fields |= dict.fromkeys(differences(preset, presets[0]))
    return list(fields)
