"""How the app calls and looks: sequences, the settings screen, config.toml with its comments, and taking it back."""

from __future__ import annotations

import stat
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import NOW
from websight_tui.errors import ConfigError
from websight_tui.presets import BUILT_IN, make_preset
from websight_tui.runs import events as e
from websight_tui.runs.attention import News
from websight_tui.tui import glyphs
from websight_tui.tui.notify import TerminalNotifier, desktop, sequence_for
from websight_tui.tui.screens.ask import AskScreen
from websight_tui.tui.screens.home import HomeScreen
from websight_tui.tui.screens.settings import SettingsScreen
from websight_tui.tui.ui_file import put_preset, remove_preset, set_ui
from websight_tui.ui_settings import Ui

ITEM = News("r", "hai", "end", "failed", "rank32: failed; really", "out of\x07 memory\x1b[2J")
RANK32 = BUILT_IN[0]


def test_quiet_by_default_and_each_way_when_wished() -> None:
    written: list[str] = []
    notifier = TerminalNotifier(written.append, lambda: Ui(), environment={})
    notifier.tell(ITEM)
    assert written == []
    notifier.set_title("x\x07\x1b]0;evil\x07")
    assert written[0].count("\x1b") == 2, "only its own beginning and end"
    TerminalNotifier(written.append, lambda: Ui(title=False), environment={}).set_title("y")
    assert len(written) == 1
    TerminalNotifier(written.append, lambda: Ui(bell=True, desktop="osc9"), environment={}).tell(ITEM)
    assert written[1] == "\a"
    assert written[2] == "\x1b]9;rank32: failed; really: out of memory\x1b\\"


@pytest.mark.parametrize(
    ("environment", "begin"),
    [
        ({}, "\x1b]9;"),
        ({"TERM": "xterm-kitty"}, "\x1b]99;i=websight:d=0;rank32"),
        ({"TERM": "foot"}, "\x1b]777;notify;rank32: failed, really;"),
        ({"VTE_VERSION": "7000"}, "\x1b]777;notify;"),
        ({"TERM_PROGRAM": "iTerm.app", "VTE_VERSION": "1"}, "\x1b]9;"),
        ({"TMUX": "/tmp/tmux"}, "\x1bPtmux;\x1b\x1b]9;"),
    ],
)
def test_the_terminal_decides_the_sequence(environment: dict[str, str], begin: str) -> None:
    said = desktop("auto", ITEM.title, ITEM.body, environment)
    assert said.startswith(begin)
    assert "[2J" not in said
    assert "\x07" not in said
    assert sequence_for(environment) in ("osc9", "osc99", "osc777")


def test_tmux_gets_each_sequence_whole() -> None:
    said = desktop("osc99", "t", "b", {"TMUX": "x"})
    assert said.count("\x1bPtmux;") == 2
    assert said.count("\x1b\x1b]99;") == 2
    assert said.endswith("\x1b\x1b\\\x1b\\"), "the inner end is doubled, the outer is not"


TEXT = """# mine
[clusters.hai] # the big one
host = "hai"

[presets.mine]
base = "rank32"   # half the rank
lora_rank = 24

[ui]
theme = "nord"  # I like it
"""


def test_a_setting_changes_alone_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    edit = set_ui(path, "bell", True)
    assert path.read_text() == TEXT + "bell = true\n"
    set_ui(path, "webhook", "https://ntfy.sh/x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, "the address may be all that is needed to use it"
    with pytest.raises(ConfigError, match="has been changed since"):
        edit.undone()
    with pytest.raises(ConfigError, match="expected one of"):
        set_ui(path, "desktop", "loud")
    new = tmp_path / "new" / "config.toml"
    assert set_ui(new, "bell", True).undone().after == ""
    assert new.read_text() == ""


def test_presets_are_removed_replaced_and_brought_back(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TEXT + '\n[presets.other]\nbase = "mine"\n')
    with pytest.raises(ConfigError, match="base"):
        remove_preset(path, "mine")
    assert "presets.mine" in path.read_text(), "another is made from it: nothing was written"
    path.write_text(TEXT)
    edit = remove_preset(path, "mine")
    assert "mine]" not in path.read_text()
    assert "# the big one" in path.read_text()
    edit.undone()
    assert path.read_text() == TEXT
    mine = make_preset("mine", {"lora_rank": 12}, RANK32)
    edit = put_preset(path, mine, mine, {p.name: p for p in BUILT_IN})
    assert tomllib.loads(path.read_text())["presets"]["mine"] == {"base": "rank32", "lora_rank": 12}
    edit.undone()
    assert path.read_text() == TEXT
    with pytest.raises(ConfigError, match="is not in"):
        remove_preset(path, "rank32")


async def test_settings_are_tried_kept_and_taken_back(stage: Stage) -> None:
    app, path = stage.app, stage.app.config.path
    path.write_text("# mine\n")
    async with app.run_test(size=(100, 30)) as pilot:
        await loaded(stage, pilot)
        await pilot.press("comma")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await pilot.press("enter")
        await until(pilot, lambda: app.config.ui.theme == "websight-dark")
        await pilot.press("enter")
        await until(pilot, lambda: app.theme == "websight-light")
        await pilot.press("u")
        await until(pilot, lambda: app.theme == "websight-dark")
        await pilot.press("j", "space", "space")
        await until(pilot, lambda: "+--" in screen_text(app).replace("+- ", "+--"), "ASCII borders")
        assert "─" not in screen_text(app)
        await pilot.press("space")
        await until(pilot, lambda: "╭─" in screen_text(app))
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: app.config.ui.bell)
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        app.screen.query_one(Input).value = "https://ntfy.sh/s3cret"
        await pilot.press("enter")
        await until(pilot, lambda: "https://ntfy.sh/…" in screen_text(app))
        assert "s3cret" not in screen_text(app)
        await pilot.press("j", "enter")
        await until(pilot, lambda: [item.kind for item in stage.told] == ["test"])
        assert {"hai", "local"} == set(app.config.clusters), "what stands in no file stays"
    assert path.read_text().startswith("# mine\n")
    assert tomllib.loads(path.read_text())["ui"]["webhook"] == "https://ntfy.sh/s3cret"
    glyphs.use("auto")


