"""The forecast's cost model against the measured grid: its error in each cell, and in cells that no fit has seen.

    python -m bench.gpu.fit [--gpu H200] [--summary]

The model has five constants, fitted to an H200; an H100 has three of its own and shares the two that are of the work.
They are fitted again here, by the least mean |ln(measured ÷ model)|, once with all cells and once without each row
length, rank and micro-batch; what was left out is then predicted. That is how
far the formula itself, not a lucky choice of constants, can be trusted between and a little beyond the measured
settings. Errors are ln(measured ÷ model): +5 % means that the GPU took about 5 % longer.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from bench.gpu.measured import GRIDS, Measured, read_grid, timed
from bench.tables import markdown_table
from websight_tui.presets import BUILT_IN, Preset, make_preset
from websight_tui.projection import cost
from websight_tui.projection.gpus import gpu_named
from websight_tui.sizing import sizes

PIXELS: Final = 16_777_216
"""`image_max_pixels` of the measured rows: no image was made smaller."""


class Constants(NamedTuple):
    """What the cost model knows of a device: `gpus.Gpu`'s three figures and two of `projection.cost`."""

    flops: float
    micro_s: float
    launch_s: float
    long_rows: float
    without_checkpointing: float


class Point(NamedTuple):
    """A measured cell with the work of its row, computed once."""

    measured: Measured
    seconds: float
    language_flop: float
    visual_flop: float


FREE: Final[dict[str, tuple[str, ...]]] = {"H100": ("flops", "micro_s", "launch_s"), "H200": Constants._fields}
"""The constants that are fitted to a GPU's cells."""


def shipped(name: str) -> Constants:
    """The constants that the forecast uses for an H100 or an H200."""
    gpu = gpu_named(name)
    return Constants(gpu.flops, gpu.micro_s, gpu.launch_s, cost._LONG_ROWS, cost._WITHOUT_CHECKPOINTING)


def preset_of(measured: Measured) -> Preset:
    """The preset whose step was measured."""
    cell = measured.cell
    settings = {
        "lora_rank": cell.rank,
        "per_device_train_batch_size": cell.batch,
        "gradient_accumulation_steps": cell.accumulation,
        "tokens_per_sample": measured.row_tokens,
        "gradient_checkpointing": cell.checkpointing,
        "image_max_pixels": PIXELS,
    }
    return make_preset("cell", settings, BUILT_IN[0])


def points(cells: Sequence[Measured]) -> list[Point]:
    """The timed cells, ready for `seconds`."""
    found = []
    for measured, median in timed(list(cells)):
        per_token = sizes(preset_of(measured)).flop_per_token or 0.0
        visual = min(measured.row_tokens, PIXELS / cost._PIXELS_PER_VISUAL_TOKEN)
        language = per_token * measured.row_tokens
        found.append(Point(measured, median, language, cost._VISUAL_FLOP_PER_TOKEN * visual))
    return found


def seconds(point: Point, constants: Constants) -> float:
    """The cost model's step of one GPU, `projection.cost.cost_of` with other constants (a test holds them equal)."""
    cell, tokens = point.measured.cell, point.measured.row_tokens
    saved = 1.0 if cell.checkpointing else constants.without_checkpointing
    flop = (point.language_flop * saved + point.visual_flop) * (1 + tokens / constants.long_rows)
    micro_batch = max(constants.launch_s, constants.micro_s + flop * cell.batch / constants.flops)
    return micro_batch * cell.accumulation


def error(point: Point, constants: Constants) -> float:
    """ln(measured ÷ model)."""
    return math.log(point.seconds / seconds(point, constants))


def fit(seen: Sequence[Point], start: Constants, free: Sequence[str] = Constants._fields) -> Constants:
    """The constants with the least mean |error| over `seen`: each of `free` is tried a bit up and down, ever less."""

    def loss(candidate: Constants) -> float:
        return statistics.fmean(abs(error(point, candidate)) for point in seen)

    best, least, stride = start, loss(start), 0.2
    while stride > 0.0005:
        better = False
        for candidate in _neighbours(best, stride, free):
            found = loss(candidate)
            if found < least - 1e-12:
                best, least, better = candidate, found, True
        if not better:
            stride /= 2
    return best


