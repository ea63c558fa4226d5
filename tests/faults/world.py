"""A person's machine, a line that can be as bad as one likes, and the embedded cluster behind it; and what must hold
after every fault."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.line import Line
from bench.soak.fast import through
from bench.soak.truth import compare, steps_in
from tests.runs.test_pocket_runs import Pocket, reaches
from websight_tui.config import Cluster, load_config
from websight_tui.pocket import control
from websight_tui.pocket.control import PocketInfo
from websight_tui.remote.port import Transport
from websight_tui.remote.ssh import SshTransport
from websight_tui.runs.engine import Engine
from websight_tui.runs.keeper import Keeper
from websight_tui.runs.state import Link, Outcome, Phase, RunView
from websight_tui.runs.store import Store

KEEPALIVE_S = 1.0
"""Of these connections; the app's own is longer, and nothing else about it differs."""


@dataclass
class World(Pocket):
    """Everything of one test.

    Attributes:
        info: the cluster behind the line.
        shift_s: by how much this machine's clock is wrong.
        keepers: of the engines that were started.
    """

    info: PocketInfo | None = None
    line: Line | None = None
    shift_s: float = 0.0
    keepers: list[Keeper] = field(default_factory=list)

    def open(self, cluster: Cluster) -> Transport:
        transport = SshTransport(cluster.endpoint, login_shell=False, keepalive_s=KEEPALIVE_S)
        self.transports.append(transport)
        return transport

    def clock(self) -> float:
        return time.time() + self.shift_s

    def app(self, name: str = "app", *, connect: bool = True) -> tuple[Engine, Keeper]:
        """An engine on the history `name`, online if asked."""
        keeper = Keeper()
        store = Store(self.folder / name / "runs.sqlite")
        engine = Engine(self.config, store, open_transport=self.open, emit=keeper, clock=self.clock)
        self.engines.append(engine)
        self.keepers.append(keeper)
        engine.load()
        if connect:
            engine.connect("demo")
            online(keeper)
        return engine, keeper

    def train(self, engine: Engine, keeper: Keeper, steps: int = 40, pause: float = 0.05) -> str:
        """Submits a run and waits until it trains; its id."""
        plan = self.plan(steps, pause)
        engine.submit(plan)
        trains(keeper, plan.spec.run_id)
        return plan.spec.run_id

    def ctl(self, *words: str) -> None:
        """pocketctl, on the cluster itself."""
        self.command(" ".join(("pocketctl", *words)))

    def command(self, text: str) -> str:
        import subprocess

        assert self.info is not None
        shell = ["/bin/sh", "-c", text]
        path = f"{self.info.folder}/bin:/usr/bin:/bin"
        done = subprocess.run(
            shell, capture_output=True, text=True, timeout=30, check=False, env={"PATH": path}, cwd=self.info.home
        )
        return done.stdout

    def events(self, run_id: str) -> Path:
        assert self.info is not None
        return self.info.home / "w" / "runs" / run_id / "events.jsonl"

    def intact(self, keeper: Keeper) -> None:
        """No job lost or doubled, no line lost or repeated. Raises AssertionError if not so within a few seconds."""
        assert self.info is not None
        folder = self.info.folder
        keeper.wait(lambda s: not compare(folder, s.runs.values(), ours_alone=True), 15)
        assert compare(folder, keeper.state.runs.values(), ours_alone=True) == []


def make(info: PocketInfo, line: Line, folder: Path, root: str = "~/w") -> World:
    """A world whose app reaches the cluster through `line`."""
    endpoint = through(info.endpoint, line.port, folder / "known_hosts")
    cluster = Cluster("demo", endpoint, root=root, gpus_per_node=0, poll_floor_s=0.2, python=sys.executable)
    config = dataclasses.replace(load_config(folder / "none"), clusters={"demo": cluster})
    return World(config, folder, info=info, line=line)


def restart(world: World) -> None:
    """Starts the cluster's daemon anew; the line leads to it."""
    assert world.info is not None
    assert world.line is not None
    world.info = control.start(world.info.folder)
    world.line.lead_to(world.info.endpoint.port or 0)


def online(keeper: Keeper, timeout_s: float = 40) -> None:
    assert keeper.wait(lambda s: "demo" in s.clusters and s.clusters["demo"].link is Link.ONLINE, timeout_s), (
        keeper.state.clusters
    )


def is_not_online(keeper: Keeper, timeout_s: float = 40) -> None:
    assert keeper.wait(lambda s: s.clusters["demo"].link is not Link.ONLINE, timeout_s), keeper.state.clusters


def trains(keeper: Keeper, run_id: str, timeout_s: float = 60) -> None:
    def begun(run: RunView | None) -> bool:
        return run is not None and run.log.last is not None and run.log.last.last_step > 0

    assert keeper.wait(lambda s: begun(s.runs.get(run_id)), timeout_s), (keeper.state.runs.get(run_id), keeper.state)


def finishes(keeper: Keeper, run_id: str, steps: int, timeout_s: float = 60) -> None:
    """The run ends, and every step is on the screen once."""
    run = reaches(keeper, run_id, Phase.FINISHED, timeout_s)
    assert keeper.wait(lambda s: shown(s.runs[run_id]) == list(range(1, steps + 1)), 20), shown(run)


def shown(run: RunView) -> list[int]:
    """The steps of a run as the screen has them."""
    return [int(step) for segment in run.log.segments for step in segment.columns.step]


def settled(keeper: Keeper, timeout_s: float = 40) -> None:
    """Every submission is accepted or rejected, none in between."""
    known = (Outcome.ACCEPTED, Outcome.REJECTED)
    assert keeper.wait(lambda s: all(run.outcome in known for run in s.runs.values()), timeout_s), keeper.state.runs


def wait_until(true: Callable[[], bool], timeout_s: float, what: str) -> None:
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, f"did not happen: {what}"
        time.sleep(0.05)  # the condition lies in another process


__all__ = [
    "World",
    "finishes",
    "is_not_online",
    "make",
    "online",
    "reaches",
    "restart",
    "settled",
    "shown",
    "steps_in",
    "trains",
    "wait_until",
]
