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


def runs(several: dict[str, Any], two: dict[str, Any], real_tokens: dict[int, int]) -> str:
    """One row a run; saves under ZeRO-2 that still copied the frozen weights are said to be old.

    Args:
        several: bench/gpu/results/h200-several.json.
        two: bench/gpu/results/h200-two.json.
        real_tokens: tokens that rows had, by what was asked for.
    """
    rows = []
    for measured, run in [(each, run) for each in (two, several) for run in _in_order(each)]:
        steps = run["steps_s"]
        saves = sorted(run["saves"], key=_larger_first)
        old = " (old)" if measured is several and run["deepspeed"] == "zero2" else ""
        checkpoint, adapter = (f"{save['bytes'] / 1e6:,.0f} MB, {save['seconds']:.1f} s{old}" for save in saves)
        rows.append(
            [
                f"{real_tokens[run['tokens']]:,}",
                str(run["gpus"]),
                "–" if run["gpus"] == 1 else WORDS[run["deepspeed"]],
                f"{run['step_s']:.2f} ({min(steps):.2f}-{max(steps):.2f})",
                f"{run['samples_per_s']:.2f}",
                f"{100 * efficiency(measured, run):.0f} %",
                f"{run['peak_bytes'] / 2**30:.1f} GiB",
                checkpoint,
                adapter,
            ]
        )
    head = ["tokens a row", "GPUs", "how", "step, s", "samples/s", "of as many single GPUs", "peak memory"]
    return markdown_table([*head, "checkpoint", "adapter"], rows)


def _in_order(several: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(several["runs"], key=lambda run: (run["tokens"], run["gpus"], run["deepspeed"]))


def _larger_first(save: dict[str, Any]) -> float:
    return -float(save["bytes"])


def words(several: dict[str, Any], two: dict[str, Any]) -> str:
    """What the table says, and what was seen beside it."""
    facts = several["facts"]
    longest = max(run["tokens"] for run in several["runs"])
    most = max(run["gpus"] for run in several["runs"])
    ddp, zero2 = (find(several, most, how, longest) for how in ("none", "zero2"))
    quicker = [
        100 * (1 - run["step_s"] / find(measured, run["gpus"], "none", run["tokens"])["step_s"])
        for measured in (several, two)
        for run in measured["runs"]
        if run["deepspeed"] == "zero2"
    ]
    (before,), (stopped,) = several["stopped"], two["stopped"]
    before_s = [sorted(run["saves"], key=_larger_first) for run in several["runs"] if run["deepspeed"] == "zero2"]
    new = sorted(find(two, 2, "zero2", 1000)["saves"], key=_larger_first)
    first = paragraph(
        f"""Ten steps of `rank32`, batch 4 × 2 on each of up to {facts["gpus"]} {facts["gpu"]}s of one machine
        (NVLink without multicast, DeepSpeed {facts["versions"]["deepspeed"]}), started as a job starts them, with 4
        loader processes a GPU. Every step is logged; the first two do not count. With long rows plain DDP on {most}
        GPUs loses {100 * (1 - efficiency(several, ddp)):.0f} % to waiting for each other. **ZeRO-2's steps take
        {min(quicker):.0f} to {max(quicker):.0f} % less time than DDP's**: DeepSpeed holds the adapters in bf16,
        with fp32 copies in the optimizer, where DDP holds them in fp32. So the adapter that it saves is bf16 and
        half as large, and its checkpoint a third larger. Their losses differ by
        {100 * _apart(ddp["losses"], zero2["losses"]):.1f} % at most."""
    )
    second = paragraph(
        f"""**Saving under ZeRO-2 is as quick as under DDP**: the trainer collects the trained weights only. On two
        GPUs a checkpoint takes {new[0]["seconds"]:.1f} s and the adapter {new[1]["seconds"]:.1f} s, one of each.
        When every rank still copied the frozen weights, 17 GB, into the host's memory too, it was
        {_span(before_s, 0)} and {_span(before_s, 1)} s, on two GPUs and on four. A run on {stopped["gpus"]} GPUs
        that was stopped by SIGUSR1 under ZeRO-2 has its checkpoint {stopped["signal_to_saved_s"]:.1f} s after the
        signal, the step under way included (before, on {before["gpus"]}: {before["signal_to_saved_s"]:.1f} s), ends
        {stopped["signal_to_exit_s"]:.1f} s after it ({before["signal_to_exit_s"]:.1f} s), and goes on from step
        {stopped["resumed_from"][1]} to its end. On four GPUs the new saving was not timed. The first three rows are
        a second machine of two, the others one of four."""
    )
    return f"{first}\n\n{second}"


def _span(saves: Sequence[Sequence[dict[str, Any]]], number: int) -> str:
    """ "12.6 to 15.1": least and most seconds of the runs' checkpoints (0) or adapters (1)."""
    seconds = [each[number]["seconds"] for each in saves]
    return f"{min(seconds):.1f} to {max(seconds):.1f}"


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest relative difference, step by step."""
    return max(abs(a - b) / a for a, b in zip(one, other, strict=True))