def _neighbours(constants: Constants, stride: float, free: Sequence[str]) -> list[Constants]:
    """Each constant of `free` up and down by itself, and the pairs that make up for each other."""
    up, down = 1 + stride, 1 / (1 + stride)
    changes = [{name: factor} for name in free for factor in (up, down)]
    changes += [{"flops": a, "long_rows": b} for a, b in ((up, down), (down, up))]
    changes += [{"flops": a, "micro_s": b} for a, b in ((up, up), (down, down))]
    return [
        constants._replace(**{name: getattr(constants, name) * by for name, by in change.items()})
        for change in changes
        if change.keys() <= set(free)
    ]


def left_out(
    all_points: Sequence[Point],
    group: Callable[[Measured], int],
    start: Constants,
    free: Sequence[str] = Constants._fields,
) -> dict[int, list[tuple[Point, float]]]:
    """For each value of `group`: its cells, with their error under a fit that saw none of them."""
    result = {}
    for value in sorted({group(point.measured) for point in all_points}):
        constants = fit([point for point in all_points if group(point.measured) != value], start, free)
        hidden = [point for point in all_points if group(point.measured) == value]
        result[value] = [(point, error(point, constants)) for point in hidden]
    return result


def summary(errors: Sequence[float]) -> list[str]:
    """Median, 90th percentile and largest |error| and the mean error, as percentages."""
    ordered = sorted(abs(value) for value in errors)
    ninth = ordered[min(len(ordered) - 1, int(len(ordered) * 0.9))]
    figures = [f"{100 * value:.1f} %" for value in (statistics.median(ordered), ninth, ordered[-1])]
    return [str(len(ordered)), *figures, f"{round(100 * statistics.fmean(errors), 1) + 0.0:+.1f} %"]


HEAD: Final = ["cells", "median", "90th percentile", "largest", "mean, signed"]


def error_table(all_points: Sequence[Point], name: str) -> str:
    """Shipped and refitted constants on all cells of one GPU, then what each left-out group's cells come to."""
    start, free = shipped(name), FREE[name]
    again = fit(all_points, start, free)
    rows = [
        ["constants as shipped", *summary([error(point, start) for point in all_points])],
        ["fitted to all cells", *summary([error(point, again) for point in all_points])],
    ]
    groups: list[tuple[str, Callable[[Measured], int]]] = [
        ("rows of about {:,} tokens left out", lambda measured: measured.cell.tokens),
        ("rank {} left out", lambda measured: measured.cell.rank),
        ("micro-batch {} left out", lambda measured: measured.cell.batch),
    ]
    for words, group in groups:
        for value, hidden in left_out(all_points, group, start, free).items():
            rows.append([words.format(value), *summary([off for _, off in hidden])])
    return markdown_table(["", *HEAD], rows)


def cell_table(all_points: Sequence[Point], name: str) -> str:
    """One row a cell: measured and modelled seconds, error."""
    start = shipped(name)
    rows = [
        [
            str(point.measured.cell.rank),
            f"{point.measured.cell.batch} × {point.measured.cell.accumulation}",
            f"{point.measured.row_tokens:,}",
            "yes" if point.measured.cell.checkpointing else "no",
            f"{point.seconds:.3f}",
            f"{seconds(point, start):.3f}",
            f"{100 * error(point, start):+.1f} %",
        ]
        for point in all_points
    ]
    return markdown_table(["rank", "batch", "tokens", "checkpointing", "measured s", "model s", "error"], rows)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu.fit", description=__doc__.splitlines()[0])
    parser.add_argument("--summary", action="store_true", help="leave out the table of single cells")
    parser.add_argument("--gpu", choices=tuple(GRIDS), default="H100")
    args = parser.parse_args()
    all_points = points(read_grid(GRIDS[args.gpu]))
    if not args.summary:
        print(cell_table(all_points, args.gpu), "\n")
    print(error_table(all_points, args.gpu), "\n")
    again = fit(all_points, shipped(args.gpu), FREE[args.gpu])
    names = ("TFLOP/s", "s a micro-batch", "s at least", "tokens that double a token's cost", "without checkpointing")
    units = (1e12, 1, 1, 1, 1)
    rows = [
        [name, f"{old / unit:,.4g}", f"{new / unit:,.4g}"]
        for name, unit, old, new in zip(names, units, shipped(args.gpu), again, strict=True)
    ]
    print(markdown_table(["constant", "shipped", "fitted to all cells"], rows))


if __name__ == "__main__":
    main()
