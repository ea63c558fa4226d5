"""What a person sees while things break: words where the trouble is, never a traceback, and the run as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.disks import fill, root_only
from tests.faults.world import World
from tests.tui.conftest import screen_text, until
from websight_tui.runs.engine import Engine
from websight_tui.runs.state import Link, Phase
from websight_tui.runs.store import Store
from websight_tui.tui.app import WebsightApp
from websight_tui.tui.ports import Emit

pytestmark = pytest.mark.xdist_group("faults-line")


def app_on(world: World, folder: Path) -> WebsightApp:
    def factory(emit: Emit) -> Engine:
        return Engine(world.config, Store(folder / "runs.sqlite"), open_transport=world.open, emit=emit)

    return WebsightApp(world.config, factory, initial_cluster="demo")


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_a_lost_line_and_a_lost_controller_on_the_screen(
    world: World, tmp_path: Path, size: tuple[int, int]
) -> None:
    engine, keeper = world.app("shared")
    run_id = world.train(engine, keeper, steps=400)
    engine.close()
    app = app_on(world, tmp_path / "shared")
    line = world.line
    assert line is not None
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.cluster_view and app.cluster_view.link is Link.ONLINE, "online", 40)
        line.weather.refuse = True
        line.cut()
        await until(pilot, lambda: "reconnecting" in screen_text(app), "it is said", 40)
        assert run_id in app.state.runs
        assert "Traceback" not in screen_text(app)
        line.weather.refuse = False
        await until(pilot, lambda: app.cluster_view and app.cluster_view.link is Link.ONLINE, "online again", 40)
        world.ctl("controller", "down", "0.2")
        try:
            app.action_refresh()
            await until(pilot, lambda: app.cluster_view and app.cluster_view.scheduler_error, "trouble", 40)
            await pilot.press("tab", "tab")
            await until(pilot, lambda: "controller" in screen_text(app), "it is said", 20)
            assert "Traceback" not in screen_text(app)
        finally:
            world.ctl("controller", "up")
        app.action_refresh()
        run = app.state.runs[run_id]
        assert run.phase in (Phase.TRAINING, Phase.FINISHED)
    world.command(f"scancel --name={run.spec.job_name}")


@root_only
async def test_a_full_disk_here_on_the_screen(world: World, small_disk: Path) -> None:
    there = World(world.config, small_disk, info=world.info, line=world.line)
    engine, keeper = there.app()
    run_id = there.train(engine, keeper, steps=400)
    engine.close()
    app = app_on(there, small_disk / "app")
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until(pilot, lambda: app.cluster_view and app.cluster_view.link is Link.ONLINE, "online", 40)
        fill(small_disk / "filler")
        await until(pilot, lambda: app.state.unwritten is not None, "told", 40)
        await pilot.press("tab", "tab")
        await until(pilot, lambda: "disk is full" in screen_text(app), "it is said", 20)
        assert "Traceback" not in screen_text(app)
        assert "not answer" not in screen_text(app), "the cluster is well"
        (small_disk / "filler").unlink()
        await until(pilot, lambda: app.state.unwritten is None, "well again", 40)
    world.command(f"scancel --name={keeper.state.runs[run_id].spec.job_name}")
