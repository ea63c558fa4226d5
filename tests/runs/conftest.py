"""An engine on a fake cluster, and ways to start it again; a run on this machine itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runs.fakes import FakeSlurm, FakeTransport, configuration
from websight_tui.config import load_config
from websight_tui.remote.local import LocalTransport
from websight_tui.remote.port import Unattended
from websight_tui.runs.bundle import Bundle
from websight_tui.runs.engine import Engine
from websight_tui.runs.keeper import Keeper
from websight_tui.runs.plan import LaunchPlan, plan_launch
from websight_tui.runs.state import Link
from websight_tui.runs.store import Store
from websight_tui.runspec import RunSpec

BUNDLE = Bundle({"trainer/__init__.py": b"", "slurm/job.sh": b"#!/bin/sh\necho hello\n"})


class Desk:
    """A person's machine: a store, engines that come and go, one cluster."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.slurm = FakeSlurm(folder / "slurm")
        self.config = configuration(folder / "root")
        self.transports: list[FakeTransport] = []
        self.prepare: Callable[[FakeTransport], None] = lambda transport: None
        self.engines: list[Engine] = []
        self.may_prompt = False

    def open_transport(self, cluster: object) -> FakeTransport:
        transport = FakeTransport(self.slurm, may_prompt=self.may_prompt)
        self.prepare(transport)
        self.transports.append(transport)
        return transport

    def start(self, *, connect: bool = True, clock: Callable[[], float] = time.time) -> tuple[Engine, Keeper]:
        keeper = Keeper()
        store = Store(self.folder / "data" / "runs.sqlite")
        engine = Engine(self.config, store, open_transport=self.open_transport, emit=keeper, clock=clock)
        self.engines.append(engine)
        engine.load()
        if connect:
            engine.connect("fake")
            assert keeper.wait(lambda s: s.clusters["fake"].link is Link.ONLINE, 10), keeper.state.clusters
        return engine, keeper

    def plan(self, preset: str = "tiny") -> LaunchPlan:
        cluster = self.config.clusters["fake"]
        return plan_launch(self.config, cluster, self.config.presets[preset], now=time.time(), bundle=BUNDLE)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    for engine in desk.engines:
        engine.close()
    for transport in desk.transports:
        transport.close()


@pytest.fixture
def here() -> LocalTransport:
    transport = LocalTransport(login_shell=False)
    transport.connect(Unattended())
    return transport


@pytest.fixture
def spec(tmp_path: Path) -> RunSpec:
    """A run of `here`, whose folders are not made yet."""
    preset = load_config(tmp_path / "none.toml").presets["tiny"]
    return RunSpec("r", "wst-00", 0.0, "here", preset, str(tmp_path / "root"), "0" * 16)
