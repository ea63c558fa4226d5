"""The guide's claims beside what was measured, and what that means for its run of 71,000 samples."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from typing import Final

from bench.gpu.grid import Cell
from bench.gpu.measured import Measured
from bench.tables import markdown_table
from docs.measured_gpu import by_cell, lengths, real_tokens
from websight_tui.presets import BUILT_IN, Preset

GPUS: Final = 8
GUIDES_TOKENS: Final = (1_100, 1_400)
BUSY_TOKENS: Final = 3_900
"""Tokens in a micro-batch from which the GPU no longer waits for Python."""
HOURS: Final = {"rank32": "6-8", "rank16": "4-5", "half-epoch": "3-4", "batch6": "30 % less", "baseline": "20-24"}


def micro_batch_s(cells: Sequence[Measured], rank: int, batch: int, tokens: float) -> float:
    """Seconds of a micro-batch with checkpointing, linear in the row length between the two nearest measured ones.

    Raises: ValueError outside the measured lengths, KeyError for a rank or micro-batch that was not measured there.
    """
    known = by_cell(cells)
    for low, high in itertools.pairwise(lengths(cells)):
        short, long = real_tokens(cells, low), real_tokens(cells, high)
        if short <= tokens <= long:
            a, b = (known[Cell(rank, batch, length, True)].median_s for length in (low, high))
            if a is None or b is None:
                raise KeyError(f"rank {rank}, batch {batch} ran out of memory")
            return a + (b - a) * (tokens - short) / (long - short)
    raise ValueError(f"{tokens} tokens lie outside the measured lengths")


def run_hours(cells: Sequence[Measured], preset: Preset, tokens: float) -> float:
    """Hours of all steps of a run on 8 GPUs, as if each worked like the one that was measured."""
    one = micro_batch_s(cells, preset.lora_rank, preset.per_device_train_batch_size, tokens)
    return preset.total_steps(GPUS) * preset.gradient_accumulation_steps * one / 3600


def loading_s(cells: Sequence[Measured], tokens: int) -> float:
    """Seconds that one process took to load one row of about `tokens`, the median over all cells."""
    each = [
        seconds / measured.samples
        for measured in cells
        if measured.cell.tokens == tokens
        for seconds in measured.loading_s
    ]
    return statistics.median(each)


def hours(cells: Sequence[Measured], others: Sequence[Measured]) -> str:
    """Hours of each preset's steps at the guide's row lengths and at the longer measured ones; of H200s (`others`) at
    one of them."""
    longer = [real_tokens(cells, tokens) for tokens in lengths(cells)[1:]]
    rows = []
    for preset in guides_presets():
        said = [_hours_words(cells, preset, tokens) for tokens in (*GUIDES_TOKENS, *longer)]
        there = _hours_words(others, preset, GUIDES_TOKENS[-1])
        rows.append([f"`{preset.name}`", f"{preset.total_steps(GPUS):,}", *said, there, HOURS[preset.name]])
    head = ["preset", "steps", *(f"{tokens:,} tokens" for tokens in (*GUIDES_TOKENS, *longer))]
    return markdown_table([*head, f"H200: {GUIDES_TOKENS[-1]:,} tokens", "the guide's hours"], rows)


def _hours_words(cells: Sequence[Measured], preset: Preset, tokens: float) -> str:
    try:
        return f"{run_hours(cells, preset, tokens):.2f} h"
    except KeyError:
        return "–"


def claims(grids: dict[str, list[Measured]]) -> str:
    """What each of the guide's changes brings, in one table: a column for each kind of GPU."""
    columns = [_brought(cells) for cells in grids.values()]
    presets = {preset.name: preset for preset in guides_presets()}
    steps = [presets[name].total_steps(GPUS) for name in ("baseline", "rank32")]
    fewer = f"{steps[1]:,} steps, not {steps[0]:,}: 2.5 times less, and all of the big saving"
    said = {
        "rank 32, not 64": ("40 % faster", "measured"),
        "rank 16, not 32": ("60 % faster", "measured"),
        "batch 4 × 2, not 2 × 4": ("2x faster", "measured; the two longer lengths from single micro-batches"),
        "batch 6 × 1, not 4 × 2": ("30 % less time", "measured; a third more, noisier steps"),
        "1 epoch, not 2.5": ("2.5x faster", "arithmetic; what it does to the result was not measured"),
        "all of it: `baseline` → `rank32`": ("3-4 times faster", "interpolated in row length"),
    }
    rows = [
        [change, guide, *(column.get(change, fewer) for column in columns), how]
        for change, (guide, how) in said.items()
    ]
    head = ["change", "the guide", *(f"on one {name}" for name in grids), "how known"]
    return markdown_table(head, rows).replace("---:", "---")