async def test_a_preset_of_ones_own_is_removed_and_brought_back(stage: Stage) -> None:
    app = stage.app
    app.config.path.write_text('[presets.mine]\nbase = "rank16"\n')
    mine = make_preset("mine", {}, BUILT_IN[1])
    app.config = replace(app.config, presets={**app.config.presets, "mine": mine})
    async with app.run_test(size=(120, 36)) as pilot:
        await loaded(stage, pilot)
        assert "Undo" not in screen_text(app), "there is nothing yet"
        await pilot.press("1", "x")
        assert "rank32" in app.config.presets, "a built-in one stays"
        await pilot.press("7", "x")
        await until(pilot, lambda: "mine" not in app.config.presets)
        await until(pilot, lambda: any("u undoes it" in note.message for note in app._notifications))
        assert "mine" not in app.config.path.read_text()
        await until(pilot, lambda: "u Undo" in screen_text(app))
        await pilot.press("u")
        await until(pilot, lambda: "mine" in app.config.presets)
        assert app.config.path.read_text() == '[presets.mine]\nbase = "rank16"\n'
        assert app.undoable is None


async def test_an_ended_run_is_hidden_and_comes_back(stage: Stage) -> None:
    app, run_id = stage.app, "rank16-261122-091500-77de"
    async with app.run_test(size=(120, 36)) as pilot:
        engine = await loaded(stage, pilot)
        await pilot.press("tab", "x")
        assert not any(call[0] == "hide" for call in engine.calls), "a run under way stays"
        await pilot.press("j", "j", "x")
        await until(pilot, lambda: ("hide", run_id) in engine.calls)
        engine.tell(e.RunHidden(run_id, NOW))
        await until(pilot, lambda: run_id not in app.state.runs)
        await pilot.press("u")
        await until(pilot, lambda: ("unhide", run_id) in engine.calls)


async def test_saving_under_its_own_name_changes_a_preset(stage: Stage) -> None:
    app = stage.app
    app.config.path.write_text('[presets.mine]\nbase = "rank16"\n')
    app.config = replace(app.config, presets={**app.config.presets, "mine": make_preset("mine", {}, BUILT_IN[1])})
    async with app.run_test(size=(120, 36)) as pilot:
        await loaded(stage, pilot)
        await pilot.press("7", "e")
        await until(pilot, lambda: app.screen.query("#lora_rank"))
        app.screen.query_one("#lora_rank", Input).value = "12"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        app.screen.query_one(Input).value = "rank32"
        await until(pilot, lambda: "is built in" in screen_text(app))
        app.screen.query_one(Input).value = "mine"
        await until(pilot, lambda: "Enter use it" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.config.presets["mine"].lora_rank == 12)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("u")
        await until(pilot, lambda: app.config.presets["mine"].lora_rank == 16)


async def test_the_palette_opens_the_settings(stage: Stage) -> None:
    async with stage.app.run_test(size=(80, 24)) as pilot:
        await loaded(stage, pilot)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: stage.app.screen.query("CommandInput"))
        await pilot.press(*"settings")
        await until(pilot, lambda: stage.app.screen.query_one(OptionList).option_count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(stage.app.screen, SettingsScreen))
