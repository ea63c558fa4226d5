"""What the start does is done once, or put off until the first frame is there."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.css.stylesheet import Stylesheet

from tests.tui.conftest import Stage, loaded, until
from websight_tui.cli.app import open_app
from websight_tui.config import parse_config
from websight_tui.tui import on_terminal


@pytest.fixture
def collector() -> Iterator[None]:
    """Left as it was found."""
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.usefixtures("collector")
def test_nothing_is_collected_while_the_app_is_imported_and_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(on_terminal, "run_app", lambda *_, **__: (seen.append(gc.isenabled()), (0, ""))[1])
    open_app(parse_config("", tmp_path / "config.toml"), tmp_path)
    assert seen == [False]
    assert gc.isenabled()


@pytest.mark.usefixtures("collector")
async def test_the_collector_works_again_once_the_history_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path)
    made: list[on_terminal.WebsightApp] = []
    monkeypatch.setattr(on_terminal.WebsightApp, "run", lambda app: made.append(app))
    on_terminal.run_app(stage.app.config, lambda _: pytest.fail("no engine is wanted"))
    stage.app.on_loaded = made[0].on_loaded
    gc.disable()
    async with stage.app.run_test(size=(120, 36)) as pilot:
        await loaded(stage, pilot)
        await until(pilot, gc.isenabled, "it works again")
        assert gc.get_freeze_count() > 10_000, "what was imported is walked through by each collection"


async def test_an_app_that_was_started_otherwise_keeps_its_collector(tmp_path: Path) -> None:
    stage, before = Stage(tmp_path), gc.get_freeze_count()
    async with stage.app.run_test(size=(120, 36)) as pilot:
        await loaded(stage, pilot)
        assert gc.isenabled()
        assert gc.get_freeze_count() <= before


async def test_no_rule_is_parsed_anew_for_the_first_theme_but_for_each_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anew: list[None] = []
    reparse = Stylesheet.reparse

    def counted(sheet: Stylesheet) -> None:
        anew.append(None)
        reparse(sheet)

    monkeypatch.setattr(Stylesheet, "reparse", counted)
    monkeypatch.setenv("COLORFGBG", "0;15")
    stage = Stage(tmp_path)
    async with stage.app.run_test(size=(120, 36)) as pilot:
        await loaded(stage, pilot)
        assert stage.app.theme == "websight-light"
        assert stage.app.screen.styles.background.hex.lower() == "#fbfcfc"
        assert not anew
        stage.app.theme = "websight-dark"
        await until(pilot, lambda: stage.app.screen.styles.background.hex.lower() == "#0f1418", "the theme is seen")
        assert anew
