"""How it grows, on paper and by simulation: `python -m bench.scale` makes docs/scale.md.

Measured here: a history of 1,000 runs and a run of 64 nodes, in CPU time of the process, so that what else the machine
does counts little. Simulated: many people asking one controller, with the
service times that `python -m bench.controller` measured on a real Slurm.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench.controller import RESULT
from bench.queueing import Interval, Load, simulate
from bench.tables import markdown_table, put_between_marks
from websight_tui.metrics.death import findings
from websight_tui.metrics.events import EventsReader
from websight_tui.metrics.terminal_text import TerminalText
from websight_tui.projection.finish import project
from websight_tui.runs.poll import Situation, next_poll_s
from websight_tui.slurm_commands.commands import QUEUE_FIELDS, RECORD, SEPARATOR
from websight_tui.slurm_commands.parse import parse_queue

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "scale.md"
RUNS: Final = (10, 100, 1000)
PEOPLE: Final = 100
CROWD: Final = 1000
"""People of a large site; for the longest queue only."""
RANKS: Final = 512
STEPS: Final = 1117
"""Steps of the guide's run."""

PEERS: Final = (("turm", 60.0), ("SlurmTUI, slurmdeck", 6.0), ("LazySlurm", 77.0), ("stui", 118.0))
"""Calls a minute of one idle session, counted on another machine (the peers' table of docs/benchmarks.md tells how)."""


def main() -> int:
    """Writes the tables into docs/scale.md; with `--store N` measures one size in this process and prints JSON."""
    if sys.argv[1:2] == ["--store"]:
        print(json.dumps(_one_store(int(sys.argv[2]))))
        return 0
    put_between_marks(PAGE, "store", _store_table())
    put_between_marks(PAGE, "people", _people_table())
    put_between_marks(PAGE, "ranks", _ranks_table())
    put_between_marks(PAGE, "machine", f"Measured on {os.cpu_count()} CPUs ({platform.machine()}), Python "
                      f"{platform.python_version()}, load {os.getloadavg()[0]:.1f} beside it.")  # fmt: skip
    return 0


# a long history


def _store_table() -> str:
    rows = []
    for size in RUNS:
        words = [sys.executable, "-m", "bench.scale", "--store", str(size)]
        told = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        rows.append(
            (f"{size:,}", f"{told['load_s']:.2f} s", f"{told['first_frame_s']:.2f} s", f"{told['all_s']:.2f} s",
             f"{told['tick_ms']:.1f} ms", f"{told['key_ms']:.0f} ms",
             f"{told['rss_mb']:.0f} MB", f"{told['file_mb']:.1f} MB")
        )  # fmt: skip
    head = ("runs in the history", "reading it", "start → first frame", "start → all runs shown", "one tick of the app")
    return markdown_table((*head, "key → frame", "memory", "file"), rows)


def _one_store(size: int) -> dict[str, float]:
    """A history of `size` runs with a hundred events each: read, shown, ticked."""
    from websight_tui.config import parse_config
    from websight_tui.runs.engine import Engine
    from websight_tui.runs.store import Store
    from websight_tui.tui.app import WebsightApp

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.sqlite"
        _fill(path, size)
        config = parse_config("", Path(folder) / "config.toml")
        begin = time.process_time()
        store = Store(path)
        engine = Engine(config, store, open_transport=_none, emit=lambda _: None)
        engine.load()
        read = time.process_time() - begin
        engine.close()
        told = asyncio.run(_shown(
            lambda: WebsightApp(
                config,
                lambda emit: Engine(config, Store(path), open_transport=_none, emit=emit),
                initial_cluster="",
            ),
            size,
        ))  # fmt: skip
        file_mb = sum(part.stat().st_size for part in Path(folder).glob("runs.sqlite*")) / 1e6
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return {"load_s": read, "rss_mb": rss, "file_mb": file_mb, **told}


