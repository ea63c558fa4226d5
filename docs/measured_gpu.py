"""The tables of what one GPU did, from bench/gpu/results; `docs.make_presets` puts them into docs/presets.md."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any, Final

from bench.gpu.fit import preset_of
from bench.gpu.grid import Cell
from bench.gpu.measured import Measured, timed
from bench.gpu.mfu import utilisation
from bench.tables import markdown_table
from websight_tui.sizing import GIB, sizes

OUT_OF_MEMORY: Final = "out of memory"
NOT_RUN: Final = "not run"
RANKS: Final = (8, 16, 32, 64, 128)
RUNTIME: Final = 5 * GIB
"""What the memory estimate adds for CUDA and NCCL, which torch's own count does not see."""


def by_cell(cells: Sequence[Measured]) -> dict[Cell, Measured]:
    """The cells by what was set."""
    return {measured.cell: measured for measured in cells}


def lengths(cells: Sequence[Measured]) -> list[int]:
    """The row lengths that were asked for, ascending."""
    return sorted({measured.cell.tokens for measured in cells})


def real_tokens(cells: Sequence[Measured], tokens: int) -> int:
    """Tokens that rows of about `tokens` really had, most often."""
    return statistics.mode(measured.row_tokens for measured in cells if measured.cell.tokens == tokens)


def step_words(measured: Measured) -> str:
    """ "0.81 (0.79-0.81)": seconds of the median step, and of the fastest and the slowest that count."""
    if measured.median_s is None:
        return OUT_OF_MEMORY
    return f"{measured.median_s:.2f} ({min(measured.steps_s):.2f}-{max(measured.steps_s):.2f})"


def samples_per_s(measured: Measured) -> float:
    """Rows a second; 0 if memory ran out."""
    return measured.samples / measured.median_s if measured.median_s else 0.0


def of_one_rank(cells: Sequence[Measured], rank: int, others: Sequence[Measured], *, checkpointing: bool) -> str:
    """All figures of a rank: one row for each length and micro-batch, and what an H200 took (`others`)."""
    rows, known = [], by_cell(others)
    for measured in cells:
        cell = measured.cell
        if cell.rank != rank or cell.checkpointing != checkpointing or cell.accumulation != 1:
            continue
        row = [f"{real_tokens(cells, cell.tokens):,}", str(cell.batch), step_words(measured)]
        other = known.get(cell)
        there = [step_words(other), f"{peak_words(other)} GiB"] if other else [NOT_RUN, NOT_RUN]
        speed, mfu = samples_per_s(measured), utilisation(measured)
        if mfu is None:
            rows.append([*row, "–", "–", f"> {measured.peak_bytes / GIB:.0f} GiB", "–", *there])
            continue
        tokens = f"{speed * measured.row_tokens:,.0f}"
        memory = f"{measured.peak_bytes / GIB:.1f} GiB"
        rows.append([*row, f"{speed:.2f}", tokens, memory, f"{100 * mfu:.0f} %", *there])
    head = ["tokens a row", "batch", "step, s", "samples/s", "tokens/s", "peak memory", "MFU"]
    return markdown_table([*head, "H200: step, s", "its peak memory"], rows)


def by_rank(cells: Sequence[Measured], words: Callable[[Measured], str], *, checkpointing: bool) -> str:
    """A row for each length and micro-batch, a column for each rank, `words` in the cells."""
    known = by_cell(cells)
    rows = []
    ranks = [rank for rank in RANKS if any((cell.rank, cell.checkpointing) == (rank, checkpointing) for cell in known)]
    for tokens in lengths(cells):
        for batch in sorted({cell.batch for cell in known}):
            found = [known.get(Cell(rank, batch, tokens, checkpointing)) for rank in ranks]
            said = [words(measured) if measured else NOT_RUN for measured in found]
            rows.append([f"{real_tokens(cells, tokens):,} × {batch}", *said])
    return markdown_table(["tokens × batch", *(f"rank {rank}" for rank in ranks)], rows)


def slower(cells: Sequence[Measured], others: Sequence[Measured], *, busy_tokens: int) -> list[float]:
    """Percent that each step of `cells` takes longer than that of the same cell in `others`, ascending.

    Args:
        busy_tokens: only cells with so many tokens in a micro-batch.
    """
    known = by_cell(others)
    pairs = [(measured, seconds, known.get(measured.cell)) for measured, seconds in timed(list(cells))]
    return sorted(
        100 * (seconds / other.median_s - 1)
        for measured, seconds, other in pairs
        if other and other.median_s and measured.cell.batch * measured.row_tokens >= busy_tokens
    )


def most_rows(cells: Sequence[Measured], rank: int, *, checkpointing: bool) -> dict[int, int]:
    """The largest measured micro-batch that did not run out of memory, by the row length that was asked for."""
    fit = [m.cell for m, _ in timed(list(cells)) if (m.cell.rank, m.cell.checkpointing) == (rank, checkpointing)]
    return {tokens: max(cell.batch for cell in fit if cell.tokens == tokens) for tokens in lengths(cells)}


