"""One run on several GPUs of a machine: plain DDP and DeepSpeed ZeRO-2 against one GPU.

    python -m bench.gpu.several FOLDER --out several.json [--gpus 1 2 4] [--tokens 2500 1000]

Every line is a whole run of `python -m trainer.launch`, the way a job starts it: torchrun, one process a GPU, the
arguments of the preset rank32 (batch 4 × 2 on each GPU), every step logged. Seconds are read from events.jsonl. With
more than one GPU, a last run is stopped by SIGUSR1 under ZeRO-2 and started again, as a chain of jobs does.
What stands in several.json already is not run again. Without a GPU it is a dry run on the tiny shape, where there is
no ZeRO-2.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench.gpu.whole_run import events_of, write_run
from websight_tui.presets import Preset

TOO_LONG_S: Final = 180.0
"""A run that takes longer hangs: it is ended and said to have."""
NOT_COUNTED: Final = 2
"""Steps at the start of a run that no median counts."""


def make_run(folder: Path, name: str, *, gpus: int, deepspeed: str, tokens: int, steps: int, cuda: bool) -> Path:
    """A run folder of rank 32, batch 4 × 2 on each of `gpus` GPUs, without evaluations; saves after its last step."""
    preset = Preset(
        name=name,
        model_name_or_path=str(folder / "model"),
        dataset_dir=str(folder / "pages"),
        dataset=f"pages_{tokens}",
        eval_dataset="",
        max_steps=steps,
        image_max_pixels=16_777_216,
        bf16=cuda,
        flash_attn="sdpa",
        deepspeed=deepspeed,
        dataloader_num_workers=4 if cuda else 0,
        logging_steps=1,
        save_steps=steps,
        report_to="none",
        gpus_per_node=gpus if cuda else 0,
        cpus_per_task=12 * gpus if cuda else 1,
        time_limit="1:00:00",
    )
    return write_run(folder, preset)


def launch(run_dir: Path, *, stop_after: int | None = None) -> dict[str, Any]:
    """Starts the run as its job would. With `stop_after`, sends SIGUSR1 once that many steps are logged.

    Returns: exit status, seconds of the whole, when it ended and when the signal was sent (Unix s; None if it was not);
    the end of its output if it failed.
    """
    begun, signalled = time.time(), None
    with (run_dir / "output.txt").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "trainer.launch", str(run_dir)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        while process.poll() is None:
            if stop_after is not None and signalled is None:
                steps = [event["step"] for event in events_of(run_dir) if event["kind"] == "log"]
                if steps and max(steps) >= stop_after:
                    signalled = time.time()
                    process.send_signal(signal.SIGUSR1)
            if time.time() - begun > TOO_LONG_S:
                os.killpg(process.pid, signal.SIGKILL)
            try:
                process.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
    ended = time.time()
    result: dict[str, Any] = {
        "exit": process.returncode,
        "whole_s": ended - begun,
        "signalled": signalled,
        "ended": ended,
    }
    if process.returncode not in (0, 85):
        result["output"] = (run_dir / "output.txt").read_text(errors="replace")[-3000:]
    return result


def step_seconds(events: list[dict[str, Any]]) -> list[float]:
    """Seconds from each logged step to the next, loading included; the first ones are left out."""
    logs = [event for event in events if event["kind"] == "log"]
    return [round(b["t"] - a["t"], 4) for a, b in itertools.pairwise(logs[NOT_COUNTED - 1 :])]


def measure(folder: Path, *, gpus: int, deepspeed: str, tokens: int, steps: int, cuda: bool) -> dict[str, Any]:
    """One whole run: its step, samples a second, start-up, checkpoint, and most memory of rank 0's GPU."""
    name = f"{gpus}-{deepspeed}-{tokens}"
    run_dir = make_run(folder, name, gpus=gpus, deepspeed=deepspeed, tokens=tokens, steps=steps, cuda=cuda)
    row: dict[str, Any] = {"gpus": gpus, "deepspeed": deepspeed, "tokens": tokens, "batch": 4, "accumulation": 2}
    begun = time.time()
    row |= launch(run_dir)
    events = events_of(run_dir)
    start = next((event for event in events if event["kind"] == "start"), None)
    seconds = step_seconds(events)
    if start is None or not seconds:
        return row
    median = statistics.median(seconds)
    saves = [
        {name: event.get(name) for name in ("seconds", "bytes")} for event in events if event["kind"] == "save_end"
    ]
    peaks = [event["peak_memory_bytes"] for event in events if event["kind"] == "log"]
    return row | {
        "world_size": start["world_size"],
        "start_up_s": start["t"] - begun,
        "steps_s": seconds,
        "step_s": median,
        "samples_per_s": 8 * gpus / median,
        "peak_bytes": max(peaks),
        "saves": saves,
        "losses": [event["loss"] for event in events if event["kind"] == "log"],
    }


