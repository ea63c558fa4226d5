"""What the app costs while it only watches: calls of the scheduler, processor and memory, beside other programs.

All programs watch the same queue during the same minute; each one's calls are counted by scripts that stand in front of
Slurm's commands.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from bench import tools
from bench.rows import ABSENT, DEAD, Row
from bench.scene import Scene
from bench.terminal import Terminal

JOBS = (10, 500, 5_000)


def rows(scene: Scene, *, seconds: float, jobs: tuple[int, ...] = JOBS) -> Iterator[Row]:
    """Calls a minute with waiting and with running jobs; processor and memory at each length of the queue.

    Args:
        seconds: for which each is watched, after a quarter of that to settle.
        jobs: lengths of the queue.
    """
    waiting = [scene.submit("-J", f"waits-{i}", "-p", "short", "--hold") for i in range(jobs[0])]
    idle = _watch(scene, "idle", seconds)
    runs = scene.submit("-J", "runs", "-p", "short", "-t", "30")
    busy = _watch(scene, "running", seconds)
    cost = [(idle["ours"].cpu_percent, idle["ours"].memory_mb)]
    for length in jobs[1:]:
        scene.queue(length - jobs[0])
        seen = _watch(scene, f"long-{length}", seconds / 2, peers=False)["ours"]
        cost.append((seen.cpu_percent, seen.memory_mb))
    scene.queue(0)
    for job in (*waiting, runs):
        scene.cancel_job(job)
    for word, seen_by in (("only waiting jobs", idle), ("a running job", busy)):
        mine = seen_by["ours"].calls_a_minute
        for tool in tools.TOOLS:
            peer = seen_by.get(tool.name)
            if peer is None:
                yield Row(
                    f"scheduler calls a minute, {word}",
                    [f"{mine:.1f}"],
                    f"{tool.name}: {DEAD if tool.installed else ABSENT}",
                )
            else:
                theirs = peer.calls_a_minute
                ratio = mine / theirs if theirs else None
                yield Row(f"scheduler calls a minute, {word}", [f"{mine:.1f}"], f"{tool.name}: {theirs:.1f}", ratio)
    sizes = " · ".join(f"{length:,}" for length in jobs)
    yield Row(f"idle processor ({sizes} jobs)", [f"{cpu:.1f} %" for cpu, _ in cost])
    yield Row(f"idle memory ({sizes} jobs)", [f"{memory:.0f} MB" for _, memory in cost])


class _Seen:
    """What one program did in the minute."""

    def __init__(self, calls: int, cpu_s: float, memory_mb: float, seconds: float) -> None:
        self.calls_a_minute = 60 * calls / seconds
        self.cpu_percent = 100 * cpu_s / seconds
        self.memory_mb = memory_mb


def _watch(scene: Scene, name: str, seconds: float, *, peers: bool = True) -> dict[str, _Seen]:
    scene.environment(name)
    with contextlib.ExitStack() as stack:
        running: dict[str, Terminal] = {"ours": stack.enter_context(scene.app(name=name))}
        for tool in tools.TOOLS if peers else ():
            if tool.installed:
                env = tools.environment(scene, tool.name)
                running[tool.name] = stack.enter_context(Terminal(tool.argv(), env=env))
        running["ours"].wait(" job", timeout=60)
        time.sleep(seconds / 4)
        before = {who: (scene.calls("" if who == "ours" else who), t.cpu_s) for who, t in running.items() if t.alive}
        begin = time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - begin
        return {
            who: _Seen(
                scene.calls("" if who == "ours" else who) - before[who][0],
                running[who].cpu_s - before[who][1],
                running[who].memory_mb,
                took,
            )
            for who in before
            if running[who].alive
        }
