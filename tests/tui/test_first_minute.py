"""From nothing configured to a connection: the hosts that are known, a short form, a table in config.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from tests.tui.conftest import Stage, loaded, screen_text, until
from websight_tui.config import LOCAL
from websight_tui.errors import ConfigError
from websight_tui.remote.ssh_config import CONFIG_VARIABLE
from websight_tui.tui.cluster_file import add_cluster, table_name
from websight_tui.tui.screens.home import HomeScreen
from websight_tui.tui.screens.welcome import ClusterScreen, WelcomeScreen


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """An app that knows no cluster, on a machine whose SSH configuration knows two hosts."""
    (tmp_path / "ssh").write_text("Host hai\nHost login.juwels.de\n")
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "ssh"))
    stage = Stage(tmp_path / "config.toml", busy=False)
    stage.app.config = replace(stage.app.config, clusters={LOCAL: stage.app.config.clusters[LOCAL]})
    stage.app.cluster_name = LOCAL
    return stage


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_host_becomes_a_cluster_and_is_connected(fresh: Stage, size: tuple[int, int]) -> None:
    app = fresh.app
    path = app.config.path
    path.write_text("# mine\n[ui]\nnotify = true")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        await until(pilot, lambda: "login.juwels.de" in screen_text(app))
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, ClusterScreen))
        app.screen.query_one("#account", Input).value = "no spaces"
        await until(pilot, lambda: "account: expected a name" in screen_text(app))
        await pilot.press("enter")
        assert isinstance(app.screen, ClusterScreen), "a wrong value goes nowhere"
        app.screen.query_one("#account", Input).value = "ingrai"
        app.screen.query_one("#gpus_per_node", Input).value = "four"
        await until(pilot, lambda: "gpus_per_node: expected a whole number" in screen_text(app))
        app.screen.query_one("#gpus_per_node", Input).value = "4"
        await until(pilot, lambda: "Enter: write config.toml" in screen_text(app))
        await pilot.press("enter")
        engine = fresh.engine
        assert engine is not None
        await until(pilot, lambda: ("connect", "login-juwels-de") in engine.calls)
        order = [call for call in engine.calls if call[0] == "configure" or call[1:] == ("login-juwels-de",)]
        assert order[0] == ("configure", (LOCAL, "login-juwels-de")), "the engine knows it before it connects"
        assert app.cluster.account == "ingrai"
    text = path.read_text()
    assert text.startswith("# mine\n[ui]\nnotify = true\n")
    assert tomllib.loads(text)["clusters"]["login-juwels-de"] == {
        "host": "login.juwels.de",
        "account": "ingrai",
        "gpus_per_node": 4,
        "root": "~/websight-v2",
    }


async def test_this_machine_and_escape_lead_home_and_write_nothing(fresh: Stage) -> None:
    async with fresh.app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(fresh.app.screen, WelcomeScreen))
        await pilot.press("end", "enter")
        await until(pilot, lambda: isinstance(fresh.app.screen, HomeScreen))
    assert not fresh.app.config.path.exists()


async def test_another_cluster_is_added_from_the_palette_and_the_others_stay(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ssh").write_text("Host hai juwels\n")
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "ssh"))
    app = stage.app
    async with app.run_test(size=(80, 24)) as pilot:
        await loaded(stage, pilot)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: app.screen.query("CommandInput"))
        await pilot.press(*"add a cluster")
        await until(pilot, lambda: app.screen.query_one(OptionList).option_count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        assert "No cluster is configured" not in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ClusterScreen))
        await pilot.press("enter")
        await until(pilot, lambda: app.cluster_name == "juwels", "hai is configured, so juwels was the first")
        assert set(app.config.clusters) == {LOCAL, "hai", "juwels"}, "hai stands in no file here"


async def test_who_has_a_cluster_is_not_asked(stage: Stage) -> None:
    async with stage.app.run_test(size=(80, 24)) as pilot:
        await loaded(stage, pilot)
        await pilot.pause(0.1)
        assert isinstance(stage.app.screen, HomeScreen)


def test_names_are_tidy_and_free() -> None:
    assert table_name("login.hai.edu", ()) == "login-hai-edu"
    assert table_name("hai", ("hai", "hai-2")) == "hai-3"
    assert table_name("...", ()) == "cluster"


@pytest.mark.parametrize(
    ("before", "values"),
    [("[clusters.hai]\n", {}), ("[clusters.hai\n", {}), ("", {"root": "relative"}), ("", {"partition": 'a"\nx = 1'})],
)
def test_a_file_that_would_be_wrong_is_not_written(tmp_path: Path, before: str, values: Mapping[str, object]) -> None:
    path = tmp_path / "config.toml"
    path.write_text(before)
    with pytest.raises(ConfigError):
        add_cluster(path, "hai", {"host": "hai", **values})
    assert path.read_text() == before