def _fill(path: Path, size: int) -> None:
    from websight_tui.presets import BUILT_IN
    from websight_tui.runs.state import Outcome
    from websight_tui.runs.store import Store
    from websight_tui.runspec import RunSpec
    from websight_tui.slurm_commands.model import Job

    store = Store(path)
    events = _events(100, 100)
    for number in range(size):
        run_id, token = f"rank32-26{number:06}-000000-abcd", f"wst-{number:012x}"
        spec = RunSpec(run_id, token, 1.7e9 + number, "local", BUILT_IN[0], "/scratch/me/w", "abc")
        store.begin_submission(spec, 1.7e9 + number)
        store.settle(token, Outcome.ACCEPTED, 1.7e9 + number, job_id=str(number + 1))
        store.save_job(run_id, Job(str(number + 1), state="COMPLETED", final=True), 1.7e9 + number)
        store.append(run_id, "events", 0, events, "x")
    store.close()


async def _shown(make: Callable[[], Any], size: int) -> dict[str, float]:
    begin = time.process_time()
    app = make()
    async with app.run_test(size=(120, 36)) as pilot:
        first = time.process_time() - begin
        while len(app.state.runs) < size:
            await pilot.pause(0.01)
        await pilot.pause()
        shown = time.process_time() - begin
        ticks, keys = [], []
        for _ in range(20):
            at = time.process_time()
            app._tick()
            ticks.append(time.process_time() - at)
        await pilot.press("tab")
        for _ in range(20):
            at = time.process_time()
            await pilot.press("j")
            keys.append(time.process_time() - at)
    return {
        "first_frame_s": first,
        "all_s": shown,
        "tick_ms": 1e3 * sorted(ticks)[10],
        "key_ms": 1e3 * sorted(keys)[10],
    }


def _none(cluster: object) -> Any:
    raise AssertionError(f"nothing is connected: {cluster}")


# many people


def ours(chance: random.Random) -> float:
    """Seconds to this app's next call while a job of the person runs, as the app itself decides."""
    wait = next_poll_s(Situation(running=True), 5.0, chance.random())
    assert wait is not None
    return wait


def every(seconds: float) -> Interval:
    """`watch -n SECONDS`: the same pause after each answer, and a tenth of a second or less to start a program."""
    return lambda chance: seconds + 0.1 * chance.random()


def _people_table() -> str:
    measured = json.loads(RESULT.read_text())
    parts = [
        f"{measured['slurm']}, {measured['machine']}; service time: the controller's CPU time of one call, "
        "counted in ticks of 10 ms over 40 to 150 calls."
    ]
    for jobs in sorted({row["jobs"] for row in measured["rows"]}):
        cost = {row["question"]: row["cpu_s"] for row in measured["rows"] if row["jobs"] == jobs}
        own, mine, everything = cost.values()
        rows = []
        longest = jobs == max(row["jobs"] for row in measured["rows"])
        for people in (PEOPLE, CROWD) if longest else (PEOPLE,):
            cases: list[tuple[str, Interval, float]] = [("this app", ours, own)]
            cases += [(f"{name} ({rate:.0f} a minute)", every(60 / rate), mine) for name, rate in PEERS]
            cases += [("`watch -n 2 squeue --me`", every(2.0), mine), ("`watch -n 2 squeue`", every(2.0), everything)]
            for name, interval, service in cases:
                told = simulate(people, interval, service)
                rows.append((f"{people:,} × {name}", f"{1e3 * service:.2f} ms", *_words(told)))
        head = (f"{jobs:,} jobs of others in the queue", "service", "calls a minute", "busy", "wait p50", "wait p99")
        parts.append(markdown_table(head, rows))
    return "\n\n".join(parts)


def _words(told: Load) -> tuple[str, str, str, str]:
    def wait(seconds: float) -> str:
        return f"{1e3 * seconds:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"

    busy = f"{told.utilisation:.2%}" if told.utilisation < 0.1 else f"{told.utilisation:.0%}"
    return f"{told.calls_a_minute:,.0f}", busy, wait(told.wait_p50_s), wait(told.wait_p99_s)


