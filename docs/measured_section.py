"""The section "Measured on a GPU" of docs/presets.md, words and tables: the H100 first, the H200 beside it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Final

from bench.gpu.fit import FREE, error, error_table, fit, points, shipped, summary
from bench.gpu.measured import Measured, Results, timed
from bench.gpu.mfu import PEAK_FLOPS, sample_flop, utilisation
from docs import measured_asked
from docs.measured_gpu import (
    around_the_steps,
    by_rank,
    lengths,
    memory_errors,
    most_rows,
    of_one_rank,
    peak_words,
    real_tokens,
    slower,
    splits,
    step_words,
)
from docs.measured_several import runs as several_runs
from docs.measured_several import words as several_words
from docs.measured_verdicts import (
    BUSY_TOKENS,
    GPUS,
    GUIDES_TOKENS,
    claims,
    guides_presets,
    hours,
    loading_s,
    run_hours,
)
from docs.wrapped import paragraph
from websight_tui.sizing import GIB

SECONDS: Final = "seconds of a step, median (fastest-slowest):"


def section(results: Results) -> str:
    """All of it, to be put between the page's marks."""
    cells, others = results.grids["H100"], results.grids["H200"]
    real = {length: real_tokens(others, length) for length in lengths(others)}
    parts = [
        _how_measured(results),
        "### What each change brings",
        claims(results.grids),
        _verdict(cells),
        "### Hours of the guide's run",
        hours(cells, others),
        _about_hours(results),
        "### Rank 32, with gradient checkpointing",
        of_one_rank(cells, 32, others, checkpointing=True),
        "### Rank 32, without gradient checkpointing",
        of_one_rank(cells, 32, others, checkpointing=False),
        _about_checkpointing(cells),
        _about_80_gb(results),
        "### The same work cut into other micro-batches",
        splits(cells),
        "### Around the steps",
        around_the_steps(results.wholes, results.callback),
        _about_whole_runs(),
        "### Asking a finished run",
        measured_asked.table(results.asked, real),
        measured_asked.words(results.asked),
        "### Several GPUs",
        several_runs(results.several, results.two, real),
        several_words(results.several, results.two),
        "### Every rank, with gradient checkpointing",
        f"H100, {SECONDS}",
        by_rank(cells, step_words, checkpointing=True),
        f"H200, {SECONDS}",
        by_rank(others, step_words, checkpointing=True),
        "Peak memory in GiB, on the H200 (where both have a cell, the H100's differs by less than 0.1):",
        by_rank(others, peak_words, checkpointing=True),
        "### Every rank, without gradient checkpointing",
        f"H100, {SECONDS}",
        by_rank(cells, step_words, checkpointing=False),
        f"H200, {SECONDS}",
        by_rank(others, step_words, checkpointing=False),
        "Peak memory in GiB, on the H200:",
        by_rank(others, peak_words, checkpointing=False),
        "### How good the estimates are",
        memory_errors(results.grids),
        _about_memory(results),
        error_table(points(cells), "H100"),
        _about_cost_model(results),
    ]
    return "\n\n".join(parts)


