"""Curves of several runs over each other, with the settings in which they differ."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from websight_tui.presets import Preset, differences
from websight_tui.runs.state import RunView
from websight_tui.tui import keymap
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.legend import with_signs
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import flowed, latest, short_id
from websight_tui.tui.present_preset import value_words
from websight_tui.tui.run_chart import view_of
from websight_tui.tui.run_names import short_names, titled
from websight_tui.tui.screens.chart_keys import ChartKeys
from websight_tui.tui.widgets.chart import Chart
from websight_tui.tui.widgets.draw import Layer, View
from websight_tui.tui.widgets.key_line import KeyLine
from websight_tui.tui.widgets.layer_key import shortened
from websight_tui.tui.widgets.status_bar import StatusBar
from websight_tui.tui.widgets.still import entitle
from websight_tui.tui.widgets.table import Column, KeyedTable, Row

MOST: Final = 5
_BESIDE: Final = 14
"""Cells of the list beside a run's name."""


def colours(palette: Palette) -> tuple[str, ...]:
    """Colours of the curves, the first the accent."""
    return (palette.accent, palette.warn, palette.good, palette.bad, palette.text)


class OverlayScreen(ChartKeys):
    """Starts with `run_id` and the newest other runs of the same cluster; Space puts runs in and takes them out."""

    BINDINGS: ClassVar[list[BindingType]] = list(keymap.OVERLAY)
    AUTO_FOCUS = "#runs"

    def __init__(self, run_id: str | None) -> None:
        super().__init__()
        self._first = run_id
        self._shown: list[str] = []

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

    def on_resize(self) -> None:
        self.call_after_refresh(self._changed)

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
        table = self.query_one("#runs", KeyedTable)
        room = max(14, table.size.width - _BESIDE)
        rows: list[Row] = []
        for run in self.wst.runs:
            loss = latest(run, "loss")
            at = self._shown.index(run.spec.run_id) if run.spec.run_id in colour else None
            mark = Text(" ") if at is None else Text(glyph(f"run{at}"), style=colour[run.spec.run_id])
            figure = "" if loss is None else f"{loss:.4f}"
            name = shortened(short_id(run), room)
            rows.append((run.spec.run_id, {"mark": mark, "name": name, "loss": figure}))
        table.show(rows)
        self.show_charts()
        self.query_one("#settings", Static).update(self._differences(colour))

    def chart_view(self) -> View:
        """All chosen curves, each from its own beginning: over time that is what each has trained."""
        palette, state, among = self.palette, replace(self.chart, whole=False, guide=False), len(self.chosen)
        shown = [(run, view_of(run, state, palette, among).layers[0].curve) for run in self.chosen]
        names = short_names([run for run, _ in shown])
        layers = tuple(
            Layer(curve, colour, name, glyph(f"run{index}"))
            for index, ((_, curve), name, colour) in enumerate(zip(shown, names, colours(palette), strict=False))
        )
        return View(layers, state.axis, state.log, state.window, state.cursor, name=state.metric.value)

    def show_charts(self, *, at_once: bool = False) -> None:
        chart, view = self.query_one("#curves", Chart), self.chart_view()
        heading = self.chart.metric.value
        title = titled(heading, view.layers, chart.size.width - 2)
        if title is None:
            view = replace(view, keyed=True)
        entitle(chart, title or heading, with_signs(self.chart.words(), view, chart.size.width - 2))
        chart.empty = "Nothing of this was measured." if any(r.log.segments for r in self.chosen) else "No curve yet."
        chart.show(view, at_once=at_once)
        if any(layer.curve.behind for layer in view.layers):
            self.go_on(self.show_charts)  # with the rest of a very long log

    def _differences(self, colour: dict[str, str]) -> Text:
        presets = [(run.spec.run_id, run.spec.preset) for run in self.chosen]
        fields = _differing([p for _, p in presets])
        if not fields:
            said = "The settings are the same." if len(presets) > 1 else "Space puts another run beside it."
            return Text(said, style=self.palette.faint)
        width, lines = max(20, self.query_one("#differences").outer_size.width - 5), []
        for field in fields:
            lines.append(Text(field, style=self.palette.faint))
            values = [value_words(getattr(preset, field)) for _, preset in presets]
            said_of = zip(values, presets, strict=True)
            parts = [
                Text(f"{glyph(f'run{number}')} {value}", style=colour[run_id])
                for number, (value, (run_id, _)) in enumerate(said_of)
            ]
            lines += flowed(parts, width, Text("  "))
        return Text("\n").join(lines)

    @on(KeyedTable.RowSelected)
    def action_show_or_hide(self) -> None:
        key = self.query_one("#runs", KeyedTable).key
        if key in self._shown:
            self._shown.remove(key)
        elif key is not None and len(self._shown) < MOST:
            self._shown.append(key)
        else:
            self.notify(f"At most {MOST} curves at once.")
        self.update_view()

    def action_back(self) -> None:
        if self.chart.cursor is not None or self.chart.window is not None:
            self.redraw(self.chart.reset())
        else:
            self.app.pop_screen()


def _differing(presets: list[Preset]) -> list[str]:
    """Fields in which any two of the presets differ."""
    fields: dict[str, None] = {}
    for preset in presets[1:]:
        fields |= dict.fromkeys(differences(preset, presets[0]))
    return list(fields)
