"""One training, written down as other people's tools write it: every oddity that real logs were seen to have."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.metrics.samples import clock

Lines = list[tuple[float, bytes]]
"""(seconds since the process began, what it wrote then)."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that a trainer writes: `kind` is step, log, eval or end."""

    kind: str
    step: int
    elapsed: float


@dataclass(frozen=True, slots=True)
class Training:
    """What really happened: `end` is the second at which the last step (and the pause after it) was over."""

    moments: tuple[Moment, ...]
    total: int
    start: int
    end: float
    eval_s: float = 0.0


def training(
    total: int = 1000,
    pace: float = 4.0,
    *,
    start: int = 0,
    eval_steps: int = 0,
    eval_s: float = 0.0,
    every: int = 10,
    seed: int = 3,
) -> Training:
    """A run of `total` steps of about `pace` seconds, from step `start` on, with an evaluation every `eval_steps`."""
    rng = random.Random(seed)
    moments, elapsed = [], 15.0
    for step in range(start + 1, total + 1):
        elapsed += pace * (1 + rng.gauss(0, 0.04))
        moments.append(Moment("step", step, elapsed))
        if step % every == 0:
            moments.append(Moment("log", step, elapsed))
        if eval_steps and step % eval_steps == 0:
            elapsed += eval_s
            moments.append(Moment("eval", step, elapsed))
    moments.append(Moment("end", total, elapsed))
    return Training(tuple(moments), total, start, elapsed, eval_s)


def until(lines: Lines, second: float) -> bytes:
    """The file as it was then."""
    return b"".join(line for at, line in lines if at <= second)


# trainer_log.jsonl


def trainer_log(
    run: Training,
    change: Callable[[dict[str, Any], Moment], dict[str, Any] | None] = lambda row, _: row,
) -> Lines:
    """LLaMA-Factory's file; `change` makes a row odd, or None of it."""
    lines: Lines = []
    for moment in run.moments:
        if moment.kind == "step":
            continue
        row: dict[str, Any] = {"current_steps": moment.step, "total_steps": run.total}
        if moment.kind == "log":
            row |= {"loss": 2 - moment.step / run.total, "lr": 5e-5}
        if moment.kind == "eval":
            row |= {"eval_loss": 1.2}
        row |= {"epoch": moment.step / run.total, "percentage": 100 * moment.step / run.total}
        row |= {"elapsed_time": clock(moment.elapsed), "remaining_time": "3:00:00"}
        changed = change(row, moment)
        if changed is not None:
            lines.append((moment.elapsed, json.dumps(changed).encode() + b"\n"))
    return lines


NULLS: Final = dict.fromkeys(("loss", "eval_loss", "predict_loss", "reward", "accuracy", "learning_rate"))


def with_nulls(row: dict[str, Any], _: Moment) -> dict[str, Any]:
    """LLaMA-Factory until 0.8: every field in every row, `learning_rate` for `lr`."""
    rate = {"learning_rate": row.pop("lr")} if "lr" in row else {}
    return NULLS | row | rate


def without_eval_loss(row: dict[str, Any], _: Moment) -> dict[str, Any]:
    """An evaluation with metrics of one's own leaves a row without any loss at the step of a training row."""
    row.pop("eval_loss", None)
    return row


def every_seventh_without_loss(row: dict[str, Any], moment: Moment) -> dict[str, Any]:
    if moment.step % 70 == 0:
        row.pop("loss", None)
    return row


def sometimes_without_time(row: dict[str, Any], moment: Moment) -> dict[str, Any]:
    lacks = moment.kind == "log" and moment.step % 70 == 0
    return row | {"elapsed_time": "", "remaining_time": ""} if lacks else row


def as_text(row: dict[str, Any], _: Moment) -> dict[str, Any]:
    """Newer transformers hand on strings."""
    return {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in row.items()}


def with_dpo(row: dict[str, Any], moment: Moment) -> dict[str, Any]:
    return row | {"reward": 0.1 * moment.step, "accuracy": 0.5, "rewards/chosen": -1.5, "logps/rejected": -200.0}


