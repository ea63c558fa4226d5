"""The charts of the run screen and their keys."""

from __future__ import annotations

from rich.text import Text
from textual import on

from websight_tui.metrics.curves import Metric
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import RunView
from websight_tui.tui.run_chart import ChartState, view_of
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.widgets.chart import Chart

SIDE = (Metric.LEARNING_RATE, Metric.GRAD_NORM, Metric.PACE)


class ChartKeys(StateScreen[None]):
    """A screen with the charts #main and, where there is room, #side0 to #side2 of one run."""

    def __init__(self) -> None:
        super().__init__()
        self.chart = ChartState()

    @property
    def run(self) -> RunView | None:
        """The run that is shown."""
        raise NotImplementedError

    def show_charts(self, run: RunView, *, at_once: bool = False) -> None:
        """Draws what has changed; `at_once` if a person asked for it."""
        main, state, palette = self.query_one("#main", Chart), self.chart, self.palette
        main.border_title = Text(state.metric.value)
        main.border_subtitle = Text(state.words())
        main.empty = "No step logged yet." if run.phase not in OVER else "Nothing was logged."
        main.show(view_of(run, state, palette), at_once=at_once)
        if self.query_one("#side").display:
            others = [m for m in (Metric.LOSS, *SIDE) if m is not state.metric][: len(SIDE)]
            for index, metric in enumerate(others):
                side = self.query_one(f"#side{index}", Chart)
                side.border_title = Text(metric.value)
                side.show(view_of(run, state.of(metric), palette), at_once=at_once)

    def redraw(self, state: ChartState | None) -> None:
        """Takes a change that a person asked for; None changes nothing."""
        run = self.run
        if state is not None and run is not None:
            self.chart = state
            self.show_charts(run, at_once=True)

    def action_metric(self, step: int) -> None:
        self.redraw(self.chart.next_metric(step))

    def action_axis(self) -> None:
        self.redraw(self.chart.next_axis())

    def action_log_axis(self) -> None:
        self.redraw(self.chart.toggled_log())

    def action_smooth(self, step: int) -> None:
        self.redraw(self.chart.smoother(step))

    def action_whole(self) -> None:
        self.redraw(self.chart.toggled_whole())

    def action_guide(self) -> None:
        self.redraw(self.chart.toggled_guide())

    def action_zoom(self, direction: int, x: float | None = None) -> None:
        if (run := self.run) is not None:
            self.redraw(self.chart.zoomed(view_of(run, self.chart, self.palette), direction, x))

    def action_pan(self, direction: int) -> None:
        if (run := self.run) is not None:
            self.redraw(self.chart.panned(view_of(run, self.chart, self.palette), direction))

    def action_move(self, direction: int) -> None:
        if (run := self.run) is not None:
            self.redraw(self.chart.moved(view_of(run, self.chart, self.palette), direction))

    @on(Chart.Hovered, "#main")
    def _hovered(self, message: Chart.Hovered) -> None:
        self.redraw(self.chart.at(message.x))

    @on(Chart.Wheel, "#main")
    def _wheel(self, message: Chart.Wheel) -> None:
        self.action_zoom(message.direction, message.x)