def stop_and_go_on(folder: Path, *, gpus: int, deepspeed: str, tokens: int, steps: int, cuda: bool) -> dict[str, Any]:
    """A run that is stopped by a signal on its way and started again, beside one that was left alone."""
    settings: dict[str, Any] = {"gpus": gpus, "deepspeed": deepspeed, "tokens": tokens, "steps": steps, "cuda": cuda}
    run_dir = make_run(folder, "stopped", **settings)
    first = launch(run_dir, stop_after=steps // 2)
    stopped = events_of(run_dir)
    saved = [event["t"] for event in stopped if event["kind"] == "save_end" and event["t"] > (first["signalled"] or 0)]
    second = launch(run_dir)
    events = events_of(run_dir)
    return {
        "gpus": gpus,
        "deepspeed": deepspeed,
        "tokens": tokens,
        "exits": [first["exit"], second["exit"]],
        "output": [part["output"] for part in (first, second) if "output" in part],
        "signal_to_saved_s": saved[0] - first["signalled"] if saved and first["signalled"] else None,
        "signal_to_exit_s": first["ended"] - first["signalled"] if first["signalled"] else None,
        "stopped_at": max((event["step"] for event in stopped if event["kind"] == "log"), default=None),
        "resumed_from": [event["resumed_from"] for event in events if event["kind"] == "start"],
        "losses": [(event["step"], event["loss"]) for event in events if event["kind"] == "log"],
        "end": events[-1] if events else None,
    }


def main() -> None:
    from bench.gpu.grid import facts, torch_has_cuda

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="made by bench.gpu.model8b")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 4, 2])
    parser.add_argument("--tokens", type=int, nargs="+", default=[2500, 1000])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=480, help="no run is begun after this")
    args = parser.parse_args()
    cuda, begun = torch_has_cuda(), time.monotonic()
    most = max(args.gpus)
    todo: list[tuple[str, Callable[..., dict[str, Any]], dict[str, Any]]] = [
        ("runs", measure, {"gpus": gpus, "deepspeed": deepspeed, "tokens": tokens})
        for tokens in args.tokens
        for gpus in args.gpus
        for deepspeed in (("none", "zero2") if cuda and gpus > 1 else ("none",))
    ]
    if cuda and most > 1:
        stop = {"gpus": most, "deepspeed": "zero2", "tokens": args.tokens[-1]}
        todo.insert(2, ("stopped", stop_and_go_on, stop))
    results: dict[str, Any] = {"facts": facts(), "runs": [], "stopped": []}
    if args.out.exists():
        results = json.loads(args.out.read_text())
    for kind, work, settings in todo:
        if any(settings.items() <= row.items() for row in results[kind]):
            continue
        if time.monotonic() - begun > args.seconds:
            print("out of time", flush=True)
            break
        row = work(args.folder, steps=args.steps, cuda=cuda, **settings)
        results[kind].append(row)
        args.out.write_text(json.dumps(results, indent=1) + "\n")
        brief = {key: row.get(key) for key in ("exit", "exits", "step_s", "samples_per_s", "start_up_s", "output")}
        print(f"{time.monotonic() - begun:5.0f} s  {kind} {settings}  {brief}", flush=True)


if __name__ == "__main__":
    main()
