"""What several GPUs of one machine did together: the tables and words of docs/presets.md, from bench/gpu/results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bench.tables import markdown_table
from docs.wrapped import paragraph

WORDS: Final = {"none": "DDP", "zero2": "ZeRO-2"}


def find(several: dict[str, Any], gpus: int, deepspeed: str, tokens: int) -> dict[str, Any]:
    """The run that was made with these settings. Raises KeyError if none was."""
    for run in several["runs"]:
        if (run["gpus"], run["deepspeed"], run["tokens"]) == (gpus, deepspeed, tokens):
            return dict(run)
    raise KeyError(f"{gpus} GPUs, {deepspeed}, {tokens} tokens")


def efficiency(several: dict[str, Any], run: dict[str, Any]) -> float:
    """Samples a second of a run over those of as many single GPUs with plain DDP's arithmetic (1 is perfect)."""
    one = find(several, 1, "none", run["tokens"])
    return float(run["samples_per_s"] / run["gpus"] / one["samples_per_s"])


def runs(several: dict[str, Any], real_tokens: dict[int, int]) -> str:
    """One row a run.

    Args:
        several: bench/gpu/results/h200-several.json.
        real_tokens: tokens that rows had, by what was asked for.
    """
    rows = []
    for run in several["runs"]:
        steps = run["steps_s"]
        saves = sorted(run["saves"], key=_larger_first)
        checkpoint, adapter = (f"{save['bytes'] / 1e6:,.0f} MB, {save['seconds']:.1f} s" for save in saves)
        rows.append(
            [
                f"{real_tokens[run['tokens']]:,}",
                str(run["gpus"]),
                "–" if run["gpus"] == 1 else WORDS[run["deepspeed"]],
                f"{run['step_s']:.2f} ({min(steps):.2f}-{max(steps):.2f})",
                f"{run['samples_per_s']:.2f}",
                f"{100 * efficiency(several, run):.0f} %",
                f"{run['peak_bytes'] / 2**30:.1f} GiB",
                checkpoint,
                adapter,
            ]
        )
    head = ["tokens a row", "GPUs", "how", "step, s", "samples/s", "of as many single GPUs", "peak memory"]
    return markdown_table([*head, "checkpoint", "adapter"], rows)


def _larger_first(save: dict[str, Any]) -> float:
    return -float(save["bytes"])


def words(several: dict[str, Any]) -> str:
    """What the table says, and what was seen beside it."""
    facts = several["facts"]
    longest = max(run["tokens"] for run in several["runs"])
    most = max(run["gpus"] for run in several["runs"])
    ddp, zero2 = (find(several, most, how, longest) for how in ("none", "zero2"))
    quicker = 100 * (1 - zero2["step_s"] / ddp["step_s"])
    (stopped,) = several["stopped"]
    first = paragraph(
        f"""Ten steps of `rank32`, batch 4 × 2 on each of up to {facts["gpus"]} {facts["gpu"]}s of one machine (NVLink
        without multicast, DeepSpeed {facts["versions"]["deepspeed"]}), started as a job starts them, with 4 loader
        processes a GPU. Every step is logged; the first two do not count. With long rows plain DDP on {most} GPUs
        loses {100 * (1 - efficiency(several, ddp)):.0f} % to waiting for each other. **ZeRO-2's steps take
        {quicker:.0f} % less time than DDP's**: DeepSpeed holds the adapters in bf16, with fp32 copies in the optimizer,
        where DDP holds them in fp32. So the adapter that it saves is bf16 and half as large, and its checkpoint a third
        larger. Their losses differ by {100 * _apart(ddp["losses"], zero2["losses"]):.1f} % at most."""
    )
    second = paragraph(
        f"""Saving under ZeRO-2 took {zero2["saves"][0]["seconds"]:.0f} s because every rank copied the frozen weights,
        17 GB, into the host's memory too. The trainer has been made to collect the trained ones only since; how long
        that takes on a GPU was not measured. A run on {stopped["gpus"]} GPUs that was stopped by SIGUSR1 had its
        checkpoint {stopped["signal_to_saved_s"]:.1f} s after the signal (most of it that copy), ended
        {stopped["signal_to_exit_s"]:.1f} s after it, and went on from step {stopped["resumed_from"][1]} to its end."""
    )
    return f"{first}\n\n{second}"


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest relative difference, step by step."""
    return max(abs(a - b) / a for a, b in zip(one, other, strict=True))
