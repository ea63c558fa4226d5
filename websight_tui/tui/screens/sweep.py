"""One sweep: the table of its runs, filling as they train, and their curves over each other below."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from websight_tui.runs.phase import OVER
from websight_tui.runs.state import Evaluation, Link, Sweep
from websight_tui.runs.sweeps.clicks import accuracy_words, clicks_failures, clicks_words
from websight_tui.runs.sweeps.row import SweepRow
from websight_tui.runs.sweeps.table import SORTS, Losses, best, ordered, rows_of, summary
from websight_tui.tui import keymap
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.legend import with_signs
from websight_tui.tui.present import bar, whole, wrapped
from websight_tui.tui.run_chart import view_of
from websight_tui.tui.screens.chart_keys import ChartKeys
from websight_tui.tui.screens.overlay import MOST, colours
from websight_tui.tui.sweep_rows import COLUMNS, row_cells
from websight_tui.tui.widgets.chart import Chart
from websight_tui.tui.widgets.draw import Layer, View
from websight_tui.tui.widgets.key_line import KeyLine
from websight_tui.tui.widgets.status_bar import StatusBar
from websight_tui.tui.widgets.still import entitle
from websight_tui.tui.widgets.table import KeyedTable

_LEAST_CHART: int = 7
"""Rows below which no curve is worth drawing."""
_LEAST_BAR: int = 6
_FEW: int = 12
"""Rows of a table that are all shown as long as a curve is left room."""
_MOST_FAILURES: int = 2
"""Lines about clicks that could not be measured; `websight-tui sweep --show` has all."""


class SweepScreen(ChartKeys):
    """The runs of `sweep`; Enter opens one."""

    BINDINGS: ClassVar[list[BindingType]] = list(keymap.SWEEP)
    AUTO_FOCUS = "#runs"

    def __init__(self, sweep: Sweep) -> None:
        super().__init__()
        self.sweep = sweep
        self._losses = Losses()
        self._by = next(iter(SORTS))
        self._falling = False
        self._rows: tuple[SweepRow, ...] = ()
        self._measured: frozenset[str] = frozenset()

    def compose(self) -> ComposeResult:
        yield StatusBar(banner=self.wst.banner)
        yield Static(id="head")
        yield KeyedTable(COLUMNS, id="runs")
        yield Chart(id="curves")
        yield KeyLine()

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#head").border_title = Text(self.sweep.sweep_id)
        self.query_one("#head").border_subtitle = Text(f"on {self.sweep.cluster}")
        self.query_one("#curves", Chart).can_focus = False

    def update_view(self) -> None:
        self._rows = rows_of(self.sweep, self.state.runs, self.wst.now, self._losses)
        found, shown = best(self._rows), self._order()
        self._measure_new()
        table, palette = self.query_one("#runs", KeyedTable), self.palette
        marks = self._marks()
        winner = found[0].run_id if found is not None and sum(row.over for row in self._rows) > 1 else ""
        blank = Text(" ")
        table.show(
            [
                (row.run_id, row_cells(row, marks.get(row.run_id, blank), palette, best=row.run_id == winner))
                for row in shown
            ]
        )
        way = "falling" if self._falling else "rising"
        entitle(table, "Runs", "" if self._by == next(iter(SORTS)) else f"by {self._by}, {way}")
        self.query_one("#head", Static).update(self._words(found))
        self._share_out(len(shown))
        self.show_charts()
        self.refresh_bindings()

    def _order(self) -> list[SweepRow]:
        return ordered(self._rows, self._by, falling=self._falling)

    def _marks(self) -> dict[str, Text]:
        """The sign of each curve that is drawn, beside its run."""
        drawn = (row.run_id for row in self._order() if self._has_curve(row.run_id))
        pairs = zip(drawn, colours(self.palette), strict=False)
        return {run_id: Text(glyph(f"run{n}"), style=colour) for n, (run_id, colour) in enumerate(pairs)}

    def _has_curve(self, run_id: str) -> bool:
        run = self.state.runs.get(run_id)
        return run is not None and bool(run.log.segments)

    def _words(self, found: tuple[SweepRow, str] | None) -> Text:
        palette, rows = self.palette, self._rows
        share = sum(1.0 if row.over else row.share or 0.0 for row in rows) / max(1, len(rows))
        text = Text(no_wrap=True, overflow="ellipsis")
        width, said = self.size.width - 4, summary(rows)
        room = min(24, width - len(said) - 7)
        text.append_text(bar(share, room, palette.accent, palette) if room >= _LEAST_BAR else Text())
        text.append(f" {share:>4.0%}  {said}", style="bold")
        if found is not None:
            row, by = found
            rows_asked = f" on {row.asked:,} rows" if row.asked else ""
            figure = accuracy_words(row) + rows_asked if by == "click accuracy" else f"{row.eval_loss:.4f}"
            text.append("\nbest so far ", style=palette.faint).append(row.preset.name, style=f"bold {palette.good}")
            text.append(f"  {by} {figure}", style=palette.faint)
        else:
            text.append("\nNothing has been evaluated yet.", style=palette.faint)
        if any(row.open or row.clicks is Evaluation.FAILED for row in rows):
            for line in wrapped(Text(clicks_words(rows), style=palette.faint), width):
                text.append("\n").append_text(line)
        for failure in clicks_failures(rows)[:_MOST_FAILURES]:
            text.append("\n").append_text(whole(Text(f"{glyph('warning')} {failure}", style=palette.warn), width))
        return text

    def _share_out(self, count: int) -> None:
        """The table is as high as its rows, up to half of the screen; the curves have the rest."""
        head = 2 + str(self._words(best(self._rows))).count("\n") + 1
        room = self.size.height - 1 - head - (self.query_one(KeyLine).size.height or 1)
        most = room if room < 2 * _LEAST_CHART else max(room // 2, min(_FEW, room - _LEAST_CHART))
        table = min(count + 3, most)
        chart = self.query_one("#curves", Chart)
        chart.display = room - table >= _LEAST_CHART
        self.query_one("#runs").styles.height = table if chart.display else room

    def on_resize(self, _: events.Resize) -> None:
        self.call_after_refresh(self._changed)

    # curves

    def chart_view(self) -> View:
        """The curves of the first runs in the order of the table."""
        palette, state = self.palette, replace(self.chart, whole=False, guide=False)
        layers = []
        marks = self._marks()
        for run_id, mark in marks.items():
            run = self.state.runs[run_id]
            curve = view_of(run, state, palette, len(marks)).layers[0].curve
            layers.append(Layer(curve, str(mark.style), run.spec.preset.name, mark.plain))
        return View(tuple(layers), state.axis, state.log, state.window, state.cursor, name=state.metric.value)

    def show_charts(self, *, at_once: bool = False) -> None:
        chart = self.query_one("#curves", Chart)
        if not chart.display:
            return
        view = self.chart_view()
        more = sum(self._has_curve(row.run_id) for row in self._rows) - MOST
        title = self.chart.metric.value + (f" of the first {MOST}" if more > 0 else "")
        words = self.chart.words()
        if chart.size.height > _LEAST_CHART:
            words = with_signs(words, view, chart.size.width - 2)
        entitle(chart, title, words)
        chart.empty = "No curve yet."
        chart.show(view, at_once=at_once)
        if any(layer.curve.behind for layer in view.layers):
            self.go_on(self.show_charts)  # with the rest of a very long log

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        if action == "open":
            return self.query_one("#runs", KeyedTable).key in self.state.runs if self.is_mounted else False
        if action == "cancel":
            return any(row.phase is not None and (not row.over or row.open) for row in self._rows)
        if action == "rest":
            return any(row.can_be_submitted for row in self._rows)
        return True

    @on(KeyedTable.RowSelected)
    def action_open(self) -> None:
        key = self.query_one("#runs", KeyedTable).key
        if key in self.state.runs and key is not None:
            self.wst.open_run(key)
        else:
            self.notify("This run has not been submitted.", markup=False)

    def action_sort(self) -> None:
        names = list(SORTS)
        self._by = names[(names.index(self._by) + 1) % len(names)]
        self._falling = self._by == "clicks"  # the best first
        self.update_view()

    def action_reverse(self) -> None:
        self._falling = not self._falling
        self.update_view()

    def action_rest(self) -> None:
        """Submits what has no job yet, after a question."""
        from websight_tui.tui.screens.confirm import ConfirmScreen

        left = [row.preset.name for row in self._rows if row.can_be_submitted]
        sweep = self.state.sweeps.get(self.sweep.sweep_id, self.sweep)

        def answered(sure: bool | None) -> None:
            if sure:
                self.wst.controller.ask(lambda engine: engine.submit_sweep(sweep))

        count = "1 run has" if len(left) == 1 else f"{len(left)} runs have"
        body = f"{count} no job: {', '.join(left[:8])}{' …' if len(left) > 8 else ''}. None goes twice."
        self.app.push_screen(ConfirmScreen("Submit the rest?", body, "Submit them"), answered)

    def _measure_new(self) -> None:
        """Looks into the folders of runs that have ended since."""
        runs = self.state.runs
        ended = frozenset(i for i in self.sweep.run_ids if i in runs and runs[i].phase in OVER)
        view = self.state.clusters.get(self.sweep.cluster)
        if ended - self._measured and view is not None and view.link is Link.ONLINE:
            new, self._measured = tuple(sorted(ended - self._measured)), ended
            self.wst.controller.ask(lambda engine: engine.measure(new))

    def action_measure(self) -> None:
        """Offers to measure what has an adapter and no clicks; looks again at the rest."""
        from websight_tui.tui.screens.confirm import ConfirmScreen

        self._measured = frozenset()
        self._measure_new()
        left = [row for row in self._rows if row.can_be_measured]
        if not left:
            self.notify("Looking for adapters and evaluations.", markup=False)
            return
        names = ", ".join(row.preset.name for row in left[:8]) + (" …" if len(left) > 8 else "")
        takes = "1 GPU" if any(row.preset.gpus_per_node for row in left) else "no GPU"
        jobs = f"One job with {takes} for each of {names}" if len(left) > 1 else f"One job with {takes} for {names}"
        ids = tuple(row.run_id for row in left)

        def answered(sure: bool | None) -> None:
            if sure:
                self.wst.controller.ask(lambda engine: engine.evaluate(ids))

        body = f"{jobs}: it asks the adapter its test rows. One that was broken off goes on where it was."
        self.app.push_screen(
            ConfirmScreen("Measure clicks?", body, "Submit it" if len(left) == 1 else "Submit them"), answered
        )

    def action_cancel(self) -> None:
        """Cancels all jobs of the sweep, after a question."""
        from websight_tui.tui.screens.confirm import ConfirmScreen

        live = [row for row in self._rows if row.phase is not None and (not row.over or row.open)]
        sweep = self.state.sweeps.get(self.sweep.sweep_id, self.sweep)

        def answered(sure: bool | None) -> None:
            if sure:
                self.wst.controller.ask(lambda engine: engine.cancel_sweep(sweep))

        count = f"{len(live)} run{'s' * (len(live) != 1)}"
        body = (
            f"The jobs of {count} are cancelled, those that measure clicks too. What was saved stays: a run that is "
            "resumed goes on from its newest checkpoint."
        )
        self.app.push_screen(ConfirmScreen("Cancel the sweep?", body, "Cancel them", danger=True), answered)

    def action_back(self) -> None:
        if self.chart.cursor is not None or self.chart.window is not None:
            self.redraw(self.chart.reset())
        else:
            self.app.pop_screen()
