"""What the command line hands to the app."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from websight_tui import cli
from websight_tui.cli.app import open_app
from websight_tui.config import Config, parse_config
from websight_tui.errors import StoreError
from websight_tui.tui import on_terminal
from websight_tui.tui.first_minute import DEMO
from websight_tui.tui.ports import DemoInfo


def test_banner_and_configuration_reach_the_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    def run_app(config: Config, factory: object, **options: object) -> tuple[int, str]:
        seen.update(options, config=config)
        return 0, ""

    monkeypatch.setattr(on_terminal, "run_app", run_app)
    config = parse_config("", tmp_path / "config.toml")
    assert open_app(config, tmp_path, demo="demo · replay") == 0
    assert isinstance(seen["config"], Config)
    assert seen["demo"] == DemoInfo("demo · replay")


def test_a_history_that_cannot_be_opened_ends_the_app_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    monkeypatch.setattr(
        on_terminal.WebsightApp, "run", lambda app: asyncio.run(app.run_async(headless=True, size=(80, 24)))
    )
    config = parse_config("", tmp_path / "config.toml")
    with pytest.raises(StoreError, match="cannot be opened"):
        open_app(config, tmp_path / "data", initial_cluster="")


@pytest.mark.parametrize(("term", "words"), [("xterm-256color", "there is none"), ("dumb", "TERM=dumb cannot")])
def test_where_no_screen_can_be_shown_it_says_so_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], term: str, words: str
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("sys.stdin.isatty", lambda: term == "dumb", raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert cli.main([]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert "status, watch, submit" in said


def test_who_wants_the_demo_instead_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(on_terminal, "run_app", lambda *args, **options: (0, DEMO))
    monkeypatch.setattr(cli, "main", lambda argv: seen.append(argv) or 7)
    assert open_app(parse_config("", tmp_path / "config.toml"), tmp_path) == 7
    assert seen == [["demo"]]
