"""Stands where the trainer's Python stands, in jobs of a cluster whose clock runs fast. Needs no package.

    stand_in.py REAL0 SHOWN0 FACTOR [Python's arguments as slurm/job.sh gives them]

It writes the trainer's events in the cluster's time. Each run has its own fate, chosen by its id: it fits; it slows
down and runs into the limit; it fails; it diverges; it is short. It saves and stops on Slurm's signals as the trainer
does, and goes on from there when its job is started again.
"""

import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

STEP_S = 30.0
"""Cluster seconds a step takes, as the guide's 8B runs do."""
FATES = ("fits", "slows", "fails", "diverges", "short")
STEPS = 800


def main() -> int:
    real0, shown0, factor = (float(text) for text in sys.argv[1:4])
    rest = sys.argv[4:]
    if "-m" not in rest:
        return 0
    if "preflight" in rest:
        ok = {"level": "ok", "check": "stand-in", "message": "nothing is trained here"}
        sys.stdout.write(json.dumps({"ok": True, "findings": [ok]}) + "\n")
        return 0
    stop = threading.Event()
    for number in (signal.SIGUSR1, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return train(Path(rest[-1]), stop, lambda: shown0 + factor * (time.time() - real0), STEP_S / factor)


def train(folder: Path, stop: threading.Event, clock: Callable[[], float], pause: float) -> int:
    """Writes one job's events, a step every `pause` seconds of ours. Returns its exit status."""
    digest = hashlib.sha256(folder.name.encode()).digest()
    fate = FATES[digest[0] % len(FATES)]
    total = 100 if fate == "short" else STEPS
    path = folder / "events.jsonl"
    step = sum('"kind": "log"' in line for line in path.read_text().splitlines()) if path.exists() else 0
    first = step
    with path.open("a") as events:

        def say(kind: str, **fields: object) -> None:
            events.write(json.dumps({"v": 1, "t": round(clock(), 3), "kind": kind, "step": step, **fields}) + "\n")
            events.flush()

        say(
            "start",
            run_id=folder.name,
            job_id=os.environ.get("SLURM_JOB_ID", ""),
            total_steps=total,
            logging_steps=1,
            deadline=float(os.environ.get("SLURM_JOB_END_TIME", "0")) or None,
        )
        while step < total:
            slow = 4 if fate == "slows" and step - first > 150 else 1
            if stop.wait(pause * slow):
                say("signal", signal="USR1", received=True)
                say("end", reason="saved-and-stopped")
                return 85
            step += 1
            loss = 3 * 0.995**step + 0.2 + 0.05 * (digest[step % 32] / 255)
            if fate == "diverges" and step > 300:
                loss *= 1.02 ** (step - 300)
            say("log", loss=round(loss, 4), lr=5e-5, grad_norm=0.7, epoch=step / total, tokens=step * 1000)
            sys.stdout.write(f"\r{100 * step // total:3d}%|{'█' * (step * 20 // total):20}| {step}/{total}")
            if step % 10 == 0:
                sys.stdout.write(f"\n{{'loss': {loss:.4f}, 'epoch': {step / total:.4f}}}\n")
            sys.stdout.flush()
            if step % 100 == 0:
                say("save_begin")
                (folder / "out" / f"checkpoint-{step}").mkdir(parents=True, exist_ok=True)
                say("save_end", path=f"out/checkpoint-{step}", bytes=1000, seconds=1.0)
            if fate == "fails" and step == 200:
                sys.stderr.write("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n")
                return 1
        say("end", reason="finished")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
