"""What the command line hands to the app."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from websight_tui.cli.app import open_app
from websight_tui.config import Config, parse_config
from websight_tui.errors import StoreError
from websight_tui.tui import app as app_module
from websight_tui.tui.ports import DemoInfo


@pytest.mark.parametrize(("text", "aloud"), [("", False), ("[ui]\nnotify = true\n", True)])
def test_banner_and_the_wish_for_notifications_reach_the_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, aloud: bool
) -> None:
    seen: dict[str, object] = {}

    def run_app(config: Config, factory: object, **options: object) -> tuple[int, str]:
        seen.update(options, config=config)
        return 0, ""

    monkeypatch.setattr(app_module, "run_app", run_app)
    config = parse_config(text, tmp_path / "config.toml")
    assert open_app(config, tmp_path, demo="demo · replay") == 0
    assert isinstance(seen["config"], Config)
    assert seen["demo"] == DemoInfo("demo · replay")
    assert seen["notify_aloud"] is aloud


def test_a_history_that_cannot_be_opened_ends_the_app_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    monkeypatch.setattr(
        app_module.WebsightApp, "run", lambda app: asyncio.run(app.run_async(headless=True, size=(80, 24)))
    )
    config = parse_config("", tmp_path / "config.toml")
    with pytest.raises(StoreError, match="cannot be opened"):
        open_app(config, tmp_path / "data", initial_cluster="")
