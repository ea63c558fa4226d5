"""The times around the steps, from whole runs of the trainer on one GPU: start-up, checkpoint, evaluation, stop.

    python -m bench.gpu.whole_run FOLDER --out whole.json

Runs `python -m trainer train` on the folder made by bench.gpu.model8b: once to its end, and once with SIGUSR1 in the
middle. All figures are read from events.jsonl and the clock. Without a GPU it is a dry run on the tiny shape.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from websight_tui.presets import Preset
from websight_tui.runspec import RunSpec, to_json


def make_run(folder: Path, name: str, *, gpu: bool, tokens: int, steps: int) -> Path:
    """A run folder for rank 32, batch 4 × 2: evaluates and saves twice on its way to step `steps`."""
    preset = Preset(
        name=name,
        model_name_or_path=str(folder / "model"),
        dataset_dir=str(folder / "pages"),
        dataset=f"pages_{tokens}",
        eval_dataset=f"pages_{tokens}",
        max_eval_samples=32,
        max_samples=8 * steps,
        image_max_pixels=16_777_216,
        bf16=gpu,
        flash_attn="sdpa",
        deepspeed="none",
        dataloader_num_workers=4 if gpu else 0,
        logging_steps=1,
        save_steps=max(2, steps // 2),
        eval_steps=max(2, steps // 2),
        gpus_per_node=1 if gpu else 0,
        cpus_per_task=12 if gpu else 1,
        time_limit="1:00:00",
    )
    return write_run(folder, preset)


def write_run(folder: Path, preset: Preset) -> Path:
    """A new run folder with run.json, named as the preset; one that is there is removed."""
    spec = RunSpec(preset.name, "wst-000000000000", time.time(), "gpu", preset, str(folder / "work"), "bench")
    run_dir = Path(spec.run_dir)
    shutil.rmtree(run_dir, ignore_errors=True)
    run_dir.mkdir(parents=True)
    (run_dir / "run.json").write_text(to_json(spec))
    return run_dir


def events_of(run_dir: Path) -> list[dict[str, Any]]:
    """The events written so far; an unfinished last line is left out."""
    path = run_dir / "events.jsonl"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def train(run_dir: Path, *, stop_at: int | None = None) -> dict[str, Any]:
    """Runs the trainer; with `stop_at`, sends SIGUSR1 once that step has been logged.

    Returns: seconds from process start to exit, of the parts, and the trainer's exit status.
    """
    begun = time.time()
    with (run_dir / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "trainer", "train", "--run-dir", str(run_dir)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        signalled = None
        while process.poll() is None:
            if stop_at is not None and signalled is None:
                steps = [e["step"] for e in events_of(run_dir) if e["kind"] == "log"]
                if steps and max(steps) >= stop_at:
                    signalled = time.time()
                    process.send_signal(signal.SIGUSR1)
            try:
                process.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
    ended = time.time()
    events = events_of(run_dir)
    logs = [e for e in events if e["kind"] == "log"]
    result: dict[str, Any] = {"exit": process.returncode, "whole_s": ended - begun}
    if process.returncode not in (0, 85) or not logs:
        result["output"] = (run_dir / "output.txt").read_text(errors="replace")[-3000:]
        return result
    paused = {e["step"] for e in events if e["kind"] in ("eval_begin", "save_begin")}
    gaps = [
        b["t"] - a["t"]
        for a, b in itertools.pairwise(logs[1:])
        if b["step"] == a["step"] + 1 and a["step"] not in paused
    ]
    start = next(e for e in events if e["kind"] == "start")
    result |= {
        "start_up_s": start["t"] - begun,
        "first_step_s": logs[0]["t"] - start["t"],
        "step_s": statistics.median(gaps) if gaps else None,
        "steps_s": [round(gap, 4) for gap in gaps],
        "saves": [{k: e.get(k) for k in ("step", "seconds", "bytes")} for e in events if e["kind"] == "save_end"],
        "evaluations": [{k: e.get(k) for k in ("step", "seconds")} for e in events if e["kind"] == "eval_end"],
        "tail_s": ended - logs[-1]["t"],
        "end": events[-1],
    }
    if signalled is not None:
        saved = [e["t"] for e in events if e["kind"] == "save_end" and e["t"] > signalled]
        result |= {
            "signal_to_saved_s": saved[0] - signalled if saved else None,
            "signal_to_exit_s": ended - signalled,
        }
    return result


def main() -> None:
    from bench.gpu.grid import facts, torch_has_cuda

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    gpu = torch_has_cuda()
    results: dict[str, Any] = {"facts": facts(), "tokens": args.tokens}
    for name, stop_at in (("whole", None), ("stopped", args.steps // 4)):
        run_dir = make_run(args.folder, name, gpu=gpu, tokens=args.tokens, steps=args.steps)
        results[name] = train(run_dir, stop_at=stop_at)
        print(name, json.dumps(results[name], indent=1), flush=True)
        args.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
