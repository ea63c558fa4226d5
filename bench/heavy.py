"""Key press → frame while much is going on: a long queue, many points, a huge log, a burst of progress bars.

The app runs in a pseudo-terminal on a pocket cluster; a key is pressed, and the time runs until what it changes is on
the screen. Meanwhile a timer inside says how late the event loop is. Memory is the resident set of the app.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.following import open_run, sparse
from bench.parse import burst
from bench.probed import delays
from bench.rows import Row, milliseconds, percentile
from bench.scene import Scene
from bench.terminal import NotSeen, Terminal
from websight_tui.runspec import RunSpec

JOBS = (200, 2_000, 20_000)
POINTS = (10_000, 100_000, 1_000_000)
LOGS = (50_000_000, 500_000_000, 5_000_000_000)
BURSTS = (2_000_000, 20_000_000, 200_000_000)
KEY_GOAL_S = 0.05
MEMORY_GOAL_MB = 150.0
_EVERY_S = 0.12
_PATIENCE_S = 120.0
"""For a million points to be read; about a minute is usual."""


@dataclass(frozen=True)
class Pressed:
    """One scenario at one size.

    Args:
        keys: seconds from each key to its frame.
        floor: the same in an empty Textual app, pressed in turn.
        loop_s: 99th percentile of the event loop's delay.
        before_mb, peak_mb: memory of the app before the load, and the most during it.
        note: what did not come to its end; "" if all did.
    """

    keys: list[float]
    floor: list[float]
    loop_s: float
    before_mb: float
    peak_mb: float
    note: str = ""


def rows(
    scene: Scene,
    *,
    seconds: float,
    jobs: tuple[int, ...] = JOBS,
    points: tuple[int, ...] = POINTS,
    logs: tuple[int, ...] = LOGS,
    bursts: tuple[int, ...] = BURSTS,
) -> Iterator[Row]:
    """Three rows a scenario: keys, event loop, memory.

    Args:
        seconds: for which keys are pressed at least, at each size.
        jobs, points, logs (bytes), bursts (bytes): sizes at 1×, 10× and 100×.
    """
    yield from _shown(f"queue of {_sizes(jobs)} jobs", [_queue(scene, size, seconds) for size in jobs])
    runs = _Runs(scene, seconds)
    yield from _shown(f"{_sizes(points)} metric points", [runs.points(size) for size in points])
    yield from _shown(f"log of {_sizes(s // 1_000_000 for s in logs)} MB", [runs.log(size) for size in logs])
    yield from _shown(f"burst of {_sizes(s // 1_000_000 for s in bursts)} MB of \\r", [runs.burst(s) for s in bursts])


def _sizes(sizes: object) -> str:
    return " · ".join(f"{size:,}" for size in sizes)  # type: ignore[attr-defined]


def _shown(what: str, pressed: list[Pressed]) -> Iterator[Row]:
    keys = [percentile(p.keys, 0.99) for p in pressed]
    floor = percentile([took for p in pressed for took in p.floor], 0.99)
    yield Row(
        f"{what}: key → frame, p50",
        [milliseconds(percentile(p.keys, 0.5)) for p in pressed],
        f"empty Textual app {milliseconds(percentile([took for p in pressed for took in p.floor], 0.5))}",
        percentile(pressed[-1].keys, 0.5) / percentile([took for p in pressed for took in p.floor], 0.5),
    )
    yield Row(
        f"{what}: key → frame, p99 of {len(pressed[-1].keys)}",
        [milliseconds(key) for key in keys],
        f"empty Textual app {milliseconds(floor)}",
        keys[-1] / floor,
        goal=f"≤ {1000 * KEY_GOAL_S:.0f} ms",
        met=max(keys) <= KEY_GOAL_S,
    )
    yield Row(f"{what}: event loop late, p99", [milliseconds(p.loop_s) for p in pressed])
    yield Row(
        f"{what}: memory, most (of it grown)",
        [f"{p.peak_mb:.0f} MB ({p.peak_mb - p.before_mb:+.0f}){p.note}" for p in pressed],
        goal=f"≤ {MEMORY_GOAL_MB:.0f} MB grown",
        met=max(p.peak_mb - p.before_mb for p in pressed) <= MEMORY_GOAL_MB,
    )


class _Keys:
    """Presses keys and notes how long each took; a frame that never comes counts as the time waited for it."""

    def __init__(self, terminal: Terminal, floor: Terminal) -> None:
        self.terminal, self.began = terminal, time.monotonic()
        self.took: list[float] = []
        self.floor: list[float] = []
        self._floor, self._held = floor, False

    def press(self, key: str, sign: str) -> None:
        began = time.perf_counter()
        try:
            self.took.append(self.terminal.press(key, sign, timeout=5))
        except NotSeen:
            self.took.append(time.perf_counter() - began)
        self._held = not self._held
        self.floor.append(self._floor.press("f", "following" if self._held else "held still"))
        time.sleep(max(0.0, _EVERY_S - self.took[-1]))

    def follow_and_hold(self, until: Callable[[], bool]) -> None:
        """Lets go of the log's end and follows it again, over and over."""
        while not until():
            self.press("f", "held still")
            self.press("f", "following")


