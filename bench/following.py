"""Append on the cluster → visible on the screen, beside `ssh host tail -F` that sees the very same lines."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.rows import Row, milliseconds, percentile
from bench.scene import REFRESH_S, Scene
from bench.terminal import Terminal

LOGS = (1_000_000, 10_000_000, 100_000_000)


def rows(scene: Scene, *, appends: int, sizes: tuple[int, ...] = LOGS) -> Iterator[Row]:
    """One row of medians, one of the 99th percentiles.

    Args:
        appends: lines appended at each size, at moments that do not keep step with the app's.
        sizes: bytes of the log before (a sparse file), 1×, 10× and 100×.
    """
    ours: list[list[float]] = []
    theirs: list[float] = []
    for number, size in enumerate(sizes):
        seen, tail = _follow(scene, f"follow-{number}", 500 + number, size, appends)
        ours.append(seen)
        theirs += tail
    shown = " · ".join(f"{size / 1e6:,.0f}" for size in sizes)
    for word, share in (("p50", 0.5), ("p99", 0.99)):
        figures = [median(seen) if share == 0.5 else percentile(seen, share) for seen in ours]
        floor = median(theirs) if share == 0.5 else percentile(theirs, share)
        yield Row(
            f"append → visible, {word} (log of {shown} MB, {appends} lines each)",
            [milliseconds(figure) for figure in figures],
            f"ssh host tail -F {milliseconds(floor)}",
            figures[0] / floor,
            f"≤ {REFRESH_S:.0f} s (its refresh)" if word == "p99" else "",
            max(figures) <= REFRESH_S if word == "p99" else None,
        )


def _follow(scene: Scene, name: str, number: int, size: int, appends: int) -> tuple[list[float], list[float]]:
    environment = scene.environment(name)
    store = scene.history(name)
    spec = scene.add_run(store, number, rows=20, live=True)
    path = scene.output_of(spec, store)
    store.close()
    sparse(path, size, "the end of a long log\n")
    moments = random.Random(number)
    ours: list[float] = []
    theirs: list[float] = []
    with scene.app(name=name) as app, Terminal(scene.ssh(f"tail -n 1 -F {path}"), env=environment) as tail:
        open_run(app)
        app.wait("the end of a long log")
        tail.wait("the end of a long log")
        for i in range(appends):
            time.sleep(moments.uniform(0.1, 1.1))
            word = f"line-{number}-{i:04d}."
            marks = app.mark(), tail.mark()
            with path.open("a") as file:
                begin = time.perf_counter()
                file.write(f"{word}\n")
            ours.append(app.wait(word, since=marks[0]) - begin)
            theirs.append(tail.wait(word, since=marks[1]) - begin)
    scene.cancel(spec)
    return ours, theirs


def open_run(app: Terminal) -> None:
    """From the home screen into its first run, once that is known to run."""
    app.wait("under way")
    app.press("\t", " Open")
    app.press("\r", "follow")


def sparse(path: Path, size: int, end: str) -> None:
    """A file of `size` bytes that takes no room on the disk, and ends in lines."""
    lines = "".join(f"step {i}: nothing to see\n" for i in range(2000)) + end
    with path.open("wb") as file:
        file.truncate(max(0, size - len(lines)))
        file.seek(0, 2)
        file.write(lines.encode())
