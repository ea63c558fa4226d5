"""Runs of the tiny model for tests: made as the app makes them, started as a job script starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainer.events import read_events
from websight_tui.presets import BUILT_IN, make_preset
from websight_tui.runspec import RunSpec, to_json

PATIENCE_S = 100.0
"""Generous: the machine may be busy, and importing the trainer's libraries takes 8 s when it is not."""
TINY = next(preset for preset in BUILT_IN if preset.name == "tiny")


def make_run(root: Path, run_id: str, **settings: object) -> Path:
    """A run folder with run.json: the tiny preset with dropout, so that random states matter, and `settings`."""
    preset = make_preset("tiny", {"lora_dropout": 0.1, **settings}, TINY)
    spec = RunSpec(run_id, "wst-0123456789ab", 0.0, "test", preset, str(root), "none")
    run_dir = Path(spec.run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / "run.json").write_text(to_json(spec))
    return run_dir


def command(run_dir: Path) -> list[str]:
    return [sys.executable, "-m", "trainer.launch", str(run_dir)]


@contextmanager
def started(run_dir: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The run as a process; whatever happens, nothing of it is left."""
    with (run_dir / "test.out").open("a") as out, (run_dir / "test.err").open("a") as err:
        process = subprocess.Popen(
            command(run_dir),
            env={**os.environ, **environment},
            stdout=out,
            stderr=err,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def finish(run_dir: Path, **environment: str) -> int:
    """Runs it to its end; returns the exit status."""
    with started(run_dir, **environment) as process:
        return process.wait(PATIENCE_S)


def until(condition: Callable[[], object], process: subprocess.Popen[str], what: str) -> None:
    """Waits for `condition` while `process` runs."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, f"the run ended ({process.returncode}) before {what}"
        assert time.monotonic() < deadline, f"no {what} within {PATIENCE_S:.0f} s"
        time.sleep(0.002)


def until_gone(pids: list[int]) -> None:
    """Waits until none of the processes is left."""
    deadline = time.monotonic() + PATIENCE_S
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline, f"{pids} are still there"
        time.sleep(0.01)


def events(run_dir: Path, kind: str = "") -> list[dict[str, Any]]:
    return [event for event in read_events(run_dir / "events.jsonl") if kind in ("", event["kind"])]


def reached(run_dir: Path, step: int) -> Callable[[], bool]:
    return lambda: any(event["step"] >= step for event in events(run_dir, "log"))


def losses(run_dir: Path) -> dict[int, float]:
    return {event["step"]: event["loss"] for event in events(run_dir, "log")}


def weights(folder: Path) -> bytes:
    return (folder / "adapter_model.safetensors").read_bytes()


def trainer_processes(process: subprocess.Popen[str]) -> list[int]:
    """Pids of the ranks below a launcher."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    parents = {int(pid): int(parent) for pid, parent, *_ in rows}
    ranks = [int(pid) for pid, _, *args in rows if args and "-m trainer train" in args[0]]

    def below(pid: int) -> bool:
        while pid in parents and pid != process.pid:
            pid = parents[pid]
        return pid == process.pid

    plain = [pid for pid in ranks if below(pid)]
    return [pid for pid in plain if not any(parents[other] == pid for other in plain)]


def reason(run_dir: Path) -> str:
    end = events(run_dir, "end")[-1]
    return f"{end['reason']} {end['message']}".strip()


def run_json(run_dir: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((run_dir / "run.json").read_text())
    return data
