"""One soak: starts the cluster and the app, lets them live, takes samples."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from bench.line import Line
from bench.soak.fast import FastWatcher, cluster_clock, install, through
from bench.soak.judge import Sample
from bench.soak.life import Life
from bench.soak.measure import sample
from bench.soak.truth import compare
from websight_tui.config import POCKET, Cluster, Config, load_config
from websight_tui.pocket import control
from websight_tui.pocket.times import Clock
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import Endpoint, Transport
from websight_tui.runs import engine as engine_module
from websight_tui.runs import events as e
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import AppState, Link, Outcome
from websight_tui.runs.store import Store
from websight_tui.tui.app import WebsightApp
from websight_tui.tui.garbage import take_over
from websight_tui.tui.ports import DemoInfo, Emit

PLANTS: Final = ("memory", "descriptors", "threads")
DAY_S: Final = 86400.0
SHOWN_S: Final = 3600.0
HIDDEN_S: Final = 7200.0
"""A person looks at the app one hour in three, in the cluster's time."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a soak goes.

    Args:
        seconds: of ours.
        factor: how much faster the cluster's and the app's clocks run.
        every_s: seconds between two samples.
        act_s: seconds between two things that a person does.
        cut_s, suspend_s: seconds between two cut connections, two suspensions.
        live_runs: so many runs are kept in the queue.
        plants: what to leak on purpose, out of PLANTS.
    """

    seconds: float
    factor: float
    every_s: float
    act_s: float
    cut_s: float
    suspend_s: float
    live_runs: int = 1
    plants: Sequence[str] = ()


def soak(folder: Path, options: Options, tell: Callable[[Sample], None]) -> list[str]:
    """Runs it to its end.

    Args:
        folder: empty; takes the cluster and the history.
        tell: takes each sample.

    Returns: what went wrong, in words (doubled or lost jobs, lines lost or repeated).
    """
    info = control.start(folder / "cluster", clock_factor=options.factor)
    line = Line(info.endpoint.port or 0)
    try:
        clock = cluster_clock(info)
        python = install(info, clock)
        endpoint = through(info.endpoint, line.port, folder / "known_hosts")
        FastWatcher.factor, FastWatcher.steps = options.factor, 0
        setattr(engine_module, "Watcher", FastWatcher)  # noqa: B010 - nothing else of the product is replaced
        return asyncio.run(_live(_config(endpoint, python, folder), folder, clock, line, options, tell))
    finally:
        line.stop()
        control.stop(folder / "cluster")


def _config(endpoint: Endpoint, python: str, folder: Path) -> Config:
    cluster = Cluster(
        POCKET, endpoint, "~/w", "demo", "demo", gpus_per_node=0, python=python, poll_floor_s=5.0, login_shell=False
    )
    config = load_config(folder / "none.toml")
    tiny = dataclasses.replace(config.presets["tiny"], time_limit="8:00:00", signal_lead_s=300)
    presets = {"tiny": tiny} | {name: preset for name, preset in config.presets.items() if name != "tiny"}
    return dataclasses.replace(config, clusters=MappingProxyType({POCKET: cluster}), presets=MappingProxyType(presets))


async def _live(
    config: Config, folder: Path, clock: Clock, line: Line, options: Options, tell: Callable[[Sample], None]
) -> list[str]:
    counts: Counter[str] = Counter()

    def engine(emit: Emit) -> engine_module.Engine:
        counted = _counting(emit, counts)
        store = Store(folder / "data" / "runs.sqlite")
        return engine_module.Engine(
            config, store, open_transport=lambda c: _counted(_open(c), counts), emit=counted, clock=clock.now
        )

    app = WebsightApp(config, engine, clock=clock.now, demo=DemoInfo("soak"), initial_cluster=POCKET)
    app.on_loaded = take_over  # as on a terminal
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        life = Life(app, pilot, line, counts, options.live_runs)
        begin, shown0 = time.monotonic(), clock.now()

        leak = _plant(options.plants)

        def take() -> None:
            leak()
            counts["watcher steps"] = FastWatcher.steps
            values: dict[str, float] = {"t": round(time.monotonic() - begin, 1)}
            values |= {"days": round((clock.now() - shown0) / DAY_S, 3), "runs": len(app.state.runs)}
            tell(values | sample(folder / "data") | counts)

        sampler = asyncio.ensure_future(_every(options.every_s, take))
        try:
            await _days(life, options, clock)
        finally:
            sampler.cancel()
        take()
        return await _settle(life, folder)


async def _every(seconds: float, do: Callable[[], None]) -> None:
    while True:
        do()
        await asyncio.sleep(seconds)


async def _days(life: Life, options: Options, clock: Clock) -> None:
    """The loop of a soak: each thing when its time has come."""
    app, begin, shown = life.app, time.monotonic(), False
    due = {"look": 0.0, "act": 1.0, "cut": options.cut_s, "suspend": options.suspend_s}
    while (now := time.monotonic() - begin) < options.seconds:
        what = min(due, key=lambda name: due[name])
        if due[what] > now:
            await asyncio.sleep(min(due[what] - now, options.seconds - now))
            continue
        match what:
            case "act":
                await life.act()
                wait = options.act_s
            case "cut":
                life.cut()
                wait = options.cut_s
            case "suspend":
                life.suspend()
                wait = options.suspend_s
            case _:
                shown = not shown
                life.show(shown)
                wait = (SHOWN_S if shown else HIDDEN_S) / clock.factor
        due[what] = time.monotonic() - begin + wait
    assert app.is_running


async def _settle(life: Life, folder: Path) -> list[str]:
    """Lets the app catch up, then compares it with the cluster."""
    life.show(True)

    def settled() -> bool:
        view = life.app.cluster_view
        open_ones = [run for run in life.app.runs if run.outcome in (Outcome.INTENT, Outcome.UNKNOWN)]
        return view is not None and view.link is Link.ONLINE and not open_ones

    if not await life.until(settled, 60):
        return ["the app did not come back online, or a submission was never settled"]
    wrong: list[str] = []
    for _ in range(20):
        if not (wrong := compare(folder / "cluster", life.app.runs)):
            break
        await asyncio.sleep(1)
    return wrong


def _open(cluster: Cluster) -> Transport:
    return open_transport(cluster.endpoint, login_shell=cluster.login_shell)


def _counted(transport: Transport, counts: Counter[str]) -> Transport:
    """`transport` with its calls counted."""
    for name, what in (("read_many", "file readings"), ("exec", "commands"), ("connect", "logins begun")):
        setattr(transport, name, _count_calls(getattr(transport, name), counts, what))
    return transport


def _count_calls(call: Callable[..., Any], counts: Counter[str], what: str) -> Callable[..., Any]:
    def counted(*args: Any, **named: Any) -> Any:
        counts[what] += 1
        return call(*args, **named)

    return counted


def _counting(emit: Emit, counts: Counter[str]) -> Emit:
    """`emit` that also counts what happens."""
    from websight_tui.runs.reduce import reduce

    lock, state = threading.Lock(), AppState()
    verdicts: dict[str, object] = {}
    over: set[str] = set()

    def counting(event: e.Event) -> None:
        nonlocal state
        with lock:
            state = reduce(state, event)
            match event:
                case e.QueueSeen():
                    counts["queue polls"] += 1
                case e.LinkChanged(link=Link.ONLINE):
                    counts["times online"] += 1
                case e.SchedulerTrouble():
                    counts["scheduler troubles"] += 1
                case e.SubmitSettled(outcome=Outcome.ACCEPTED):
                    counts["jobs accepted"] += 1
                case e.Projected(run_id=run_id, projection=projection) if projection is not None:
                    if verdicts.setdefault(run_id, projection.verdict) != projection.verdict:
                        counts["verdict changes"] += 1
                        verdicts[run_id] = projection.verdict
                case e.JobsChanged(run_id=run_id) if state.runs[run_id].phase in OVER and run_id not in over:
                    over.add(run_id)
                    counts["runs ended"] += 1
                case _:
                    pass
        emit(event)

    return counting


def _plant(what: Sequence[str]) -> Callable[[], None]:
    """A leak a sample (4 MiB, one descriptor, one thread), to see that it would be seen."""
    kept: list[object] = []

    def leak() -> None:
        if "memory" in what:
            kept.append(os.urandom(1 << 22))
        if "descriptors" in what:
            kept.append(os.open(os.devnull, os.O_RDONLY))
        if "threads" in what:
            threading.Thread(target=threading.Event().wait, daemon=True).start()

    return leak


def read_samples(path: Path) -> list[Sample]:
    """The samples of a soak so far."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
