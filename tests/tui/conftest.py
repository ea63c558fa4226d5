"""One app on a fake engine, and a way to wait for what the screen shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui.fakes import NOW, FakeEngine, FakePlanner, config, story
from websight_tui.runs import events as e
from websight_tui.runs.attention import News
from websight_tui.runs.state import LogTail
from websight_tui.tui.app import WebsightApp
from websight_tui.tui.ports import DemoInfo
from websight_tui.tui.screens.run import RunScreen
from websight_tui.tui.widgets.log_view import LogView


class Stage:
    """An app, its engine once it has started, and what the notifier was told."""

    def __init__(self, path: Path, *, busy: bool = True, demo: DemoInfo | None = None) -> None:
        self.told: list[News] = []
        self.titles: list[str] = []
        self.engine: FakeEngine | None = None
        self.now = NOW
        cfg = config(path)

        def factory(emit: object) -> FakeEngine:
            self.engine = FakeEngine(emit, on_load=story(cfg) if busy else ())  # type: ignore[arg-type]
            return self.engine

        self.app = WebsightApp(cfg, factory, clock=lambda: self.now, planner=FakePlanner(), notifier=self, demo=demo)

    def tell(self, item: News) -> None:
        self.told.append(item)

    def close(self, wait_s: float = 0.0) -> None:
        pass

    def set_title(self, title: str) -> None:
        self.titles.append(title)


async def until(pilot: Pilot[None], true: Callable[[], object], what: str = "", seconds: float = 10) -> None:
    """Waits until `true()` holds, at most so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        await pilot.pause()
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"did not happen: {what or true}")


@pytest.fixture(autouse=True)
def _one_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same terminal on every machine: theme and symbols are taken from the environment."""
    for name in ("NO_COLOR", "COLORFGBG", "WEBSIGHT_TUI_ASCII", "LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("LANG", "C.UTF-8")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "config.toml")


Ready = Callable[[Pilot[None]], Awaitable[None]]


async def loaded(stage: Stage, pilot: Pilot[None]) -> FakeEngine:
    """Waits for the made-up afternoon, and gives the engine."""
    await until(pilot, lambda: len(stage.app.state.runs) == 4 and "hai" in stage.app.state.clusters, "loaded")
    assert stage.engine is not None
    return stage.engine


def screen_text(app: WebsightApp) -> str:
    """All that stands on the screen."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text[:width] for strip in strips[:height])


async def open_log(
    stage: Stage, pilot: Pilot[None], run_id: str, out: LogTail, err: LogTail
) -> tuple[FakeEngine, LogView]:
    """The screen of a run with two outputs, and its log pane once it shows the last line of `err`."""
    engine = await loaded(stage, pilot)
    stage.app.open_run(run_id)
    await until(pilot, lambda: isinstance(stage.app.screen, RunScreen) and stage.app.screen.is_mounted)
    engine.tell(e.TailMoved(run_id, "stdout", out, NOW), e.TailMoved(run_id, "stderr", err, NOW))
    log = stage.app.screen.query_one(LogView)
    await until(pilot, lambda: err.lines[-1] in log._tail.lines)
    return engine, log
