"""Pictures of a real run: the app on the embedded cluster while the real trainer trains the tiny model.

    WEBSIGHT_TUI_TRAINER_PYTHON=.venv-trainer/bin/python python -m docs.demo_screenshots

Starts an embedded cluster of its own, launches 'tiny' by its keys, and writes demo-launch.png,
demo-run.png and the recorded session.gif to docs/images.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from docs.recording import Recording
from docs.screenshots import IMAGES, LOOK, svg_of, write
from websight_tui.cli.demo_cluster import demo_config, start_cluster, stop_cluster
from websight_tui.cli.session import open_cluster
from websight_tui.config import parse_config
from websight_tui.errors import WebsightError
from websight_tui.runs.engine import Engine
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import ClusterView, RunView
from websight_tui.runs.store import Store
from websight_tui.tui.app import WebsightApp
from websight_tui.tui.ports import DemoInfo
from websight_tui.tui.screens.launch import LaunchScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot

SIZE = (120, 36)
OFFLINE = ClusterView("")
PREFIX = "pictures-"
HERE = re.compile(
    f"{re.escape(str(Path(__file__).resolve().parents[1]))}|{re.escape(tempfile.gettempdir())}/{PREFIX}\\w+"
)
"""Paths of this machine: the checkout, the cluster's folder."""
PREFLIGHT_S = 180.0
"""Most that the check of model, data and folders takes, which makes the tiny model first."""
TRAIN_S = 540.0
"""Most that the run takes, on a machine that does other things, too."""
FRAME_S = 2.5
"""Seconds between two frames of the recording."""
SHOWN_S = 0.5
"""Seconds for which each of them is shown."""
SHOWN_FROM = 0.6
"""Share of the steps at which the run's picture is taken."""


def trained(run: RunView) -> bool:
    last = run.log.last
    return last is not None and last.total_steps > 0 and last.last_step >= SHOWN_FROM * last.total_steps


def shown(app: WebsightApp) -> str:
    """The present screen, with this machine's paths replaced by some of the same length."""
    return HERE.sub(lambda found: ("/home/" + "websight-tui/" * 20)[: len(found[0])], svg_of(app))


async def checked(app: WebsightApp, pilot: Pilot[None]) -> None:
    """Waits until the launch screen has its checks."""
    deadline = time.monotonic() + PREFLIGHT_S
    while time.monotonic() < deadline:
        await pilot.pause(0.5)
        if isinstance(app.screen, LaunchScreen) and app.screen.checked:
            return
    raise WebsightError("the checks did not end in time", "Is the trainer's environment whole?")


async def train(app: WebsightApp, pilot: Pilot[None], session: Recording) -> None:
    """Records the run until it has ended; takes its picture on the way."""
    taken, deadline = False, time.monotonic() + TRAIN_S
    while time.monotonic() < deadline:
        await pilot.pause(FRAME_S)
        session.add(shown(app), SHOWN_S)
        runs = list(app.state.runs.values())
        if not taken and any(map(trained, runs)):
            taken = True
            await pilot.pause(1.0)
            write(shown(app), "demo-run")
            await pilot.press("escape")
            await pilot.pause(0.6)
            session.add(shown(app), 3.0)
            await pilot.press("enter")
        if any(run.phase in OVER for run in runs):
            return
    raise WebsightError("the demo's run did not end in time", "Is the trainer's environment whole?")


async def take(folder: Path) -> None:
    cluster, replay = start_cluster(folder)
    if replay:
        raise WebsightError("there is no trainer here", "Set WEBSIGHT_TUI_TRAINER_PYTHON.")
    config = replace(demo_config(parse_config("", folder / "config.toml"), cluster), ui=LOOK)
    store = Store(folder / "runs.sqlite")
    app = WebsightApp(
        config,
        lambda emit: Engine(config, store, open_transport=open_cluster, emit=emit),
        demo=DemoInfo("demo · embedded cluster"),
        initial_cluster=cluster.name,
    )
    async with app.run_test(size=SIZE) as pilot:
        while app.state.clusters.get(cluster.name, OFFLINE).queue_at is None:
            await pilot.pause(0.1)
        session = Recording()
        await pilot.pause(0.5)
        session.add(shown(app), 3.0)
        await pilot.press("1", "enter")
        await checked(app, pilot)
        write(shown(app), "demo-launch")
        session.add(shown(app), 4.0)
        await pilot.press("enter")
        await train(app, pilot, session)
        await pilot.pause(1.0)
        session.add(shown(app), 3.0)
        await pilot.press("escape")
        await pilot.pause(0.6)
        session.add(shown(app), 4.0)
    size = session.write(IMAGES / "session.gif")
    print(f"{IMAGES / 'session.gif'}: {len(session.frames)} frames, {size / 1e6:.2f} MB")


def main() -> None:
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    with tempfile.TemporaryDirectory(prefix=PREFIX) as temporary:
        try:
            asyncio.run(take(Path(temporary)))
        finally:
            stop_cluster(Path(temporary))


if __name__ == "__main__":
    main()