def with_throughput(row: dict[str, Any], moment: Moment) -> dict[str, Any]:
    """Wrong after a resume: tokens of this process over steps of all."""
    return row | {"throughput": 912.5 / max(1, moment.step), "total_tokens": 5 * moment.step}


def of_nothing(row: dict[str, Any], _: Moment) -> dict[str, Any]:
    return row | {"loss": 0.0} if "loss" in row else row


def with_nan(row: dict[str, Any], moment: Moment) -> dict[str, Any]:
    return row | {"loss": float("nan"), "grad_norm": float("inf")} if moment.step % 90 == 0 and "loss" in row else row


def only_a_count(row: dict[str, Any], moment: Moment) -> dict[str, Any] | None:
    """A prediction: progress and nothing else."""
    kept = ("current_steps", "total_steps", "percentage", "elapsed_time", "remaining_time")
    return {name: row[name] for name in kept} if moment.kind == "log" else None


# a job's output


def short_clock(seconds: float) -> str:
    """tqdm's: "07:12", "1:07:12"; it knows no days."""
    whole = int(seconds)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole // 60 % 60:02d}:{whole % 60:02d}"


def bar(step: int, total: int, seconds: float, rate: str = "4.02s/it") -> str:
    blocks = "█" * (10 * step // total)
    return f"{100 * step // total:3d}%|{blocks:10}| {step}/{total} [{short_clock(seconds)}<1:00:00,  {rate}]"


def values(run: Training, moment: Moment, *, text: bool = False) -> str:
    """Hugging Face's dict at a step."""
    epoch = round(moment.step / run.total, 4)
    if moment.kind == "eval":
        found = {"eval_loss": 1.2, "eval_runtime": run.eval_s, "eval_samples_per_second": 7.1, "epoch": epoch}
    else:
        found = {"loss": round(2 - moment.step / run.total, 4), "grad_norm": 0.5, "learning_rate": 5e-5, "epoch": epoch}
    return str({name: str(value) for name, value in found.items()} if text else found)


def heading(run: Training) -> str:
    resumed = f"  Continuing training from global step {run.start}\n" if run.start else ""
    return (
        "***** Running training *****\n"
        f"  Num examples = {16 * run.total:,}\n  Num Epochs = 1\n  Instantaneous batch size per device = 2\n"
        "  Total train batch size (w. parallel, distributed & accumulation) = 16\n"
        f"  Gradient Accumulation steps = 1\n  Total optimization steps = {run.total:,}\n{resumed}"
    )


def job_output(
    run: Training,
    *,
    head: bool = True,
    dicts: Callable[[str], str] = lambda text: f"\n{text}\n",
    bars: Callable[[str], str] = lambda text: f"\r{text}",
    text: bool = False,
    eval_bar: Callable[[str], str] | None = None,
) -> Lines:
    """What the console shows: bars at every step, dicts where it logs.

    Args:
        head: whether the trainer's heading was kept.
        dicts, bars, eval_bar: what stands around each of them.
        text: values as strings.
    """
    lines: Lines = [(0.0, heading(run).encode())] if head else []
    lines.append((0.0, bars(bar(0, run.total, 0.0, "?it/s")).encode()))
    for moment in run.moments:
        said = ""
        if moment.kind == "step":
            said = bars(bar(moment.step, run.total, moment.elapsed))
        elif moment.kind in ("log", "eval"):
            said = dicts(values(run, moment, text=text))
            if moment.kind == "eval" and eval_bar is not None:
                said = "".join(eval_bar(bar(i, 40, i * 2.5, "2.50s/it")) for i in range(1, 41)) + said
        lines.append((moment.elapsed, said.encode()))
    return lines


def interleaved(parts: Sequence[Lines]) -> Lines:
    """Several processes that write into one file."""
    return sorted((line for part in parts for line in part), key=lambda line: line[0])
