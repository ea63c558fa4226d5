"""What the run screen's chart shows, as a value: each key makes another one."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

from websight_tui.metrics.curves import AT_ONCE, Axis, Curve, Curves, Metric
from websight_tui.runs.state import RunView
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.outlook import Outlook, outlook
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import finish_band, live_projection
from websight_tui.tui.reference import LABEL, guide_for
from websight_tui.tui.widgets.axes import Window
from websight_tui.tui.widgets.draw import Layer, View, full_window
from websight_tui.tui.widgets.readout import figure, nearest

SMOOTHING: Final = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Half-lives in logged points."""
METRICS: Final = tuple(Metric)
AXES: Final = tuple(Axis)


@dataclass(frozen=True, slots=True)
class ChartState:
    """What was chosen with keys and mouse.

    Args:
        whole: to the run's end and limit, not only what was logged.
        pinned: the crosshair stays where it is and does not follow the mouse.
    """

    metric: Metric = Metric.LOSS
    axis: Axis = Axis.STEP
    log: bool = False
    smoothing: int = 2
    whole: bool = False
    window: Window | None = None
    cursor: float | None = None
    pinned: bool = False
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
        """Over time the whole run is shown at first: limit and finish are what that axis is looked at for."""
        axis = AXES[(AXES.index(self.axis) + 1) % len(AXES)]
        return replace(self, axis=axis, window=None, cursor=None, pinned=False, whole=axis is Axis.TIME)

    def toggled_log(self) -> ChartState:
        return replace(self, log=not self.log)

    def toggled_whole(self) -> ChartState:
        """To the whole run; from a zoom first back to all that was logged."""
        return replace(self, window=None, whole=not self.whole if self.window is None else False)

    def smoother(self, step: int) -> ChartState:
        return replace(self, smoothing=min(len(SMOOTHING) - 1, max(0, self.smoothing + step)))

    def at(self, cursor: float | None) -> ChartState | None:
        """With the crosshair under the mouse; None if it is there already, or was set down elsewhere."""
        return None if cursor == self.cursor or self.pinned else replace(self, cursor=cursor)

    def pin(self, cursor: float | None) -> ChartState:
        """With the crosshair set down at `cursor`, or taken away."""
        return replace(self, cursor=cursor, pinned=cursor is not None)

    def reset(self) -> ChartState:
        """Without zoom and crosshair."""
        return replace(self, window=None, cursor=None, pinned=False, whole=self.axis is Axis.TIME)

    def zoomed(self, view: View, direction: int, x: float | None = None) -> ChartState | None:
        """Half or double the window around `x`, the crosshair or the middle; None if there is nothing to zoom."""
        window, full = view.window or full_window(view), self._bounds(view)
        if window is None or full is None:
            return None
        width = (window[1] - window[0]) * (0.5 if direction > 0 else 2.0)
        if width >= full[1] - full[0]:
            return replace(self, window=None)
        at = x if x is not None else self.cursor if self.cursor is not None else window[1]
        share = min(1.0, max(0.0, (at - window[0]) / (window[1] - window[0])))
        return replace(self, window=_inside((at - share * width, at + (1 - share) * width), full))

    def panned(self, view: View, direction: int) -> ChartState | None:
        """A third of the window to the side; None if it is not zoomed."""
        return None if self.window is None else self.dragged(view, (self.window[1] - self.window[0]) / 3 * direction)

    def dragged(self, view: View, by: float) -> ChartState | None:
        """The window `by` so much of x to the right; None if it is not zoomed."""
        full = self._bounds(view)
        if self.window is None or full is None:
            return None
        return replace(self, window=_inside((self.window[0] + by, self.window[1] + by), full))

    def _bounds(self, view: View) -> Window | None:
        """As far as zoom and pan go: what was logged, or the run to its end if that is shown."""
        full = full_window(view)
        if full is None or not self.whole:
            return full
        ends = [x for x in (view.limit, view.band and view.band[1], view.outlook and view.outlook[-1][0]) if x]
        return min(0.0, full[0]), max([full[1], *ends])

    def moved(self, view: View, direction: int) -> ChartState | None:
        """The crosshair a sixtieth of the window to the side, on the nearest point."""
        window = view.window or full_window(view)
        if window is None or not view.layers:
            return None
        step = (window[1] - window[0]) / 60 * direction
        last = full_window(view) or window
        x = min(window[1], max(window[0], (min(last[1], window[1]) if self.cursor is None else self.cursor + step)))
        curve = view.layers[0].curve
        found = nearest(curve, x)
        if found is None:
            return self.pin(x)
        if self.cursor is not None and (curve.xs[found] - self.cursor) * direction <= 0:
            found = min(curve.count - 1, max(0, found + direction))  # at least to the next point
        return self.pin(curve.xs[found]) if window[0] <= curve.xs[found] <= window[1] else None

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
    """`window` moved into `full`."""
    width = window[1] - window[0]
    low = min(max(window[0], full[0]), full[1] - width)
    return low, low + width


_CURVES: Final = Curves()
_OUTLOOKS: Final[OrderedDict[tuple[str, Axis], tuple[tuple[object, ...], Outlook]]] = OrderedDict()
_MOST_OUTLOOKS: Final = 24


