"""The app on the real engine and the embedded cluster, over real SSH: launch, watch, cancel, quit and reopen."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.runs.test_pocket_runs import trainer
from tests.tui.conftest import screen_text, until
from websight_tui.config import Cluster, Config, load_config
from websight_tui.pocket import control
from websight_tui.presets import Preset
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import Unattended
from websight_tui.remote.ssh_config import CONFIG_VARIABLE
from websight_tui.runs.engine import Engine
from websight_tui.runs.plan import LaunchPlan, plan_launch
from websight_tui.runs.saved_work import runner
from websight_tui.runs.saved_work.fetching import fetch_adapter
from websight_tui.runs.saved_work.tasks import Stand
from websight_tui.runs.state import Link, Phase
from websight_tui.runs.store import Store
from websight_tui.tui.app import WebsightApp
from websight_tui.tui.planner import LocalPlanner
from websight_tui.tui.ports import DemoInfo, Emit
from websight_tui.tui.screens.ask import AskScreen
from websight_tui.tui.screens.confirm import ConfirmScreen
from websight_tui.tui.screens.home import HomeScreen
from websight_tui.tui.screens.launch import LaunchScreen
from websight_tui.tui.screens.run import RunScreen
from websight_tui.tui.widgets.chart import Chart

pytestmark = pytest.mark.xdist_group("pocket")


class StandIn(LocalPlanner):
    """Plans as the app does, with a trainer that only tells events."""

    def __init__(self, steps: int, pause: float) -> None:
        super().__init__()
        self._steps, self._pause = steps, pause

    def plan(self, config: Config, cluster: Cluster, preset: Preset, base: Preset, now: float) -> LaunchPlan:
        return plan_launch(config, cluster, preset, base, now=now, bundle=trainer(self._steps, self._pause))


@pytest.fixture
def pocket(tmp_path: Path) -> Iterator[Config]:
    info = control.start(tmp_path / "cluster")
    cluster = Cluster(
        "demo", info.endpoint, "~/w", "demo", "demo", gpus_per_node=0, poll_floor_s=0.5, login_shell=False
    )
    try:
        yield dataclasses.replace(load_config(tmp_path / "none.toml"), clusters={"demo": cluster})
    finally:
        control.stop(tmp_path / "cluster")


def make_app(config: Config, folder: Path, planner: StandIn, cluster: str | None = "demo") -> WebsightApp:
    def engine(emit: Emit) -> Engine:
        return Engine(
            config,
            Store(folder / "runs.sqlite"),
            open_transport=lambda c: open_transport(c.endpoint, login_shell=c.login_shell),
            emit=emit,
        )

    return WebsightApp(config, engine, planner=planner, demo=DemoInfo("demo"), initial_cluster=cluster)


async def in_time(pilot: Pilot[None], true: Callable[[], object], what: str) -> None:
    """`until` with patience for real processes."""
    await until(pilot, true, what, seconds=40)


async def launch(app: WebsightApp, pilot: Pilot[None]) -> RunScreen:
    """Chooses `tiny`, reviews, submits, and gives the run's screen."""
    await in_time(pilot, lambda: app.cluster_view and app.cluster_view.link is Link.ONLINE, "online")
    await pilot.press("6", "enter")
    await in_time(pilot, lambda: isinstance(app.screen, LaunchScreen), "review")
    await pilot.press("enter")
    await pilot.pause()
    if isinstance(app.screen, ConfirmScreen):  # the pre-flight was quicker: a stand-in does not pass it
        await pilot.press("y")
    await in_time(pilot, lambda: isinstance(app.screen, RunScreen), "run screen")
    assert isinstance(app.screen, RunScreen)
    return app.screen


async def test_launch_watch_quit_and_reopen_without_a_connection(pocket: Config, tmp_path: Path) -> None:
    app = make_app(pocket, tmp_path, StandIn(steps=40, pause=0.02))
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await launch(app, pilot)
        await in_time(pilot, lambda: screen.run and screen.run.phase is Phase.FINISHED, "finished")
        await in_time(pilot, lambda: screen.query_one("#main", Chart).drawing, "a curve")
        await in_time(
            pilot, lambda: "40/40" in screen_text(app) and "hello from" in screen_text(app), "log and figures"
        )
        run_id = screen.run_id

    again = make_app(pocket, tmp_path, StandIn(40, 0.02), cluster="")
    async with again.run_test(size=(120, 36)) as pilot:
        await in_time(pilot, lambda: run_id in again.state.runs, "history")
        await pilot.press("tab", "enter")
        await in_time(pilot, lambda: "40/40" in screen_text(again) and "hello from" in screen_text(again), "offline")


async def test_a_running_job_is_cancelled_from_the_screen(pocket: Config, tmp_path: Path) -> None:
    app = make_app(pocket, tmp_path, StandIn(steps=10_000, pause=0.05))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await launch(app, pilot)
        await in_time(pilot, lambda: screen.run and screen.run.phase is Phase.TRAINING, "training")
        await pilot.press("c")
        await in_time(pilot, lambda: "Cancel this run?" in screen_text(app), "question")
        await pilot.press("y")
        await in_time(pilot, lambda: screen.run and screen.run.phase in (Phase.CANCELLED, Phase.STOPPED), "cancelled")


