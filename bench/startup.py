"""Start → first frame, and start → first row of the queue over SSH, each beside its floor in the same round."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

from bench import tools
from bench.rows import ABSENT, DEAD, Row, against
from bench.scene import OURS, Scene
from bench.terminal import NotSeen, Terminal

HISTORIES = (1, 10, 100)
LOGGED = 200
FRAME_GOAL = 1.5


def rows(scene: Scene, *, rounds: int, histories: tuple[int, ...] = HISTORIES) -> Iterator[Row]:
    """Both starts.

    Args:
        rounds: repetitions, each of all sides in turn; medians are shown.
        histories: runs in the local history, 1×, 10× and 100×.
    """
    names = [f"history-{runs}" for runs in histories]
    for name, runs in zip(names, histories, strict=True):
        scene.environment(name)
        store = scene.history(name)
        for number in range(runs):
            scene.add_run(store, number, rows=LOGGED)
        store.close()
    scene.environment("empty")
    ours: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    empty: list[tuple[float, float]] = []
    peers: dict[str, list[float]] = {tool.name: [] for tool in tools.TOOLS}
    for _ in range(rounds):
        for name in names:
            ours[name].append(first_frame([*OURS, "--offline"], "Presets", scene.environment(name)))
        empty.append(first_frame([sys.executable, "-m", "bench.empty_app"], "ready", scene.environment("empty")))
        for tool in tools.TOOLS:
            if tool.installed:
                attempt(peers[tool.name], lambda tool=tool: first_frame(  # type: ignore[misc]
                    tool.argv(), tool.sign, tools.environment(scene, tool.name))[0])  # fmt: skip
    walls = [median(wall for wall, _ in ours[name]) for name in names]
    cpus = [median(cpu for _, cpu in ours[name]) for name in names]
    sizes = " · ".join(str(runs) for runs in histories)
    floor, floor_cpu = median(w for w, _ in empty), median(c for _, c in empty)
    for what, figures, under in (
        ("start → first frame", walls, floor),
        ("the same in processor seconds", cpus, floor_cpu),
    ):
        ratio = figures[0] / under
        yield Row(
            f"{what} ({sizes} runs in the history)",
            [f"{figure:.2f} s" for figure in figures],
            f"empty Textual app {under:.2f} s",
            ratio,
            f"≤ {FRAME_GOAL}×",
            ratio <= FRAME_GOAL,
        )
    for tool in tools.TOOLS:
        words, ratio_to = against(tool.name, walls[0], peers[tool.name], absent=DEAD if tool.installed else ABSENT)
        yield Row("start → first frame", [f"{walls[0]:.2f} s"], words, ratio_to)
    yield from _first_rows(scene, rounds)


def _first_rows(scene: Scene, rounds: int) -> Iterator[Row]:
    job = "first-row"
    scene.submit("-J", job, "-p", "short", "--hold")
    scene.environment()
    env = scene.environment()
    ours: list[float] = []
    plain: list[float] = []
    peers: dict[str, list[float]] = {tool.name: [] for tool in tools.TOOLS if tool.reads_queue}
    for _ in range(rounds):
        ours.append(first_frame([*OURS], job, env)[0])
        begin = time.perf_counter()
        said = subprocess.run(scene.ssh("squeue --me"), capture_output=True, text=True, timeout=30, check=True).stdout
        plain.append(time.perf_counter() - begin)
        if job[:8] not in said:
            raise NotSeen(f"squeue does not list the job: {said}")
        for tool in tools.TOOLS:
            if tool.installed and tool.reads_queue:
                attempt(peers[tool.name], lambda tool=tool: first_frame(  # type: ignore[misc]
                    tool.argv(), job, tools.environment(scene, tool.name))[0])  # fmt: skip
    mine = median(ours)
    words, ratio = against("ssh host squeue --me", mine, plain)
    yield Row("start → first queue row, over SSH", [f"{mine:.2f} s"], words, ratio)
    for name, took in peers.items():
        words, ratio = against(f"{name} (beside the scheduler, no SSH)", mine, took)
        yield Row("start → first queue row", [f"{mine:.2f} s"], words, ratio)
    for tool in tools.TOOLS:
        if not tool.reads_queue:
            why = "needs squeue --json, which the pocket cluster has not: see the lab" if tool.installed else ABSENT
            yield Row("start → first queue row", [f"{mine:.2f} s"], f"{tool.name}: {why}")


def first_frame(argv: list[str], sign: str, env: dict[str, str]) -> tuple[float, float]:
    """(seconds, processor seconds) until `sign` is on the screen."""
    with Terminal(argv, env=env) as terminal:
        came = terminal.wait(sign, timeout=40) - terminal.began
        return came, terminal.cpu_s


def attempt(into: list[float], measure: Callable[[], float]) -> None:
    """A peer that does not start here is left out, not fatal."""
    try:
        into.append(measure())
    except (NotSeen, OSError) as exc:
        print(f"  a peer did not start: {str(exc)[:120]}", file=sys.stderr)
