"""The section "Measured on a GPU" of docs/presets.md, words and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.gpu.fit import error_table, points
from bench.gpu.measured import Measured, timed
from bench.gpu.mfu import PEAK_FLOPS, sample_flop, utilisation
from docs.measured_gpu import (
    around_the_steps,
    by_rank,
    lengths,
    memory_errors,
    of_one_rank,
    peak_words,
    real_tokens,
    speed_words,
    splits,
    step_words,
)
from docs.measured_several import runs as several_runs
from docs.measured_several import words as several_words
from docs.measured_verdicts import GPUS, GUIDES_TOKENS, claims, guides_presets, hours, loading_s, run_hours
from docs.wrapped import paragraph
from websight_tui.projection.cost import cost_of
from websight_tui.projection.gpus import gpu_named
from websight_tui.sizing import GIB


def section(cells: Sequence[Measured], whole: dict[str, Any], several: dict[str, Any], callback: dict[str, Any]) -> str:
    """All of it, to be put between the page's marks.

    Args:
        cells: the grid.
        whole: bench/gpu/results/h200-whole.json.
        several: bench/gpu/results/h200-several.json.
        callback: bench/gpu/results/callback-cpu.json.
    """
    parts = [
        _how_measured(cells, whole),
        "### What each change brings",
        claims(cells),
        _verdict(),
        "### Hours of the guide's run",
        hours(cells),
        _about_hours(cells),
        "### Rank 32, with gradient checkpointing",
        of_one_rank(cells, 32, checkpointing=True),
        "### Rank 32, without gradient checkpointing",
        of_one_rank(cells, 32, checkpointing=False),
        _about_checkpointing(cells),
        "### The same work cut into other micro-batches",
        splits(cells),
        "### Around the steps",
        around_the_steps(whole, callback),
        _about_whole_runs(),
        "### Several GPUs",
        several_runs(several, {length: real_tokens(cells, length) for length in lengths(cells)}),
        several_words(several),
        "### Every rank, with gradient checkpointing",
        *_every_rank(cells, checkpointing=True),
        "### Every rank, without gradient checkpointing",
        *_every_rank(cells, checkpointing=False),
        "### How good the estimates are",
        memory_errors(cells),
        _about_memory(cells),
        error_table(points(cells)),
        _about_cost_model(),
    ]
    return "\n\n".join(parts)


def _every_rank(cells: Sequence[Measured], *, checkpointing: bool) -> list[str]:
    return [
        "Seconds of a step, median (fastest-slowest):",
        by_rank(cells, step_words, checkpointing=checkpointing),
        "Samples a second · tokens a second · MFU:",
        by_rank(cells, speed_words, checkpointing=checkpointing),
        "Peak memory in GiB:",
        by_rank(cells, peak_words, checkpointing=checkpointing),
    ]


def _how_measured(cells: Sequence[Measured], whole: dict[str, Any]) -> str:
    facts = whole["facts"]
    known = timed(list(cells))
    versions = ", ".join(f"{name} {facts['versions'][name]}" for name in ("torch", "transformers", "llamafactory"))
    tokens = [f"{real_tokens(cells, length):,}" for length in lengths(cells)]
    hardware = [(measured, utilisation(measured, recomputed=True) or 0.0) for measured, _ in known]
    best, most = max(hardware, key=lambda pair: pair[1])
    flop = sample_flop(32, 1400, 1093) / 1e12
    machine = paragraph(
        f"""**Measured**: one {facts["gpu"]} ({facts["gpu_bytes"] / GIB:.0f} GiB), {versions}, bf16, a randomly
        initialised model with the shapes of Qwen3-VL-8B (what the weights are does not change the time), the arguments
        that this project's trainer gives to LLaMA-Factory, attention by torch's sdpa. FlashAttention 2, which the
        presets ask for, was not there. Rows are one image of noise and {tokens[0]}, {tokens[1]} or {tokens[2]} tokens
        in all, alike in a cell, so no padding. Of {len(cells)} cells {len(known)} were timed and
        {len(cells) - len(known)} ran out of memory. A step is forward, backward and optimizer, without loading. The
        first step of a cell does not count, the median is of the two or
        three after it; their fastest and slowest stand beside it."""
    )
    missing = paragraph(
        """**Not measured**: more than four GPUs or more than one node, an H100, real pages, FlashAttention 2, and the
        quality of anything."""
    )
    formula = f"    MFU = samples/s × FLOP of a sample ÷ {PEAK_FLOPS / 1e12:.0f} TFLOP/s (dense bf16 of an H200)"
    mfu = paragraph(
        f"""FLOP of a sample are those that LoRA needs: a token takes 4 × the parameters of the frozen layers and the
        head (forward, and backward to the inputs) and 6 × the trainable ones; then three times the forward pass of
        causal attention, and one forward pass of the frozen vision tower. That is {flop:.0f} TFLOP for 1,400 tokens of
        which 1,093 are the image. The second forward pass of gradient checkpointing is not counted; with it, the best
        cell comes to {100 * most:.0f} % (rank {best.cell.rank}, batch {best.cell.batch}, {best.row_tokens:,} tokens).
        What takes the rest was not profiled."""
    )
    return "\n\n".join([machine, missing, formula, mfu])


def _verdict() -> str:
    return paragraph(
        """In short: **the epochs are the saving, the micro-batch helps with short rows, the rank changes the adapter's
        size and not the time.** The guide's "3 to 4 times faster" is about right in the sum, but not for its reasons.
        With about 1,000 tokens and one or two rows in a micro-batch the GPU seems to wait for Python: one row takes as
        long as two, and times scatter by a fifth and more. From about 4,000 tokens in a micro-batch on, making it
        bigger gains about a tenth at most."""
    )


def _about_hours(cells: Sequence[Measured]) -> str:
    rank32 = next(preset for preset in guides_presets() if preset.name == "rank32")
    rows = rank32.train_samples / GPUS
    short, middle, long = lengths(cells)
    each = [loading_s(cells, tokens) for tokens in (short, middle)]
    loading = [rows * seconds / 3600 for seconds in each]
    scaled = cost_of(rank32, GPUS, gpu_named("H100")).step_s / cost_of(rank32, GPUS, gpu_named("H200")).step_s
    least, most = (100 * run_hours(cells, rank32, tokens) for tokens in GUIDES_TOKENS)
    longest = 100 * run_hours(cells, rank32, real_tokens(cells, long))
    extrapolated = paragraph(
        f"""**Extrapolated, not measured**: the steps of 71,000 samples on {GPUS} GPUs, each as quick as the one that
        was measured alone; 1,100 and 1,400 tokens are interpolated between measured lengths. What ZeRO-2 saves and
        waiting for each other costs (see Several GPUs), evaluations, saves and start-up are not in it (the forecast
        adds them), nor is loading: one process took
        {each[0]:.2f} s for a row of {real_tokens(cells, short):,} tokens and {each[1]:.2f} s for one of
        {real_tokens(cells, middle):,}, which is {loading[0]:.2f} h and {loading[1]:.2f} h an epoch on each GPU if none
        of it overlaps with the steps. With 4 loader processes it did not show in the whole run below. An H100 is taken
        to need {100 * (scaled - 1):.0f} % longer: **scaled**, not measured. By the makers' figures it has the same peak
        and 70 % of the bandwidth, and where between the two a step lies is a judgement
        (`websight_tui/projection/gpus.py`)."""
    )
    meaning = paragraph(
        f"""So the GPUs' arithmetic explains {least / 8:.0f} to {most / 6:.0f} % of the guide's 6 to 8 hours, and
        {longest / 8:.0f} to {longest / 6:.0f} % if its rows had {real_tokens(cells, long):,} tokens. Where a run really
        takes that long, the rest is spent elsewhere: loading from a busy file system, large images, too few loader
        processes, GPUs that wait for each other. A smaller rank touches none of it. The app shows the pace that your
        run has."""
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
        f"""Without checkpointing a step takes {min(saved):.0f} to {max(saved):.0f} % less time where the GPU is busy
        (4,000 tokens or more in a micro-batch), and what is kept of a token takes more than five times the memory.
        Inferred for a GPU of 80 GB, with 5 GiB to spare, at rank 32: without, at most 4 rows of about 1,000 tokens
        or one of 4,000;
        with checkpointing, all cells but 8 rows of 4,000."""
    )


def _about_whole_runs() -> str:
    return paragraph(
        """Two runs of `python -m trainer train`, rank 32, rows of about 1,000 tokens, one GPU, model, data and
        checkpoints in memory (/dev/shm): your file system will take longer. The second run found its files cached.
        The callback's time is from `python -m bench.trainer` on a CPU, with the tiny model and one process, every step
        logged; it is set against the step that was measured on the GPU."""
    )


def _about_memory(cells: Sequence[Measured]) -> str:
    above = max(measured.reserved_bytes - measured.peak_bytes for measured, _ in timed(list(cells))) / GIB
    return paragraph(
        f"""That is the formula of `websight_tui/sizing.py` without the 5 GiB that it adds for CUDA, NCCL and
        fragmentation, which could not be checked: the peak is what torch's tensors held. Its allocator reserved up to
        {above:.0f} GiB more, as nothing on this GPU made it give blocks back. The largest differences are at rank 128
        without accumulation: at the peak there are no gradients yet, which the formula counts. It expects every cell to
        run out of memory that did, and no other."""
    )


def _about_cost_model() -> str:
    return paragraph(
        """That is the forecast's cost model for an H200 against the same cells: |ln(measured ÷ model)|, by `python -m
        bench.gpu.fit`, which also prints every cell. "Left out" means that the constants were fitted without these
        cells and then predicted them. Errors are largest where the GPU seems to wait for Python. All of it is one GPU
        of one kind; for several, the model multiplies by 0.9 under ZeRO-2 and adds 0.05 s a step for each doubling, as
        measured on two and four; what a cluster adds is in the forecast's wide first band."""
    )
