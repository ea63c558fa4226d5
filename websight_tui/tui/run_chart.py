"""What the run screen's chart shows, as a value: each key makes another one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from websight_tui.metrics.curves import Axis, Curves, Metric
from websight_tui.runs.state import RunView
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import finish_band, live_projection
from websight_tui.tui.reference import LABEL, guide_for
from websight_tui.tui.widgets.draw import Layer, View, Window, full_window, nearest

SMOOTHING: Final = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Half-lives in logged points."""
METRICS: Final = tuple(Metric)
AXES: Final = tuple(Axis)


@dataclass(frozen=True, slots=True)
class ChartState:
    """What was chosen with the keys."""

    metric: Metric = Metric.LOSS
    axis: Axis = Axis.STEP
    log: bool = False
    smoothing: int = 1
    whole: bool = False
    window: Window | None = None
    cursor: float | None = None
    guide: bool = False

    def of(self, metric: Metric) -> ChartState:
        """The same for another metric, beside the main chart."""
        return replace(self, metric=metric, log=False, guide=False)

    def next_metric(self, step: int) -> ChartState:
        return replace(self, metric=METRICS[(METRICS.index(self.metric) + step) % len(METRICS)])

    def toggled_guide(self) -> ChartState:
        """With the guide's curve under the loss, whichever metric was shown before, or without it."""
        return replace(self, guide=not self.guide, metric=self.metric if self.guide else Metric.LOSS)

    def next_axis(self) -> ChartState:
        axis = AXES[(AXES.index(self.axis) + 1) % len(AXES)]
        return replace(self, axis=axis, window=None, cursor=None)

    def toggled_log(self) -> ChartState:
        return replace(self, log=not self.log)

    def toggled_whole(self) -> ChartState:
        """To the whole run; from a zoom first back to all that was logged."""
        return replace(self, window=None, whole=not self.whole if self.window is None else False)

    def smoother(self, step: int) -> ChartState:
        return replace(self, smoothing=min(len(SMOOTHING) - 1, max(0, self.smoothing + step)))

    def at(self, cursor: float | None) -> ChartState | None:
        """With the crosshair at `cursor`; None if it is there already."""
        return None if cursor == self.cursor else replace(self, cursor=cursor)

    def zoomed(self, view: View, direction: int, x: float | None = None) -> ChartState | None:
        """Half or double the window around `x`, the crosshair or the middle; None if there is nothing to zoom."""
        window, full = view.window or full_window(view), full_window(view)
        if window is None or full is None:
            return None
        width = (window[1] - window[0]) * (0.5 if direction > 0 else 2.0)
        if width >= full[1] - full[0]:
            return replace(self, window=None, whole=False)
        at = x if x is not None else self.cursor if self.cursor is not None else window[1]
        share = min(1.0, max(0.0, (at - window[0]) / (window[1] - window[0])))
        return replace(self, window=_inside((at - share * width, at + (1 - share) * width), full), whole=False)

    def panned(self, view: View, direction: int) -> ChartState | None:
        """A third of the window to the side; None if it is not zoomed."""
        full = full_window(view)
        if self.window is None or full is None:
            return None
        by = (self.window[1] - self.window[0]) / 3 * direction
        return replace(self, window=_inside((self.window[0] + by, self.window[1] + by), full))

    def moved(self, view: View, direction: int) -> ChartState | None:
        """The crosshair a sixtieth of the window to the side, on the nearest point."""
        window = view.window or full_window(view)
        if window is None or not view.layers:
            return None
        step = (window[1] - window[0]) / 60 * direction
        x = min(window[1], max(window[0], (window[1] if self.cursor is None else self.cursor + step)))
        found = nearest(view.layers[0].curve, x)
        if found is None or (self.cursor is not None and (found[0] - self.cursor) * direction <= 0):
            return replace(self, cursor=x)
        return replace(self, cursor=found[0])

    def words(self) -> str:
        """The settings in a few words, for the frame."""
        parts = [
            f"by {self.axis.value}",
            f"smoothing {SMOOTHING[self.smoothing]:g}" if self.smoothing else "not smoothed",
        ]
        parts += [
            word for word, on in (("log", self.log), ("whole run", self.whole), ("zoomed", bool(self.window))) if on
        ]
        return f" {glyph('dot')} ".join(parts)


def _inside(window: Window, full: Window) -> Window:
    width = window[1] - window[0]
    low = min(max(window[0], full[0]), full[1] - width)
    return low, low + width


_CURVES: Final = Curves()


def view_of(run: RunView, state: ChartState, palette: Palette) -> View:
    """The chart of one run; equal arguments give equal views without computing them again."""
    curve = _CURVES.get(run.log, run.log_version, state.metric, state.axis, SMOOTHING[state.smoothing])
    limit, band = _limits(run, state.axis)
    view = View((Layer(curve, palette.accent),), state.axis, state.log, state.window, state.cursor, limit, band)
    if state.guide and state.metric is Metric.LOSS:
        view = replace(view, reference=guide_for(run, state.axis), reference_label=LABEL)
    if state.whole and state.window is None and (full := full_window(view)) is not None:
        return replace(view, window=(min(0.0, full[0]), max(full[1], *_ends(run, state.axis, limit, band))))
    return view


def _limits(run: RunView, axis: Axis) -> tuple[float | None, Window | None]:
    """Deadline and the finish's band on the time axis; they have no place on the others."""
    projection = live_projection(run)
    segment = run.log.last
    if axis is not Axis.TIME or projection is None or segment is None:
        return None, None
    before = sum(s.columns.elapsed[-1] for s in run.log.segments[:-1] if len(s.columns))
    limit = None if projection.limit_s is None else before + projection.limit_s
    band = finish_band(projection)
    begun = (projection.finish_at or 0.0) - (projection.total_s or 0.0)
    return limit, (before + band[0] - begun, before + band[1] - begun) if band else None


def _ends(run: RunView, axis: Axis, limit: float | None, band: Window | None) -> tuple[float, ...]:
    """Where the whole run ends on the axis."""
    if axis is Axis.TIME:
        ends = [limit * 1.02] if limit is not None else []
        return (*ends, band[1] * 1.02) if band is not None else (*ends, 0.0)
    if axis is Axis.EPOCH:
        return (run.spec.preset.num_train_epochs,)
    return (float(run.log.last.total_steps) if run.log.last is not None else 0.0,)