def _how_measured(results: Results) -> str:
    grids, wholes = results.grids, results.wholes
    cells, others = grids["H100"], grids["H200"]
    facts = {name: whole["facts"] for name, whole in wholes.items()}
    versions = ", ".join(
        f"{name} {facts['H100']['versions'][name]}" for name in ("torch", "transformers", "llamafactory")
    )
    machines = " and ".join(f"one {each['gpu']} ({each['gpu_bytes'] / GIB:.0f} GiB)" for each in facts.values())
    known = {name: len(timed(each)) for name, each in grids.items()}
    tokens = [f"{real_tokens(others, length):,}" for length in lengths(others)]
    hardware = [(measured, utilisation(measured, recomputed=True) or 0.0) for measured, _ in timed(cells)]
    best, most = max(hardware, key=lambda pair: pair[1])
    flop = sample_flop(32, 1400, 1093) / 1e12
    machine = paragraph(
        f"""**Measured**: {machines}, each in a machine of its own with 16 cores, {versions}, bf16, a randomly
        initialised model with the shapes of Qwen3-VL-8B (what the weights are does not change the time), the
        arguments that this project's trainer gives to LLaMA-Factory, attention by torch's sdpa. FlashAttention 2,
        which the presets ask for, was not there. Rows are one image of noise and {tokens[0]}, {tokens[1]} or
        {tokens[2]} tokens in all, alike in a cell, so no padding. On the H100 {known["H100"]} cells were timed and
        {len(cells) - known["H100"]} ran out of memory (ranks 32 and 64; of rank 16 the first eleven), on the H200
        {known["H200"]} and {len(others) - known["H200"]} (ranks 8 to 128). A step is forward, backward and
        optimizer, without loading. The first step of a cell does not count, the median is of the two or three after
        it; their fastest and slowest stand beside it."""
    )
    missing = paragraph(
        """**Not measured**: more than one H100 at once (the figures of several GPUs are an H200's), more than four
        GPUs or more than one node, ranks 8 and 128 on an H100, real pages, FlashAttention 2, and the quality of
        anything."""
    )
    formula = f"    MFU = samples/s × FLOP of a sample ÷ {PEAK_FLOPS / 1e12:.0f} TFLOP/s (dense bf16 of either)"
    mfu = paragraph(
        f"""FLOP of a sample are those that LoRA needs: a token takes 4 × the parameters of the frozen layers and
        the head (forward, and backward to the inputs) and 6 × the trainable ones; then three times the forward pass
        of causal attention, and one forward pass of the frozen vision tower. That is {flop:.0f} TFLOP for 1,400
        tokens of which 1,093 are the image. The second forward pass of gradient checkpointing is not counted; with
        it, the H100's best cell comes to {100 * most:.0f} % (rank {best.cell.rank}, batch {best.cell.batch},
        {best.row_tokens:,} tokens). What takes the rest was not profiled."""
    )
    return "\n\n".join([machine, missing, formula, mfu])


def _verdict(cells: Sequence[Measured]) -> str:
    return paragraph(
        f"""Busy cells have {BUSY_TOKENS:,} tokens or more in a micro-batch. In short: **the epochs are the saving,
        the micro-batch helps with short rows, the rank changes the adapter's size and not the time.** The guide's
        "3 to 4 times faster" is about right in the sum, but not for its reasons. With about 1,000 tokens and one or
        two rows in a micro-batch the GPU seems to wait for Python: a second row adds {_two_rows(cells):.0f} %, and
        times scatter by a fifth and more. From about 4,000 tokens in a micro-batch on, making it bigger gains about
        a tenth at most."""
    )


def _two_rows(cells: Sequence[Measured]) -> float:
    """Percent that a micro-batch of two short rows takes longer than one of one: the median over all that are alike."""
    shortest = lengths(cells)[0]
    by_cell = {measured.cell: seconds for measured, seconds in timed(list(cells)) if measured.cell.tokens == shortest}
    ones = [cell for cell in by_cell if cell.batch == cell.accumulation == 1]
    return statistics.median(100 * (by_cell[cell._replace(batch=2)] / by_cell[cell] - 1) for cell in ones)


def _about_hours(results: Results) -> str:
    cells, others = results.grids["H100"], results.grids["H200"]
    rank32 = next(preset for preset in guides_presets() if preset.name == "rank32")
    rows = rank32.train_samples / GPUS
    short, middle, long = lengths(cells)
    each = [loading_s(cells, tokens) for tokens in (short, middle)]
    loading = [rows * seconds / 3600 for seconds in each]
    more = slower(cells, others, busy_tokens=BUSY_TOKENS)
    least, most = (100 * run_hours(cells, rank32, tokens) for tokens in GUIDES_TOKENS)
    longest = 100 * run_hours(cells, rank32, real_tokens(cells, long))
    extrapolated = paragraph(
        f"""**Extrapolated, not measured**: the steps of 71,000 samples on {GPUS} GPUs, each as quick as the one
        that was measured alone; 1,100 and 1,400 tokens are interpolated between measured lengths, – is a cell that
        ran out of memory or was not run. What ZeRO-2 saves and waiting for each other costs (see Several GPUs),
        evaluations, saves and start-up are not in it (the forecast adds them), nor is loading: one process took
        {each[0]:.2f} s for a row of {real_tokens(cells, short):,} tokens and {each[1]:.2f} s for one of
        {real_tokens(cells, middle):,}, which is {loading[0]:.2f} h and {loading[1]:.2f} h an epoch on each GPU if
        none of it overlaps with the steps. With 4 loader processes it did not show in the whole run below. **An
        H100 takes {statistics.median(more):.0f} % longer than an H200** ({more[0]:.0f} to {more[-1]:.0f},
        {len(more)} busy cells that both have). By the makers' figures the two have the same peak, and the H100 has
        70 % of the bandwidth."""
    )
    meaning = paragraph(
        f"""So the GPUs' arithmetic explains {least / 8:.0f} to {most / 6:.0f} % of the guide's 6 to 8 hours, and
        {longest / 8:.0f} to {longest / 6:.0f} % if its rows had {real_tokens(cells, long):,} tokens. Where a run
        really takes that long, the rest is spent elsewhere: loading from a busy file system, large images, too few
        loader processes, GPUs that wait for each other. A smaller rank touches none of it. The app shows the pace
        that your run has."""
    )
    return f"{extrapolated}\n\n{meaning}"


