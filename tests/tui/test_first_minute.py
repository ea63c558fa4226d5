"""From nothing configured to a checked cluster: the hosts that are known, a few choices, a table in config.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import NOW, FakeEngine
from websight_tui.config import LOCAL
from websight_tui.errors import ConfigError
from websight_tui.remote.ssh_config import CONFIG_VARIABLE
from websight_tui.runs import events as e
from websight_tui.runs.checks.finding import Doing, fail, ok, warn
from websight_tui.runs.exploring import FolderOffer, PartitionOffer, SiteOffer
from websight_tui.runs.state import Link
from websight_tui.tui.cluster_file import add_cluster, table_name
from websight_tui.tui.first_minute import DEMO, ask_where
from websight_tui.tui.screens.ask import AskScreen
from websight_tui.tui.screens.home import HomeScreen
from websight_tui.tui.screens.welcome import WelcomeScreen


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """An app that knows no cluster, on a machine whose SSH configuration knows two hosts."""
    (tmp_path / "ssh").write_text("Host hai\nHost login.juwels.de\n")
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "ssh"))
    stage = Stage(tmp_path / "config.toml", busy=False)
    stage.app.config = replace(stage.app.config, clusters={LOCAL: stage.app.config.clusters[LOCAL]})
    stage.app.cluster_name = LOCAL
    return stage


OFFER = SiteOffer(
    ("ingrai", "demo"),
    (
        PartitionOffer("hai", 4, "nvidia_a100_80gb", 4 * 3600, 12, 3, default=True, accounts=("ingrai",)),
        PartitionOffer("open", 0, "", None, 2, 2),
    ),
    (FolderOffer("/scratch/alice", "SCRATCH", 3_200_000_000_000), FolderOffer("/home/alice", "HOME", None)),
    ("/home/alice/venv/bin/python",),
)


async def online(stage: Stage, pilot: Pilot[None], name: str) -> FakeEngine:
    """The chosen host answers."""
    engine = stage.engine
    assert engine is not None
    await until(pilot, lambda: ("connect", name) in engine.calls)
    engine.tell(e.LinkChanged(name, Link.ONLINE, NOW, f"alice@{name}"))
    await until(pilot, lambda: ("explore", name) in engine.calls)
    return engine


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_host_becomes_a_checked_cluster_with_enter_alone(fresh: Stage, size: tuple[int, int]) -> None:
    app = fresh.app
    path = app.config.path
    path.write_text("# mine\n[ui]\nbell = true")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        await until(pilot, lambda: "login.juwels.de" in screen_text(app))
        await pilot.press("j", "enter")
        engine = await online(fresh, pilot, "login-juwels-de")
        order = [call for call in engine.calls if call[0] in ("configure", "connect", "explore")]
        assert order[-3:] == [
            ("configure", (LOCAL, "login-juwels-de")),
            ("connect", "login-juwels-de"),
            ("explore", "login-juwels-de"),
        ], "the engine knows it before it connects"
        engine.tell(e.SiteSeen("login-juwels-de", OFFER, "", NOW))
        for question, answer in (("account", "ingrai"), ("partition", "hai"), ("folder", "/scratch/alice")):
            await until(pilot, lambda q=question: f"{q:<11} which one?" in screen_text(app), question)
            assert answer in screen_text(app)
            await pilot.press("enter")
        await until(pilot, lambda: engine.plans)
        assert "which one" not in screen_text(app), "one Python has LLaMA-Factory: nothing to ask"
        run_id = engine.plans[0].spec.run_id
        engine.tell(e.CheckMade(run_id, ok("slurm", "23.11"), NOW), e.CheckMade("another", ok("files", "old"), NOW))
        await until(pilot, lambda: "1 of 12 checks" in screen_text(app))
        engine.tell(e.CheckMoved(run_id, Doing("data", "opening images", 850, 2_050), NOW - 7))
        engine.tell(e.CheckMoved("another", Doing("files"), NOW))
        await until(pilot, lambda: "1 of 12 checks  data, 7 s  850 of 2,050" in screen_text(app))
        engine.tell(e.CheckMade(run_id, warn("disk", "nearly full", "Tidy up."), NOW), e.CheckMade(run_id, None, NOW))
        await until(pilot, lambda: "ready for a launch" in screen_text(app))
        assert "Tidy up." in screen_text(app)
        assert path.read_text() == "# mine\n[ui]\nbell = true", "nothing is written before the person says so"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert app.cluster_name == "login-juwels-de"
    text = path.read_text()
    assert text.startswith("# mine\n[ui]\nbell = true\n")
    assert tomllib.loads(text)["clusters"]["login-juwels-de"] == {
        "host": "login.juwels.de",
        "account": "ingrai",
        "partition": "hai",
        "root": "/scratch/alice/websight-v2",
        "python": "/home/alice/venv/bin/python",
        "gpus_per_node": 4,
        "gpu": "A100",
        "time_limit": "4:00:00",
    }


async def test_answers_can_be_typed_taken_back_and_left(fresh: Stage) -> None:
    app = fresh.app
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        await pilot.press("enter")
        engine = await online(fresh, pilot, "hai")
        engine.tell(e.SiteSeen("hai", OFFER, "", NOW))
        await until(pilot, lambda: "account     which one?" in screen_text(app))
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press(*"no spaces")
        await until(pilot, lambda: "account: expected a name" in screen_text(app))
        for _ in " spaces":
            await pilot.press("backspace")
        await pilot.press("enter")
        await until(pilot, lambda: "folder      which one?" in screen_text(app), "one is open to account 'no'")
        await pilot.press("backspace")
        await until(pilot, lambda: "account     which one?" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        await until(pilot, lambda: ("disconnect", "hai") in engine.calls)
        assert set(app.config.clusters) == {LOCAL}
        assert app.cluster_name == LOCAL
    assert not app.config.path.exists()


async def test_what_goes_wrong_is_said_with_the_next_step(fresh: Stage) -> None:
    app = fresh.app
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        await pilot.press("enter")
        engine = fresh.engine
        assert engine is not None
        await until(pilot, lambda: ("connect", "hai") in engine.calls)
        engine.tell(e.LinkChanged("hai", Link.FAILED, NOW, error="no route to hai. Is the VPN up?"))
        await until(pilot, lambda: "Is the VPN up?" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: engine.calls.count(("connect", "hai")) == 2)
        engine.tell(e.LinkChanged("hai", Link.ONLINE, NOW))
        await until(pilot, lambda: ("explore", "hai") in engine.calls)
        engine.tell(e.SiteSeen("hai", None, "Slurm's commands are not there. Is this a login node?", NOW))
        await until(pilot, lambda: "Is this a login node?" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: engine.calls.count(("explore", "hai")) == 2)
        engine.tell(e.SiteSeen("hai", SiteOffer(), "", NOW))
        await until(pilot, lambda: engine.plans, "a site that offers nothing is checked as it is")
        run_id = engine.plans[0].spec.run_id
        engine.tell(e.CheckMade(run_id, fail("data", "no data", "Prepare it."), NOW), e.CheckMade(run_id, None, NOW))
        await until(pilot, lambda: "1 check failed" in screen_text(app))
        assert "Prepare it." in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
    assert tomllib.loads(app.config.path.read_text()) == {"clusters": {"hai": {"host": "hai"}}}


async def test_this_machine_is_set_up_like_a_host(fresh: Stage) -> None:
    app = fresh.app
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        await pilot.press("end", "k", "enter")
        engine = await online(fresh, pilot, LOCAL)
        offer = replace(OFFER, accounts=(), pythons=(), folders=(), partitions=OFFER.partitions[1:])
        engine.tell(e.SiteSeen(LOCAL, offer, "", NOW))
        await until(pilot, lambda: engine.plans)
        assert engine.plans[0].spec.preset.name == "tiny", "there is no GPU"
        engine.tell(e.CheckMade(engine.plans[0].spec.run_id, None, NOW))
        await until(pilot, lambda: "ready for a launch" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
    table = tomllib.loads(app.config.path.read_text())["clusters"]["local"]
    assert table == {"transport": "local", "partition": "open", "gpus_per_node": 0}


async def test_the_demo_is_one_key_away_and_escape_leads_home(fresh: Stage) -> None:
    async with fresh.app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(fresh.app.screen, WelcomeScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(fresh.app.screen, HomeScreen))
        ask_where(fresh.app)
        await until(pilot, lambda: isinstance(fresh.app.screen, WelcomeScreen))
        await pilot.press("end", "enter")
        await pilot.pause()
    assert fresh.app.wanted == DEMO
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
        await online(stage, pilot, "juwels")
        assert set(app.config.clusters) == {LOCAL, "hai", "juwels"}, "hai stands in no file here"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen), "who has a cluster is not asked again")
        assert app.cluster_name == "hai"


async def test_another_cluster_is_added_from_the_list_of_clusters(stage: Stage) -> None:
    async with stage.app.run_test(size=(80, 24)) as pilot:
        await loaded(stage, pilot)
        await pilot.press("s", "end", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, WelcomeScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(stage.app.screen, HomeScreen))
        assert stage.app.cluster_name == "hai"


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
