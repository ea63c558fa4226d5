"""The charts of a report: loss with its evaluations, learning rate, gradient norm, speed, memory, projected total."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import ceil, inf, isfinite, log10, nan
from typing import Final

from websight_tui import words
from websight_tui.metrics.curves import Axis, Curve, CurveReader, Metric
from websight_tui.metrics.model import TrainingLog
from websight_tui.metrics.series import reduce, smooth
from websight_tui.metrics.stitch import surviving
from websight_tui.projection.model import Forecast, Projection
from websight_tui.report.model import Line, Panel, Rule

POINTS: Final = 480
"""Parts of x of which a curve keeps the lowest and highest point: more than a page is wide in pixels is not seen."""
_MARKS: Final = 100
"""About so many checkpoints are marked at most; more would be a line."""
_LOOKS_AT: Final = 60
"""The smoothing's half-life is this part of the curve."""


def panels_of(log: TrainingLog, step_samples: int = 0) -> tuple[Panel, ...]:
    """All charts for which the log has at least two points, loss first.

    Args:
        step_samples: samples of one optimizer step; 0 if unknown (speed is then in steps).
    """
    panels = (
        _curve(log, Metric.LOSS, "Loss"),
        _curve(log, Metric.LEARNING_RATE, "Learning rate"),
        _curve(log, Metric.GRAD_NORM, "Gradient norm"),
        _speed(log, step_samples),
        _curve(log, Metric.MEMORY, "Peak memory (GB)"),
        _curve(log, Metric.UTILIZATION, "GPU utilisation (%)"),
    )
    return tuple(panel for panel in panels if panel is not None)


def half_life(count: int) -> float:
    """Half-life of the smoothing for a curve of `count` points, in points."""
    return max(1.0, float(ceil(count / _LOOKS_AT)))


def figure(value: float) -> str:
    """ "0.4213", "3.2e-05", "1,234": as many digits as a reader needs."""
    if value == 0:
        return "0"
    size = log10(abs(value))
    if size < -3 or size >= 7:
        return f"{value:.3g}"
    return f"{value:,.{max(0, min(4, 3 - int(size // 1)))}f}"


