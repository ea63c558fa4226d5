"""Keys and mouse of charts, the same wherever there are some: each makes another `ChartState`, which is then shown."""

from __future__ import annotations

from textual import on

from websight_tui.tui.run_chart import ChartState
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.widgets.chart import Chart
from websight_tui.tui.widgets.draw import View


class ChartKeys(StateScreen[None]):
    """A screen with charts over one x axis, whose state is `chart`. A crosshair stands in all of them at the same x."""

    def __init__(self) -> None:
        super().__init__()
        self.chart = ChartState()

    def chart_view(self) -> View | None:
        """What the main chart shows; None while there is nothing."""
        raise NotImplementedError

    def show_charts(self, *, at_once: bool = False) -> None:
        """Draws what has changed; `at_once` if a person asked for it."""
        raise NotImplementedError

    def redraw(self, state: ChartState | None) -> None:
        """Takes a change that a person asked for; None changes nothing."""
        if state is not None:
            self.chart = state
            self.show_charts(at_once=True)

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

    def action_zoom(self, direction: int, x: float | None = None) -> None:
        if (view := self.chart_view()) is not None:
            self.redraw(self.chart.zoomed(view, direction, x))

    def action_pan(self, direction: int) -> None:
        if (view := self.chart_view()) is not None:
            self.redraw(self.chart.panned(view, direction))

    def action_move(self, direction: int) -> None:
        if (view := self.chart_view()) is not None:
            self.redraw(self.chart.moved(view, direction))

    @on(Chart.Hovered)
    def _hovered(self, message: Chart.Hovered) -> None:
        self.redraw(self.chart.at(message.x))

    @on(Chart.Clicked)
    def _clicked(self, message: Chart.Clicked) -> None:
        self.redraw(self.chart.pin(message.x))

    @on(Chart.Reset)
    def _reset(self) -> None:
        self.redraw(self.chart.reset())

    @on(Chart.Dragged)
    def _dragged(self, message: Chart.Dragged) -> None:
        if (view := self.chart_view()) is not None:
            self.redraw(self.chart.dragged(view, message.by))

    @on(Chart.Wheel)
    def _wheel(self, message: Chart.Wheel) -> None:
        self.action_zoom(message.direction, message.x)