def _brought(cells: Sequence[Measured]) -> dict[str, str]:
    """What each change brought on one kind of GPU."""
    shortest, *longer = lengths(cells)
    by_length = [f"{_per_sample(cells, 4, 2, tokens):+.0f} % at {real_tokens(cells, tokens):,}" for tokens in longer]
    known = by_cell(cells)
    two, four, six = (
        (known[cell].median_s or 0.0) / known[cell].samples
        for cell in (Cell(32, 2, shortest, True, 4), Cell(32, 4, shortest, True, 2), Cell(32, 6, shortest, True, 1))
    )
    presets = {preset.name: preset for preset in guides_presets()}
    both = [run_hours(cells, presets["baseline"], t) / run_hours(cells, presets["rank32"], t) for t in GUIDES_TOKENS]
    return {
        "rank 32, not 64": _ranks(cells, 32, 64),
        "rank 16, not 32": _ranks(cells, 16, 32),
        "batch 4 × 2, not 2 × 4": f"{100 * (four / two - 1):+.0f} % time a sample at "
        f"{real_tokens(cells, shortest):,} tokens; " + ", ".join(by_length),
        "batch 6 × 1, not 4 × 2": f"{100 * (six / four - 1):+.0f} % time a sample",
        "all of it: `baseline` → `rank32`": f"{both[0]:.1f} times at {GUIDES_TOKENS[0]:,} tokens, {both[1]:.1f} at "
        f"{GUIDES_TOKENS[1]:,}",
    }


def guides_presets() -> list[Preset]:
    """The built-in presets that the guide gives hours for."""
    return [preset for preset in BUILT_IN if preset.name in HOURS]


def _ranks(cells: Sequence[Measured], rank: int, against: int) -> str:
    """How much longer the steps of `rank` take than those of `against`, cell by cell.

    With checkpointing only: those cells were measured on one machine.
    """
    known = by_cell(cells)
    all_pairs, busy = [], []
    for cell, measured in known.items():
        other = known.get(cell._replace(rank=against))
        if cell.rank != rank or not cell.checkpointing or other is None:
            continue
        if measured.median_s is None or other.median_s is None:
            continue
        change = 100 * (measured.median_s / other.median_s - 1)
        all_pairs.append(change)
        if cell.batch * measured.row_tokens >= BUSY_TOKENS:
            busy.append(change)
    return (
        f"{statistics.median(busy):+.1f} % step time ({min(busy):+.1f} to {max(busy):+.1f}, {len(busy)} pairs of busy "
        f"cells; all {len(all_pairs)}: {round(statistics.median(all_pairs), 1) + 0.0:+.1f} %)"
    )


def _per_sample(cells: Sequence[Measured], batch: int, against: int, tokens: int) -> float:
    """Percent of time a sample takes more with micro-batches of `batch` than of `against`, at rank 32."""
    known = by_cell(cells)
    one, other = ((known[Cell(32, size, tokens, True)].median_s or 0.0) / size for size in (batch, against))
    return 100 * (one / other - 1)