async def test_a_check_that_fails_on_the_cluster_asks_once_more_and_the_launch_goes_on(
    pocket: Config, tmp_path: Path
) -> None:
    app = make_app(pocket, tmp_path, StandIn(steps=20, pause=0.01))
    async with app.run_test(size=(120, 36)) as pilot:
        await in_time(pilot, lambda: app.cluster_view and app.cluster_view.link is Link.ONLINE, "online")
        await pilot.press("6", "enter")
        await in_time(
            pilot, lambda: "data: the pre-flight did not run" in screen_text(app), "a stand-in checks nothing"
        )
        await pilot.press("enter")
        await in_time(pilot, lambda: "Submit anyway?" in screen_text(app), "question")
        await pilot.press("y")
        await in_time(pilot, lambda: isinstance(app.screen, RunScreen), "run screen")


async def test_a_job_of_others_is_opened_from_the_queue(pocket: Config, tmp_path: Path) -> None:
    transport = open_transport(pocket.clusters["demo"].endpoint)
    transport.connect(Unattended())
    script = "#!/bin/sh\necho hello from elsewhere\nsleep 60\n"
    sent = transport.exec("sbatch -A demo -p demo -J elsewhere -t 5", timeout=20, stdin=script.encode())
    transport.close()
    assert sent.exit == 0, sent.stderr
    app = make_app(pocket, tmp_path, StandIn(steps=20, pause=0.01))
    async with app.run_test(size=(120, 36)) as pilot:
        await in_time(pilot, lambda: app.cluster_view and app.cluster_view.queue, "the job in the queue")
        await pilot.press("tab", "tab", "enter")
        await in_time(pilot, lambda: isinstance(app.screen, RunScreen), "run screen")
        await in_time(pilot, lambda: "hello from elsewhere" in screen_text(app), "its output")
        await pilot.press("escape")
        await in_time(pilot, lambda: screen_text(app).count("elsewhere") >= 2, "among the runs, under its own name")


async def test_from_nothing_configured_to_a_submitted_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host of ~/.ssh/config, Enter at each question, a preset's number, Enter, Enter."""
    info = control.start(tmp_path / "cluster")
    there = info.endpoint
    (tmp_path / "ssh").write_text(
        f"Host hai\n  HostName {there.host}\n  Port {there.port}\n  User {there.user}\n"
        f"  IdentityFile {there.identity_file}\n  UserKnownHostsFile {there.known_hosts}\n"
    )
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "ssh"))
    config = load_config(tmp_path / "config.toml")
    app = make_app(config, tmp_path, StandIn(steps=40, pause=0.02), cluster="local")
    try:
        async with app.run_test(size=(120, 36)) as pilot:
            app.banner = ""
            await in_time(pilot, lambda: "Where do you want to train?" in screen_text(app), "welcome")
            await pilot.press("enter")
            for question in ("account", "partition"):
                await in_time(pilot, lambda q=question: re.search(rf"{q} +which one", screen_text(app)), question)
                await pilot.press("enter")
            await in_time(pilot, lambda: "failed, the next steps" in screen_text(app), "checked")
            await pilot.press("enter")
            await in_time(pilot, lambda: isinstance(app.screen, HomeScreen), "home")
            screen = await launch(app, pilot)
            await in_time(pilot, lambda: screen.run and screen.run.job is not None, "a job")
    finally:
        control.stop(tmp_path / "cluster")
    assert load_config(tmp_path / "config.toml").clusters["hai"].partition == "demo"


def adapter_in(folder: Path) -> Path:
    """100 MB of an adapter, as a run leaves it; the file of its weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text("{}")
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(bytes(range(256)) * 400_000)
    return weights


async def test_the_adapter_is_downloaded_stopped_on_the_way_and_gone_on_with(
    pocket: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_full_speed = threading.Event()

    def on_a_slow_line(*words: Any) -> tuple[str, ...]:
        *others, progress, stopping = words

        def told(done: int, total: int) -> None:
            progress(done, total)
            at_full_speed.wait(0.1)

        return fetch_adapter(*others, told, stopping)

    monkeypatch.setattr(runner, "fetch_adapter", on_a_slow_line)
    app, target = make_app(pocket, tmp_path, StandIn(steps=5, pause=0.01)), tmp_path / "here"
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await launch(app, pilot)
        await in_time(pilot, lambda: screen.run and screen.run.phase is Phase.FINISHED, "finished")
        assert screen.run is not None
        weights = adapter_in(Path(screen.run.spec.out_dir))
        await pilot.press("v", "v")
        await in_time(pilot, lambda: "the run's adapter" in screen_text(app), "the final adapter, as it lies there")

        async def download() -> None:
            await pilot.press("d")
            await in_time(pilot, lambda: isinstance(app.screen, AskScreen), "where to")
            app.screen.query_one(Input).value = str(target)
            await pilot.press("enter")

        def stand() -> Stand | None:
            return screen.run.tasks[-1].stand if screen.run is not None and screen.run.tasks else None

        await download()
        await in_time(
            pilot, lambda: stand() is Stand.RUNNING and screen.run and screen.run.tasks[-1].done, "some of it"
        )
        app.controller.ask(lambda engine: engine.stop_fetch(screen.run_id))  # as the question's y does, without delay
        await in_time(pilot, lambda: stand() is Stand.STOPPED, "stopped")
        at_full_speed.set()
        part = (target / "adapter_model.safetensors.part").stat().st_size
        assert 0 < part < 102_400_000
        await in_time(pilot, lambda: "It goes on where it was" in screen_text(app), "said")
        await download()
        await in_time(pilot, lambda: stand() is Stand.DONE, "whole")
        assert (target / weights.name).read_bytes() == weights.read_bytes()