def _queue(scene: Scene, jobs: int, seconds: float) -> Pressed:
    """Walks up and down the queue while it is asked for as often as the site's floor allows."""
    name = f"queue-{jobs}"
    scene.environment(name)
    scene.queue(0)
    with _app(scene, name) as (app, floor, report):
        app.wait("online")
        time.sleep(2)
        before = app.memory_mb
        scene.queue(jobs)
        app.send("\x12")
        app.wait(f"{jobs} job", timeout=60)
        app.send("\t\t")
        keys, end = _Keys(app, floor), time.monotonic() + seconds
        app.press("G", f"ob {100_000 + jobs - 1}")
        row, down = jobs - 1, -1
        asked = 0.0
        while time.monotonic() < end:
            if row in (0, jobs - 1):
                down = 1 if row == 0 else -1
            if row == jobs - 60:
                down = 1
            row += down
            if time.monotonic() - asked > 3:
                app.send("\x12")
                asked = time.monotonic()
            keys.press("j" if down > 0 else "k", f"ob {100_000 + row}")
        pressed = _pressed(app, keys, report, before)
    scene.queue(0)
    return pressed


class _Runs:
    """Scenarios on the run screen, each with a run of its own."""

    def __init__(self, scene: Scene, seconds: float) -> None:
        self._scene, self._seconds, self._number = scene, seconds, 2000

    def _run(self) -> tuple[str, RunSpec, Path]:
        self._number += 1
        name = f"run-{self._number}"
        self._scene.environment(name)
        store = self._scene.history(name)
        spec = self._scene.add_run(store, self._number, rows=20, live=True)
        output = self._scene.output_of(spec, store)
        store.close()
        output.write_text("begins\n")
        return name, spec, output

    def points(self, count: int) -> Pressed:
        """Opens a run while its points are still being read, and goes on until all are there."""
        name, spec, _ = self._run()
        last = write_points(Path(spec.run_dir) / "events.jsonl", count)
        with _app(self._scene, name) as (app, floor, report):
            app.wait("under way")
            before = app.memory_mb
            open_run(app)
            read = threading.Event()
            begin = time.monotonic()
            reader = threading.Thread(target=_wait_then, args=(app, f"{last:,}/{count:,}", read), daemon=True)
            reader.start()
            keys, end = _Keys(app, floor), time.monotonic() + self._seconds
            keys.follow_and_hold(lambda: (read.is_set() and time.monotonic() > end) or _late(begin))
            pressed = _pressed(app, keys, report, before)
            if not read.is_set():
                pressed = replace(pressed, note=f", not all read in {_PATIENCE_S:.0f} s")
        return self._over(spec, pressed)

    def log(self, size: int) -> Pressed:
        """Opens a run whose output is huge, and writes on."""
        name, spec, output = self._run()
        sparse(output, size, "the end of a huge log\n")
        with _app(self._scene, name) as (app, floor, report):
            app.wait("under way")
            before = app.memory_mb
            open_run(app)
            app.wait("the end of a huge log")
            keys, end = _Keys(app, floor), time.monotonic() + self._seconds
            keys.follow_and_hold(lambda: time.monotonic() > end or _write(output, b"one more line\n" * 50))
            pressed = _pressed(app, keys, report, before)
        return self._over(spec, pressed)

    def burst(self, size: int) -> Pressed:
        """A progress bar writes as fast as the disk takes it."""
        name, spec, output = self._run()
        with _app(self._scene, name) as (app, floor, report):
            open_run(app)
            app.wait("begins")
            before = app.memory_mb
            writer = threading.Thread(target=_burst_into, args=(output, size), daemon=True)
            keys, end = _Keys(app, floor), time.monotonic() + self._seconds
            writer.start()
            keys.follow_and_hold(lambda: not writer.is_alive() and time.monotonic() > end)
            app.wait("the burst is over", timeout=60)
            pressed = _pressed(app, keys, report, before)
        return self._over(spec, pressed)

    def _over(self, spec: RunSpec, pressed: Pressed) -> Pressed:
        self._scene.cancel(spec)
        for path in Path(spec.run_dir).iterdir():
            if path.is_file():
                path.unlink()
        return pressed


