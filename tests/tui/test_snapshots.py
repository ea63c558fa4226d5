"""A few telling pictures of screens, compared as SVG: the whole of a layout, which no other test looks at.

`pytest tests/tui/test_snapshots.py --snapshot-update` takes them anew; look at them before they are committed
(tests/tui/__snapshots__). Clock, time zone, cluster and forecasts are fixed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from textual.app import App
from textual.pilot import Pilot

from docs.first_minute_pictures import FOUND, OFFER, make_app
from tests.tui.conftest import Stage, screen_text, until
from tests.tui.fakes import NOW
from websight_tui.config import LOCAL
from websight_tui.runs import events as e
from websight_tui.runs.state import Link
from websight_tui.tui.first_minute import set_up
from websight_tui.tui.new_cluster import NewCluster
from websight_tui.tui.screens.setup import SetupScreen
from websight_tui.tui.screens.welcome import WelcomeScreen


class Compare(Protocol):
    def __call__(self, app: App[None], *, terminal_size: tuple[int, int], run_before: object) -> bool: ...


@pytest.fixture(autouse=True)
def one_time_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        patch.setenv("TEXTUAL_ANIMATIONS", "none")
        time.tzset()
        yield
    time.tzset()


def test_home_of_a_busy_afternoon(stage: Stage, snap_compare: Compare) -> None:
    async def settled(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(stage.app.state.runs) == 4)
        await pilot.press("tab", "j")
        await until(pilot, lambda: "Loss of batch6" in screen_text(stage.app))
        await pilot.pause(0.7)  # charts are drawn at most twice a second

    assert snap_compare(stage.app, terminal_size=(120, 36), run_before=settled)


def test_home_of_a_beginner_without_a_connection(tmp_path: Path, snap_compare: Compare) -> None:
    stage = Stage(tmp_path / "c.toml", busy=False)

    async def settled(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: stage.app.loaded and stage.engine)
        assert stage.engine is not None
        stage.engine.tell(e.LinkChanged("hai", Link.FAILED, NOW, error="no route to hai. Is the VPN up?"))
        await pilot.press("tab", "tab")
        await until(pilot, lambda: "s connects, or chooses" in screen_text(stage.app))

    assert snap_compare(stage.app, terminal_size=(80, 24), run_before=settled)


def test_a_cluster_is_checked_before_ones_eyes(tmp_path: Path, snap_compare: Compare) -> None:
    app = make_app(tmp_path)

    async def settled(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        app.pop_screen()
        set_up(app, NewCluster("hai", "hai", Path("config.toml"), LOCAL))
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        app.controller.emit(e.LinkChanged("hai", Link.ONLINE, NOW, "alice@login.hai.example.edu"))
        app.controller.emit(e.SiteSeen("hai", OFFER, "", NOW))
        for question in ("account", "partition", "folder"):
            await until(pilot, lambda q=question: f"{q:<11} which one?" in screen_text(app))
            await pilot.press("enter")
        screen = app.screen
        assert isinstance(screen, SetupScreen)
        await until(pilot, lambda: screen.checking)
        for finding in FOUND:
            app.controller.emit(e.CheckMade(screen.checking, finding, NOW))
        await until(pilot, lambda: "9 of 12 checks" in screen_text(app))

    assert snap_compare(app, terminal_size=(100, 30), run_before=settled)