def view_of(run: RunView, state: ChartState, palette: Palette, among: int = 1) -> View:
    """The chart of one run; equal arguments give equal views without computing them again.

    Args:
        among: curves that a screen shows, which share what is read of very long logs between two frames.
    """
    smoothing, most = SMOOTHING[state.smoothing], AT_ONCE // max(1, among)
    curve = _CURVES.get(run.log, run.log_version, state.metric, state.axis, smoothing, most)
    limit, band = _limits(run, state.axis)
    name = state.metric.value if state.metric is not Metric.LEARNING_RATE else "lr"
    view = View(
        (Layer(curve, palette.accent),), state.axis, state.log, state.window, state.cursor, limit, band, name=name
    )
    if state.guide and state.metric is Metric.LOSS:
        view = replace(view, reference=guide_for(run, state.axis), reference_label=LABEL)
    if not state.whole:
        return view
    if state.metric is Metric.LOSS:
        view = replace(view, outlook=_outlook(run, curve, state.axis))
    if state.window is None and (full := full_window(view)) is not None:
        return replace(view, window=(min(0.0, full[0]), max(full[1], *_ends(run, state.axis, limit, band))))
    return view


def not_measured(run: RunView, metric: Metric) -> str:
    """Why a chart of `metric` is empty, in words; "" if that is because nothing was logged at all."""
    segment = run.log.last
    if segment is None or not len(segment.columns):
        return ""
    if metric is Metric.UTILIZATION:
        return "Not measured: no GPU, or nvidia-ml-py is missing there."
    return f"Not measured: this log has no {metric.value.partition(' (')[0]}."


def heading(run: RunView, metric: Metric) -> str:
    """The name of what is drawn; the memory is the process' own where there is no GPU."""
    segment = run.log.last
    no_gpu = segment is not None and segment.meta.get("gpu_names") == []
    return "peak memory, no GPU (GB)" if metric is Metric.MEMORY and no_gpu else metric.value


_SHORT: Final = {Metric.THROUGHPUT: "tokens/s", Metric.MEMORY: "memory", Metric.UTILIZATION: "GPU use"}


def short_heading(run: RunView, metric: Metric, width: int) -> str:
    """`heading` where it fits `width` cells, else without its unit, else a shorter one."""
    name = heading(run, metric)
    names = (name, name.partition(" (")[0], _SHORT.get(metric, metric.value))
    return next((name for name in names if len(name) <= width), names[-1])


def newest(view: View) -> str:
    """Where the curve of a small chart is now, which its few rows do not tell; "" before its first point."""
    curve = view.layers[0].curve
    return figure(curve.smooth[curve.count - 1]) if curve.count else ""


def _outlook(run: RunView, curve: Curve, axis: Axis) -> Outlook:
    """Where the loss goes while the run is under way; fitted once a version of the log."""
    segment = run.log.last
    if segment is None or live_projection(run) is None or segment.end or not curve.count:
        return ()
    at_end = _end_of(run, axis)
    ground = (id(run.log), run.log_version, at_end, run.total_steps)
    known = _OUTLOOKS.get((run.spec.run_id, axis))
    if known is None or known[0] != ground:
        known = (ground, outlook(curve, run.total_steps, at_end))
        _OUTLOOKS[run.spec.run_id, axis] = known
    _OUTLOOKS.move_to_end((run.spec.run_id, axis))
    while len(_OUTLOOKS) > _MOST_OUTLOOKS:
        _OUTLOOKS.popitem(last=False)
    return known[1]


def _before(run: RunView) -> float:
    """Seconds that the earlier segments trained."""
    return sum(s.columns.elapsed[-1] for s in run.log.segments[:-1] if len(s.columns))


def _end_of(run: RunView, axis: Axis) -> float:
    """Where the run is expected to end on the axis; 0 if that is not known."""
    segment, projection = run.log.last, live_projection(run)
    if segment is None:
        return 0.0
    if axis is Axis.TIME:
        return _before(run) + projection.total_s if projection is not None and projection.total_s else 0.0
    return float(run.total_steps) if axis is Axis.STEP else run.spec.preset.num_train_epochs


def _limits(run: RunView, axis: Axis) -> tuple[float | None, Window | None]:
    """Deadline and the finish's band on the time axis; they have no place on the others."""
    projection = live_projection(run)
    if axis is not Axis.TIME or projection is None or run.log.last is None:
        return None, None
    before = _before(run)
    limit = None if projection.limit_s is None else before + projection.limit_s
    band = finish_band(projection)
    begun = (projection.finish_at or 0.0) - (projection.total_s or 0.0)
    return limit, (before + band[0] - begun, before + band[1] - begun) if band else None


def _ends(run: RunView, axis: Axis, limit: float | None, band: Window | None) -> tuple[float, ...]:
    """Where the whole run ends on the axis."""
    ends = [_end_of(run, axis)]
    ends += [limit * 1.02] if limit is not None else []
    return (*ends, band[1] * 1.02) if band is not None else tuple(ends)