class _app:
    """The probed app in a terminal, an empty one in another, and where the probe reports."""

    def __init__(self, scene: Scene, name: str) -> None:
        self._report = scene.folder / f"{name}.json"
        words = [sys.executable, "-m", "bench.probed", str(self._report)]
        env = scene.environment(name)
        self._terminal = Terminal(words, env=env, cwd=scene.folder)
        self._floor = Terminal([sys.executable, "-m", "bench.empty_app"], env=env)

    def __enter__(self) -> tuple[Terminal, Terminal, Path]:
        self._floor.wait("ready")
        return self._terminal, self._floor, self._report

    def __exit__(self, *_: object) -> None:
        self._terminal.close()
        self._floor.close()


def _pressed(app: Terminal, keys: _Keys, report: Path, before: float) -> Pressed:
    late = delays(report, keys.began, time.monotonic())
    return Pressed(keys.took, keys.floor, percentile(late, 0.99), before, app.peak_memory_mb)


def _wait_then(app: Terminal, sign: str, read: threading.Event) -> None:
    with contextlib.suppress(NotSeen):
        app.wait(sign, timeout=_PATIENCE_S)
        read.set()


def _late(begin: float) -> bool:
    return time.monotonic() - begin > _PATIENCE_S


def _write(path: Path, data: bytes) -> bool:
    with path.open("ab") as file:
        file.write(data)
    return False


def _burst_into(path: Path, size: int) -> None:
    piece = burst(1_100_000)
    with path.open("ab") as file:
        for _ in range(max(1, size // len(piece))):
            file.write(piece)
        file.write(b"\nthe burst is over\n")


def write_points(path: Path, count: int) -> int:
    """An events.jsonl of `count` logged steps, written quickly; returns the last step."""
    begun = time.time() - 0.01 * count
    with path.open("w") as file:
        file.write(f'{{"v": 1, "t": {begun}, "kind": "start", "step": 0, "total_steps": {count}}}\n')
        for start in range(1, count + 1, 10_000):
            file.writelines(
                f'{{"v": 1, "t": {begun + 0.01 * i:.3f}, "kind": "log", "step": {i}, "epoch": {i / count:.6f}, '
                f'"loss": {1 + 1000 / (i + 1000):.4f}, "lr": 5e-05, "grad_norm": 0.{i % 1000:03d}, '
                f'"tokens": {1000 * i}, "peak_memory_bytes": 50000000000.0}}\n'
                for i in range(start, min(start + 10_000, count + 1))
            )
    return count