def peak_words(measured: Measured) -> str:
    """Peak memory in GiB; "> 137" if more was asked for than there was."""
    if measured.median_s is None:
        return f"> {measured.peak_bytes / GIB:.0f}"
    return f"{measured.peak_bytes / GIB:.1f}"


def splits(cells: Sequence[Measured]) -> str:
    """The guide's three ways to cut a step, by the time of a sample."""
    known = by_cell(cells)
    shortest = lengths(cells)[0]
    chosen = [known[Cell(32, batch, shortest, True, rounds)] for batch, rounds in ((2, 4), (4, 2), (6, 1))]
    base = chosen[0]
    rows = []
    for measured in chosen:
        seconds = measured.median_s or 0.0
        one, first = seconds / measured.samples, (base.median_s or 0.0) / base.samples
        rows.append(
            [
                f"{measured.cell.batch} × {measured.cell.accumulation}",
                str(measured.samples),
                step_words(measured),
                f"{1000 * one:.0f} ms",
                "–" if measured is base else f"{100 * (one / first - 1):+.0f} %",
                f"{measured.peak_bytes / GIB:.1f} GiB",
            ]
        )
    head = ["batch × accumulation", "samples", "step, s", "a sample", "against 2 × 4", "peak memory"]
    return markdown_table(head, rows)


def around_the_steps(wholes: dict[str, dict[str, Any]], callback: dict[str, Any]) -> str:
    """Start-up, checkpoint, evaluation, stop and the callback, of two whole runs of the trainer on each kind of GPU."""
    columns = [_around(whole) for whole in wholes.values()]
    rows = [[what, *(column[what] for column in columns)] for what in columns[0]]
    shares = [100 * callback["callback_s"] / whole["whole"]["step_s"] for whole in wholes.values()]
    each = [f"{share:.3f} % of that step" for share in shares]
    rows.append([f"the trainer's callback: {1e6 * callback['callback_s']:.0f} µs a step (CPU figure)", *each])
    return markdown_table(["what", *(f"one {name}" for name in wholes)], rows).replace("---:", "---")


def _around(whole: dict[str, Any]) -> dict[str, str]:
    full, stopped = whole["whole"], whole["stopped"]
    checkpoints = [save for save in full["saves"] + stopped["saves"] if save["bytes"] > 5e8]
    adapter = next(save for save in full["saves"] if save["bytes"] < 5e8)
    evaluations = [one["seconds"] for one in full["evaluations"]]
    looked_at = round(full["end"]["metrics"]["eval_runtime"] * full["end"]["metrics"]["eval_samples_per_second"])
    return {
        "start of the process → training begins": f"{full['start_up_s']:.0f} s, again {stopped['start_up_s']:.0f} s",
        "training begins → first step logged": f"{full['first_step_s']:.1f} s, again {stopped['first_step_s']:.1f} s",
        "a step of 4 × 2 in the whole trainer, 4 loader processes": f"{full['step_s']:.2f} s",
        f"a checkpoint ({checkpoints[0]['bytes'] / 1e9:.2f} GB, into memory)": ", ".join(
            f"{save['seconds']:.2f}" for save in checkpoints
        )
        + " s",
        f"the adapter alone at the end ({adapter['bytes'] / 1e6:.0f} MB)": f"{adapter['seconds']:.2f} s",
        f"an evaluation of {looked_at} samples, its loader's start included": ", ".join(
            f"{seconds:.2f}" for seconds in evaluations
        )
        + f" s: {1000 * statistics.fmean(evaluations) / looked_at:.0f} ms a sample",
        "signal → whole checkpoint, the step under way included": f"{stopped['signal_to_saved_s']:.2f} s",
        "signal → process ended": f"{stopped['signal_to_exit_s']:.2f} s",
        "last step → process ended, with an evaluation and two saves": f"{full['tail_s']:.1f} s",
    }


def memory_errors(grids: dict[str, list[Measured]]) -> str:
    """The memory estimate, less what it adds for CUDA and NCCL, against the peaks."""
    groups = (
        ("with checkpointing", lambda cell: cell.checkpointing and cell.accumulation == 1),
        ("with checkpointing and accumulation", lambda cell: cell.checkpointing and cell.accumulation > 1),
        ("without checkpointing", lambda cell: not cell.checkpointing),
    )
    rows = []
    for name, cells in grids.items():
        for words, belongs in groups:
            off = [
                ((sizes(preset_of(measured)).gpu_memory_bytes or 0) - RUNTIME - measured.peak_bytes) / GIB
                for measured, _ in timed(cells)
                if belongs(measured.cell)
            ]
            figures = (f"{value:+.1f} GiB" for value in (min(off), statistics.median(off), max(off)))
            rows.append([f"{name}, {words}", str(len(off)), *figures])
    return markdown_table(["estimate less measured peak", "cells", "lowest", "median", "highest"], rows)
