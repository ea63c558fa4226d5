"""What the trainer's own work costs: callback time a step, and the time from a signal to a whole checkpoint.

    .venv-trainer/bin/python -m bench.trainer [--steps 400] [--repeats 3]

Trains the tiny model for real. The share is given for a step of 1 s, because the tiny model's steps take a few
milliseconds and those of the 8B model many seconds.
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
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainer.events import read_events
from websight_tui.presets import BUILT_IN, make_preset
from websight_tui.runspec import RunSpec, to_json

TIMED = """
import json, sys, time
from pathlib import Path
from trainer import signals, train

def timed(watch):
    spent = []
    for name in ("on_step_end", "on_log"):
        def run(self, *args, _wrapped=getattr(watch, name), **rest):
            began = time.perf_counter()
            try:
                return _wrapped(self, *args, **rest)
            finally:
                spent.append(time.perf_counter() - began)
        setattr(watch, name, run)
    return spent

signals.install()
from trainer.callback import Watch
spent = timed(Watch)
status = train.main(Path(sys.argv[1]))
print(json.dumps({"status": status, "seconds": sum(spent), "calls": len(spent)}), file=sys.stderr)
"""
PATIENCE_S = 300.0


def main() -> int:
    """Prints the figures; 1 if a step costs more than 0.1 % of a second."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400, help="steps of the overhead run (default 400)")
    parser.add_argument("--repeats", type=int, default=3, help="signals that are timed (default 3)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-trainer-") as folder:
        share = overhead(Path(folder), args.steps)
        for ranks in (1, 2):
            seconds = [stop(Path(folder), ranks, number) for number in range(args.repeats)]
            figures = f"median {statistics.median(seconds):.3f} s (worst of {len(seconds)}: {max(seconds):.3f} s)"
            print(f"signal to whole checkpoint, ranks: {ranks}: {figures}", flush=True)
    return 0 if share < 0.001 else 1


def overhead(root: Path, steps: int) -> float:
    """Runs `steps` steps with the callback under a clock; returns its share of a step of 1 s."""
    run_dir = make_run(root, "overhead", num_train_epochs=steps / 80, save_steps=10**6, eval_steps=10**6)
    prepare(run_dir)
    done = subprocess.run(
        [sys.executable, "-c", TIMED, str(run_dir)],
        env=environment(run_dir),
        capture_output=True,
        text=True,
        check=False,
    )
    *_, last = done.stderr.splitlines() or [""]
    figures = json.loads(last) if last.startswith('{"status"') else {"status": done.returncode}
    if figures["status"] != 0:
        raise SystemExit(f"the run failed:\n{done.stderr[-2000:]}")
    a_step = figures["seconds"] / steps
    logged = [event["t"] for event in read_events(run_dir / "events.jsonl") if event["kind"] == "log"]
    measured = statistics.median(after - before for before, after in itertools.pairwise(logged))
    print(f"callback: {1e6 * a_step:.0f} us a step, every step logged: {100 * a_step:.4f} % of a step of 1 s")
    print(f"  (the tiny model's own step took {1000 * measured:.1f} ms)")
    return a_step


def stop(root: Path, ranks: int, number: int) -> float:
    """Seconds from the signal to the launcher until the checkpoint's save_end is written."""
    run_dir = make_run(root, f"stop-{ranks}-{number}", num_train_epochs=100, cpu_ranks=ranks, save_steps=10**6)
    prepare(run_dir)
    command = [sys.executable, "-m", "trainer.launch", str(run_dir)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=environment(run_dir), **quiet)  # type: ignore[call-overload]
    try:
        wait_for(lambda: seen(run_dir, "log", 20), process)
        asked = time.time()
        process.send_signal(signal.SIGUSR1)
        process.wait(PATIENCE_S)
        saved = next(event["t"] for event in read_events(run_dir / "events.jsonl") if event["kind"] == "save_end")
    finally:
        process.kill()
        process.wait()
    return float(saved - asked)


def seen(run_dir: Path, kind: str, step: int) -> bool:
    return any(event["kind"] == kind and event["step"] >= step for event in read_events(run_dir / "events.jsonl"))


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[Any]) -> None:
    deadline, tick = time.monotonic() + PATIENCE_S, threading.Event()
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the run ended before it could be stopped")
        tick.wait(0.02)


def make_run(root: Path, run_id: str, **settings: object) -> Path:
    preset = make_preset("tiny", settings, next(preset for preset in BUILT_IN if preset.name == "tiny"))
    spec = RunSpec(run_id, "wst-000000000000", 0.0, "bench", preset, str(root), "none")
    run_dir = Path(spec.run_dir)
    run_dir.mkdir(parents=True)
    (run_dir / "run.json").write_text(to_json(spec))
    return run_dir


def environment(run_dir: Path) -> dict[str, str]:
    from trainer.ranks import node_environment
    from trainer.spec import read_spec

    return {**os.environ, **node_environment(read_spec(run_dir))}


def prepare(run_dir: Path) -> None:
    """Makes the tiny model and data set, which is not a part of what is measured."""
    root = run_dir.parents[1]
    command = [sys.executable, "-m", "trainer", "tiny", "--root", str(root)]
    subprocess.run(command, env=environment(run_dir), check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