def _about_checkpointing(cells: Sequence[Measured]) -> str:
    by_cell = {measured.cell: seconds for measured, seconds in timed(list(cells))}
    saved = [
        100 * (1 - seconds / by_cell[cell._replace(checkpointing=True)])
        for cell, seconds in by_cell.items()
        if not cell.checkpointing and cell.batch * cell.tokens >= 4000
    ]
    return paragraph(
        f"""Without checkpointing a step of the H100 takes {min(saved):.0f} to {max(saved):.0f} % less time where
        the GPU is busy (4,000 tokens or more in a micro-batch, {len(saved)} cells), and what is kept of a token
        takes more than five times the memory."""
    )


def _about_80_gb(results: Results) -> str:
    cells = results.grids["H100"]
    most = {checkpointing: most_rows(cells, 32, checkpointing=checkpointing) for checkpointing in (True, False)}
    words = {
        checkpointing: ", ".join(f"{rows} of {real_tokens(cells, tokens):,}" for tokens, rows in found.items())
        for checkpointing, found in most.items()
    }
    (expandable,) = results.expandable
    return paragraph(
        f"""**What fits into 80 GB** (of micro-batches of 1, 2, 4, 6 and 8 rows, ranks 32 and 64 alike): with
        checkpointing {words[True]} tokens, without {words[False]}. 6 rows of 3,991 tokens with checkpointing ran
        out, though their tensors need {expandable.peak_bytes / GIB:.0f} GiB: inferred, the free memory lay in
        pieces. In a process of its own with `PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True` they fitted
        ({expandable.median_s:.2f} s a step, {expandable.reserved_bytes / GIB:.0f} GiB held by the allocator; one
        cell, two steps that count). The presets, with at most 6 rows of about 1,400 tokens, are far from it."""
    )


def _about_whole_runs() -> str:
    return paragraph(
        """Two runs of `python -m trainer train`, rank 32, rows of about 1,000 tokens, one GPU, model, data and
        checkpoints in memory (/dev/shm): your file system will take longer. The second run found its files cached.
        The callback's time is from `python -m bench.trainer` on a CPU, with the tiny model and one process, every
        step logged; it is set against the step that was measured on the GPU."""
    )


def _about_memory(results: Results) -> str:
    above = {
        name: max(measured.reserved_bytes - measured.peak_bytes for measured, _ in timed(cells)) / GIB
        for name, cells in results.grids.items()
    }
    return paragraph(
        f"""That is the formula of `websight_tui/sizing.py` without the 5 GiB that it adds for CUDA, NCCL and
        fragmentation, which could not be checked: the peak is what torch's tensors held. Its allocator reserved up
        to {above["H100"]:.0f} GiB more on the H100 and {above["H200"]:.0f} on the H200, where nothing made it give
        blocks back. The largest differences are at rank 128 without accumulation: at the peak there are no
        gradients yet, which the formula counts. It expects every cell to run out of memory that did, and no other,
        but for the 6 rows of 3,991 tokens on the H100."""
    )


def _about_cost_model(results: Results) -> str:
    others = points(results.grids["H200"])
    start = shipped("H200")
    as_shipped = summary([error(point, start) for point in others])
    again = summary([error(point, fit(others, start, FREE["H200"])) for point in others])
    return paragraph(
        f"""That is the forecast's cost model for an H100 against its cells: |ln(measured ÷ model)|, by `python -m
        bench.gpu.fit`, which also prints every cell. Three of its five constants were fitted to them, the two that
        are of the work (how a token's cost grows with the row, what checkpointing costs) to the H200's. "Left out"
        means that the constants were fitted without these cells and then predicted them. Errors are largest where
        the GPU seems to wait for Python. For the H200's {as_shipped[0]} cells the median is {as_shipped[1]} and
        nine of ten are within {as_shipped[2]} (fitted anew: {again[1]}, {again[2]}; `--gpu H200`). For several GPUs
        the model multiplies by 0.9 under ZeRO-2 and adds 0.05 s a step for each doubling, as measured on two and
        four H200s; what a cluster adds is in the forecast's wide first band."""
    )
