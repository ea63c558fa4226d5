"""What a frame of the run screen's chart costs, however long the run: `python -m bench.charts [--json]`.

A frame is what a key or a movement of the mouse makes the app do on its event loop: take the points that came since the
last frame, reduce what is visible to the chart's width, draw it into styled cells. The floor is an empty chart of the
same size. Medians of many frames, milliseconds.
"""

from __future__ import annotations

import argparse
import json
from array import array
from collections.abc import Callable, Iterator
from math import exp, sin
from statistics import median
from time import perf_counter

from bench.tables import markdown_table
from websight_tui.metrics.curves import AT_ONCE, Axis, CurveReader, Metric
from websight_tui.metrics.model import Segment, TrainingLog
from websight_tui.tui.palette import Palette
from websight_tui.tui.widgets.draw import Layer, View, draw

_SIZE = (118, 30)
_FRAMES = 25


def made_log(points: int) -> TrainingLog:
    """A loss curve of so many logged points."""
    log = TrainingLog(segments=[Segment(total_steps=2 * points)])
    columns = log.segments[0].columns
    steps = array("d", range(1, points + 1))
    columns.step, columns.elapsed = steps, array("d", (2.0 * step for step in steps))
    columns.loss = array("d", (2.4 * exp(-3 * i / points) + 0.5 + 0.05 * sin(i * 1.7) for i in range(points)))
    nothing = array("d", [float("nan")]) * points
    columns.epoch = columns.lr = columns.grad_norm = nothing
    columns.t = columns.tokens = columns.memory = columns.utilization = array("d", nothing)
    return log


def frames(points: int) -> Iterator[tuple[str, float]]:
    """(what happened, milliseconds of a frame) for a run of so many points."""
    log = made_log(points)
    palette = Palette()
    reader = CurveReader(Metric.LOSS, Axis.STEP, 4)

    def frame(**more: object) -> None:
        draw(View((Layer(reader.read(log), palette.accent),), **more), *_SIZE, palette)  # type: ignore[arg-type]

    pieces: list[float] = []
    while not pieces or reader.read(log, most=0).behind:
        pieces.append(_once(lambda: reader.read(log, most=AT_ONCE)))
    yield "first look, all pieces", sum(pieces)
    yield "first look, longest piece", max(pieces)
    yield "nothing new", _median(frame)
    columns = log.segments[0].columns

    def grown() -> None:
        columns.step.append(columns.step[-1] + 1)
        columns.elapsed.append(columns.elapsed[-1] + 2.0)
        columns.loss.append(0.5)
        columns.utilization.append(0.0)
        frame()

    yield "crosshair moved", _median(lambda: frame(cursor=points * 0.37))
    yield "zoomed to a half", _median(lambda: frame(window=(points * 0.25, points * 0.75)))
    yield "zoomed to 1 %", _median(lambda: frame(window=(points * 0.5, points * 0.51)))

    def smoothed() -> None:
        reader.read(log, 16)
        frame()

    yield "smoothing changed", _once(smoothed)
    yield "a point came", _median(grown)


def _once(what: Callable[[], object]) -> float:
    begun = perf_counter()
    what()
    return (perf_counter() - begun) * 1000


def _median(what: Callable[[], object]) -> float:
    return median(_once(what) for _ in range(_FRAMES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--points", type=int, nargs="*", default=[1_000, 100_000, 1_000_000])
    args = parser.parse_args()
    found = {points: dict(frames(points)) for points in args.points}
    if args.json:
        print(json.dumps(found))
        return
    rows = [[name, *(f"{found[points][name]:,.1f}" for points in args.points)] for name in found[args.points[0]]]
    print(markdown_table(["milliseconds", *(f"{points:,} points" for points in args.points)], rows))


if __name__ == "__main__":
    main()