# many nodes


def _ranks_table() -> str:
    """A run of 64 nodes with 8 ranks each: what one of each thing holds, and how long reading it takes."""
    log = _events(STEPS, STEPS)
    reader = EventsReader()
    taken = [("events.jsonl of the whole run (rank 0 alone writes)", _size(len(log)), _time(lambda: reader.feed(log)))]
    taken.append(("projection from it", f"{STEPS:,} lines", _time(lambda: project(reader.log, limit_s=28_800.0))))
    noise = ranks_output(RANKS)
    text = TerminalText(2000)
    taken.append((f"stderr of {RANKS} ranks that all die", _size(len(noise)), _time(lambda: text.feed(noise))))
    tail = "\n".join(text.lines)
    taken.append(("the reason, out of its kept lines", f"{len(text.lines):,} lines", _time(lambda: findings(tail))))
    answer = "".join(queue_record(str(number), scattered(64)) for number in range(1, 9))
    nodes = len(scattered(64))
    taken.append((f"squeue's answer, 8 jobs on 64 scattered nodes (a list of {nodes} characters)", _size(len(answer)),
                  _time(lambda: parse_queue(answer))))  # fmt: skip
    return markdown_table(("64 nodes, 512 ranks", "size", "time"), taken)


def ranks_output(ranks: int) -> bytes:
    """Job output of ranks whose first dies of memory and whose others lose their peer, lines mixed as they come."""
    first = (
        "[rank0]: Traceback (most recent call last):\n"
        "[rank0]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity "
        "of 79.11 GiB of which 1.2 GiB is free.\n"
    )
    lines = []
    for rank in range(1, ranks):
        lines += [
            (3 * rank + 900 * (rank % 7), f"[rank{rank}]: Traceback (most recent call last):"),
            (3 * rank + 900 * (rank % 7) + 1, f"[rank{rank}]:   File \"train.py\", line {rank}, in step"),
            (3 * rank + 900 * (rank % 7) + 2,
             f"[rank{rank}]: torch.distributed.DistBackendError: NCCL error: remote process exited or network error"),
        ]  # fmt: skip
    return (first + "\n".join(line for _, line in sorted(lines)) + "\n").encode()


def scattered(nodes: int) -> str:
    """A node list that compresses badly: every third node."""
    return "gpu[" + ",".join(f"{n:03}" for n in range(1, 3 * nodes, 3)) + "]"


def queue_record(job_id: str, nodes: str) -> str:
    """One record as squeue prints it."""
    known = {"job_id": job_id, "state": "RUNNING", "node_list": nodes, "nodes": "64", "name": "x", "elapsed_s": "1:00"}
    return RECORD + SEPARATOR.join(known.get(name, "") for name, _ in QUEUE_FIELDS) + "\n"


def _events(steps: int, total: int) -> bytes:
    lines = [
        {"v": 1, "t": 1.7e9, "kind": "start", "total_steps": total, "world_size": RANKS, "gpu_names": ["H100"] * 8}
    ]
    for step in range(1, steps + 1):
        point = {"v": 1, "t": 1.7e9 + 25.0 * step, "kind": "log", "step": step, "loss": 2 - step / total, "lr": 5e-5}
        lines.append(point | {"grad_norm": 0.7, "tokens": step * 1e6, "peak_memory_bytes": 5e10, "epoch": step / total})
    return "\n".join(map(json.dumps, lines)).encode() + b"\n"


def _time(work: Callable[[], object]) -> str:
    begin = time.process_time()
    work()
    return f"{1e3 * (time.process_time() - begin):.1f} ms"


def _size(count: int) -> str:
    return f"{count / 1e3:,.0f} kB"


if __name__ == "__main__":
    sys.exit(main())
