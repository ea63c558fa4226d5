"""The charts of the run screen: one large, the others small beside or beneath it."""

from __future__ import annotations

from typing import Final

from textual import on

from websight_tui import words
from websight_tui.metrics.curves import Metric
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import RunView
from websight_tui.tui.legend import legend
from websight_tui.tui.run_chart import heading, newest, not_measured, short_heading, view_of
from websight_tui.tui.screens.chart_keys import ChartKeys
from websight_tui.tui.widgets.chart import Chart
from websight_tui.tui.widgets.draw import View
from websight_tui.tui.widgets.still import entitle

SMALL: Final = (
    Metric.LEARNING_RATE,
    Metric.GRAD_NORM,
    Metric.THROUGHPUT,
    Metric.MEMORY,
    Metric.UTILIZATION,
)
"""What the small charts show, the most telling first: where there is room for three, the last two are left out."""


class RunCharts(ChartKeys):
    """A screen with the chart #main and the small ones #side0 to #side4 of one run."""

    @property
    def run(self) -> RunView | None:
        """The run that is shown."""
        raise NotImplementedError

    def chart_view(self) -> View | None:
        run = self.run
        return None if run is None else view_of(run, self.chart, self.palette, 1 + len(SMALL))

    def show_charts(self, *, at_once: bool = False) -> None:
        run = self.run
        if run is None:
            return
        main, state, palette = self.query_one("#main", Chart), self.chart, self.palette
        view = view_of(run, state, palette, 1 + len(SMALL))
        behind = view.layers[0].curve.behind
        title = legend(heading(run, state.metric), view, palette, main.size.width - 4)
        entitle(main, title, self._reading(run, behind) or state.words())
        nothing = "No step logged yet." if run.phase not in OVER else "Nothing was logged."
        main.empty = not_measured(run, state.metric) or nothing
        main.show(view, at_once=at_once)
        if self.query_one("#side").display:
            for index, metric in enumerate(self.small()):
                side = self.query_one(f"#side{index}", Chart)
                if side.display:
                    side.empty = "not measured" if not_measured(run, metric) else ""
                    small = view_of(run, state.of(metric), palette, 1 + len(SMALL))
                    behind += small.layers[0].curve.behind
                    entitle(side, short_heading(run, metric, side.size.width - 4), newest(small))
                    side.show(small, at_once=at_once)
        if behind:
            self.go_on(self.show_charts)  # with the rest of a very long log

    def _reading(self, run: RunView, behind: int) -> str:
        """What of a long log is still to come, in words."""
        if run.log_unread:
            return f"reading the log, {words.size(run.log_unread)} to come"
        return f"reading the log, {behind:,} points to go" if behind else ""

    def small(self) -> list[Metric]:
        """What the small charts show beside the main one, which takes no place twice."""
        shown = self.chart.metric
        return [Metric.LOSS if metric is shown else metric for metric in SMALL]

    def action_guide(self) -> None:
        self.redraw(self.chart.toggled_guide())

    def action_many(self) -> None:
        """All curves at once, in a row beneath the large one, or as the terminal's size has them."""
        self.toggle_class("-many")
        self.query_one("#main").focus()  # what is below may have given way
        self.call_after_refresh(self.show_charts, at_once=True)

    @on(Chart.Clicked, "#side Chart")
    def _enlarge(self, message: Chart.Clicked) -> None:
        message.stop()
        message.prevent_default()
        index = int((message.chart.id or "side0").removeprefix("side"))
        chosen = self.small()[index]
        self.redraw(self.chart.of(chosen))