def _curve(log: TrainingLog, metric: Metric, title: str) -> Panel | None:
    points = sum(count for _, count, _ in surviving(log))
    smoothed = metric in (Metric.LOSS, Metric.GRAD_NORM)
    life = half_life(points) if smoothed else 0.0
    curve = CurveReader(metric, Axis.STEP, life).read(log)
    if curve.count < 2:
        return None
    lines = [Line("raw", "logged", tuple(curve.raw.reduce(-inf, inf, POINTS)))] if smoothed else []
    lines.append(Line("mean", "smoothed" if smoothed else title.lower(), tuple(curve.mean.reduce(-inf, inf, POINTS))))
    if curve.evaluations:
        lines.append(Line("eval", "evaluation", curve.evaluations))
    last = curve.ys[curve.count - 1]
    value = f"{figure(last)}"
    if smoothed:
        value = f"{figure(curve.smooth[curve.count - 1])} smoothed, {value} last"
    elif metric is Metric.LEARNING_RATE:
        value = f"{figure(max(curve.ys[: curve.count]))} at its peak"
    steps = life * max(0.0, curve.xs[1] - curve.xs[0]) if smoothed else 0
    notes = [f"smoothed with a half-life of {steps:g} steps"] if smoothed else []
    if metric is Metric.LOSS and curve.broken:
        notes.append(f"NaN or infinite at {len(curve.broken)} steps")
    return Panel(
        title,
        value,
        "step",
        tuple(lines),
        _restarts(curve),
        marks=curve.checkpoints[:: max(1, len(curve.checkpoints) // _MARKS)] if metric is Metric.LOSS else (),
        caption="; ".join(notes),
        from_zero=metric in (Metric.MEMORY, Metric.UTILIZATION),
    )


def _restarts(curve: Curve) -> tuple[Rule, ...]:
    return tuple(Rule("restart", "resumed", x=x) for x in curve.restarts)


def _thin(xs: Sequence[float], ys: Sequence[float]) -> tuple[tuple[float, float], ...]:
    return tuple(reduce(xs, ys, -inf, inf, POINTS))


def speeds(log: TrainingLog) -> tuple[array[float], array[float]]:
    """(steps, steps a second since the logged step before), each segment by itself; pauses are inside."""
    xs, ys = array("d"), array("d")
    for segment, count, _ in surviving(log):
        columns = segment.columns
        for i in range(1, count):
            seconds = columns.elapsed[i] - columns.elapsed[i - 1]
            done = columns.step[i] - columns.step[i - 1]
            if isfinite(seconds) and seconds > 0 and done > 0:
                xs.append(columns.step[i])
                ys.append(done / seconds)
    return xs, ys


def _speed(log: TrainingLog, step_samples: int) -> Panel | None:
    xs, ys = speeds(log)
    if len(xs) < 2:
        return None
    samples_title = "Speed (samples a second)"
    if step_samples:
        factor, title = float(step_samples), samples_title
    else:
        middle = sorted(ys)[len(ys) // 2]
        factor, title = (1.0, "Speed (steps a second)") if middle >= 1 else (60.0, "Speed (steps a minute)")
    scaled = array("d", (y * factor for y in ys))
    life = half_life(len(xs))
    mean = smooth(xs, scaled, life * max(0.0, xs[1] - xs[0]))
    middle = sorted(scaled)[len(scaled) // 2]
    lines = (Line("raw", "between two logged steps", _thin(xs, scaled)), Line("mean", "smoothed", _thin(xs, mean)))
    caption = "pauses for evaluations and checkpoints are inside"
    return Panel(title, f"{figure(middle)} median", "step", lines, caption=caption, from_zero=True)


_UNITS: Final = ((172_800.0, 86_400.0, "days"), (7_200.0, 3_600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "s"))


def projection_panel(
    looks: Sequence[Projection], forecast: Forecast | None, truth_s: float | None, limit_s: float | None
) -> Panel | None:
    """How the projected total came about, with the forecast from before the launch and what became true.

    Args:
        looks: projections as they would have been made while the segment ran, oldest first.
        truth_s: seconds that it really took; None while that is not known.
        limit_s: seconds that it may take.
    """
    looks = [p for p in looks if p.total_s is not None]
    planned = forecast.seconds if forecast is not None else None
    if not looks and (planned is None or truth_s is None):
        return None
    totals = [p.total_s_80[1] for p in looks if p.total_s_80] + [p.total_s for p in looks if p.total_s]
    longest = max([*totals, planned or 0.0, truth_s or 0.0])
    _, unit, name = next(u for u in _UNITS if longest >= u[0])
    end = max([*(p.elapsed_s for p in looks), truth_s or 0.0]) / unit
    lines, rules = [], []
    if looks:
        points = tuple((p.elapsed_s / unit, (p.total_s or nan) / unit) for p in looks)
        lines.append(Line("mean", "projected total", points))
    if planned is not None:
        lines.append(Line("plan", "forecast before the launch", ((0.0, planned / unit), (end, planned / unit))))
    if truth_s is not None:
        rules.append(Rule("truth", "what it took", y=truth_s / unit))
    if limit_s is not None and limit_s < 2.5 * longest:
        rules.append(Rule("limit", "limit", y=limit_s / unit))
    band = tuple(
        (p.elapsed_s / unit, p.total_s_80[0] / unit, p.total_s_80[1] / unit) for p in looks if p.total_s_80 is not None
    )
    value = f"{words.duration(truth_s)} in the end" if truth_s is not None else words.duration(looks[-1].total_s)
    caption = f"total in {name} as projected after so many {name}, with its 80 % band"
    if limit_s is not None and not any(rule.role == "limit" for rule in rules):
        caption += f"; the limit, {words.duration(limit_s)}, is far above"
    return Panel("Projected total", value, name, tuple(lines), tuple(rules), band, caption=caption)
