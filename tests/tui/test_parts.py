"""The parts without a screen: preset file, prompter, verdict words, glyphs, columns that fit, notifications."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from textwrap import wrap

import pytest

from tests.tui.conftest import Stage, loaded, until
from tests.tui.fakes import NOW, FakeEngine, job, running
from websight_tui.config import parse_config
from websight_tui.errors import ConfigError
from websight_tui.presets import BUILT_IN, FIELD_TYPES, make_preset
from websight_tui.projection.model import Verdict
from websight_tui.remote.port import HostKey, Prompt
from websight_tui.runs import events as e
from websight_tui.runs.expression import errors
from websight_tui.runs.reduce import reduce
from websight_tui.runs.state import AppState, ClusterView, Link, Phase
from websight_tui.tui import keymap
from websight_tui.tui.app import LEAST_SIZE
from websight_tui.tui.controller import Controller
from websight_tui.tui.glyphs import _ASCII, _UNICODE, ascii_only
from websight_tui.tui.messages import EventsArrived
from websight_tui.tui.palette import Palette, palette_of
from websight_tui.tui.present import left_s
from websight_tui.tui.preset_fields import FIELDS, GROUPS
from websight_tui.tui.preset_file import add_preset, free_name
from websight_tui.tui.prompter import AppPrompter
from websight_tui.tui.run_facts import loss_of_cancel
from websight_tui.tui.saved_rows import saved_rows
from websight_tui.tui.screens.home import HomeScreen
from websight_tui.tui.screens.run import RunScreen
from websight_tui.tui.themes import THEMES
from websight_tui.tui.widgets.big_text import big_text
from websight_tui.tui.widgets.status_bar import line
from websight_tui.tui.widgets.table import Column, fitting
from websight_tui.tui.widgets.verdict import banner

RANK32 = BUILT_IN[0]


def test_a_preset_is_added_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "config.toml"
    mine = make_preset("mine", {"lora_rank": 24, "learning_rate": 3e-5, "use_rslora": False, "mem": "200G"}, RANK32)
    add_preset(path, mine, RANK32)
    add_preset(path, make_preset("mine2", {"seed": 7}, RANK32), RANK32)
    presets = parse_config(path.read_text(), path).presets
    assert presets["mine"] == mine
    assert presets["mine2"].seed == 7


@pytest.mark.parametrize("text", ["[presets.mine]\nseed = 1\n", "not toml ["])
def test_a_taken_name_or_a_damaged_file_loses_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        add_preset(path, make_preset("mine", {"seed": 2}, RANK32), RANK32)
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path], "no temporary file is left"


def test_a_linked_config_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.toml", tmp_path / "config.toml"
    real.write_text("# no line end at the end")
    link.symlink_to(real)
    add_preset(link, make_preset("mine", {"seed": 2}, RANK32), RANK32)
    assert link.is_symlink()
    assert real.read_text().startswith("# no line end at the end\n\n[presets.mine]\n")


def test_free_names_count_up() -> None:
    assert free_name("rank32", {"rank32", "rank32-2"}) == "rank32-3"


def test_an_unanswered_question_is_given_up_after_its_time() -> None:
    asked: list[object] = []
    prompter = AppPrompter(lambda message: bool(asked.append(message) or True), timeout=0.05)
    assert prompter.ask("t", "", [Prompt("Password: ")]) is None
    assert prompter.accept_host_key(HostKey("h", "k", "f")) is False
    assert len(asked) == 2


def test_closing_gives_up_waiting_questions_and_refuses_later_ones() -> None:
    posted = threading.Event()
    prompter = AppPrompter(lambda _: bool(posted.set() or True), timeout=30)
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.append(prompter.ask("t", "", [Prompt("p")])), daemon=True)
    thread.start()
    assert posted.wait(5)
    prompter.close()
    thread.join(5)
    assert answers == [None]
    assert prompter.ask("t", "", [Prompt("p")]) is None


def test_a_burst_of_events_is_one_message() -> None:
    posted: list[object] = []
    controller = Controller(lambda m: bool(posted.append(m) or True), lambda: NOW)
    for i in range(1000):
        controller.emit(e.Notice(str(i), NOW))
    assert [type(m) for m in posted] == [EventsArrived]
    assert [event.message for event in controller.drain() if isinstance(event, e.Notice)] == list(map(str, range(1000)))
    controller.emit(e.Notice("later", NOW))
    assert len(posted) == 2


def test_wishes_reach_the_engine_in_order_and_closing_ends_it() -> None:
    engines: list[FakeEngine] = []

    def factory(emit: object) -> FakeEngine:
        engines.append(FakeEngine(emit))  # type: ignore[arg-type]
        return engines[0]

    controller = Controller(lambda _: True, lambda: NOW)
    controller.start(factory, "hai")
    for i in range(20):
        controller.ask(lambda engine, i=i: engine.focus(str(i)))  # type: ignore[misc]
    controller.close(5)
    assert engines[0].calls == [("connect", "hai"), *(("focus", str(i)) for i in range(20)), ("close",)]


def live(verdict: Verdict = Verdict.FITS) -> object:
    return running(RANK32, "rank32-261123-140212-9f3a", 460, 1110, verdict, "1")


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_verdict_is_said_at_every_size(verdict: Verdict) -> None:
    run = reduce(AppState(), e.RunLoaded(live(verdict))).runs["rank32-261123-140212-9f3a"]  # type: ignore[arg-type]
    small = banner(run, NOW, 60, 1, Palette()).plain
    word = "TOO EARLY" if verdict is Verdict.TOO_EARLY else verdict.value.upper()
    assert word in small
    large = banner(run, NOW, 116, 3, Palette()).plain.split("\n")
    letters = big_text(word)
    assert letters is not None
    assert all(row in text for row, text in zip(letters, large, strict=False))


def test_every_word_of_the_headline_can_be_spelled() -> None:
    for word in (*Verdict, *Phase):
        assert big_text(word.value) is not None, word


def test_a_finished_run_shows_its_end_and_not_its_old_projection() -> None:
    run = live()
    over = replace(run, jobs=(replace(job("1", "TIMEOUT"), final=True),))  # type: ignore[type-var]
    shown = reduce(AppState(), e.RunLoaded(over)).runs["rank32-261123-140212-9f3a"]  # type: ignore[arg-type]
    text = banner(shown, NOW, 80, 1, Palette()).plain
    assert "TIME LIMIT" in text
    assert "finishes" not in text


def test_what_a_cancel_costs_counts_from_the_newest_checkpoint() -> None:
    run = live()
    assert "60 steps since the checkpoint at step 400" in loss_of_cancel(run)  # type: ignore[arg-type]


def test_a_checkpoint_that_was_told_twice_is_one_row() -> None:
    run = live()
    saved = run.log.segments[0].checkpoints  # type: ignore[attr-defined]
    saved.append(replace(saved[-1], bytes=5))
    assert [key for key, _ in saved_rows(run, NOW, Palette())] == ["400", "200"]  # type: ignore[arg-type]


def test_time_left_ticks_between_polls() -> None:
    assert left_s(job("1", started=NOW - 100), NOW + 5) == 8 * 3600 - 105


def test_columns_give_way_by_priority_and_the_flexible_one_takes_the_rest() -> None:
    columns = (Column("a", "", 10, 9, flex=True), Column("b", "", 10, 1), Column("c", "", 5, 5))
    assert fitting(columns, 100) == {"a": 79, "b": 10, "c": 5}
    assert fitting(columns, 25) == {"a": 16, "c": 5}
    assert fitting(columns, 3) == {"a": 10}


def test_the_status_line_keeps_the_banner_at_any_width() -> None:
    view = ClusterView("hai", "alice@hai", Link.ONLINE, queue_at=NOW - 5, calls_per_minute=1.2)
    for width in (60, 80, 200):
        text = line("websight-tui", view, "replay", NOW, width, Palette()).plain
        assert len(text) == width
        assert text.endswith(" replay ")
    assert "1 call/min" in line("websight-tui", view, "", NOW, 120, Palette()).plain


def test_every_glyph_has_an_ascii_twin_and_is_one_cell() -> None:
    from rich.cells import cell_len

    assert _UNICODE.keys() == _ASCII.keys()
    assert all(cell_len(symbol) == 1 for symbol in _UNICODE.values())
    assert all(symbol.isascii() for symbol in _ASCII.values())
    assert ascii_only({"TERM": "linux", "LANG": "de_DE.UTF-8"})
    assert ascii_only({"LANG": "C"})
    assert not ascii_only({"LANG": "en_US.UTF-8", "TERM": "xterm"})


def test_binding_ids_are_unique_and_known() -> None:
    ids = [b.id for group in keymap.GROUPS.values() for b in group]
    assert len(ids) == len(set(ids))
    assert "run.cancel" in keymap.known_ids()


def ratio(one: str, other: str) -> float:
    """Contrast of two colours as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_theme_gives_readable_colours() -> None:
    for theme in THEMES:
        palette = palette_of(theme.to_color_system().generate())
        for name in ("text", "faint", "accent", "good", "warn", "bad"):
            contrast = ratio(palette.back, getattr(palette, name))
            assert contrast >= (4.5 if name != "faint" else 3.0), (theme.name, name, contrast)


def test_errors_are_found_in_logs() -> None:
    assert next(errors(("ok", "Traceback (most recent call last):", "ValueError: x")), None) == 1
    assert next(errors(("ok", "terror", "errorless")), None) is None


def test_every_field_of_a_preset_can_be_edited_and_is_explained_in_two_lines() -> None:
    assert set(FIELDS) == set(FIELD_TYPES) - {"name", "summary"}
    assert len(FIELDS) == sum(len(fields) for fields in GROUPS.values())
    least = LEAST_SIZE[0] - 4
    for field, about in FIELDS.items():
        assert about.isascii(), field
        assert about.endswith("."), field
        assert len(wrap(about, least)) <= 2, field


def test_a_wait_is_said_with_what_it_is_and_for_how_long() -> None:
    def said(state: AppState, now: float) -> str:
        return line("websight-tui", state.clusters["hai"], "", now, 120, Palette()).plain

    state = reduce(AppState(), e.LinkChanged("hai", Link.CONNECTING, NOW, stage="logging in"))
    assert "4 s, logging in" in said(state, NOW + 4)
    state = reduce(state, e.LinkChanged("hai", Link.CONNECTING, NOW + 5, stage="looking at the home folder"))
    assert "7 s, looking at the home folder" in said(state, NOW + 7), "counted from the beginning"
    state = reduce(state, e.LinkChanged("hai", Link.ONLINE, NOW + 8))
    state = reduce(state, e.ActionMoved("hai", "cancel", NOW + 9))
    assert "under way" not in said(state, NOW + 9.2), "half a second is no wait"
    assert "cancel under way, 3 s" in said(state, NOW + 12)
    state = reduce(state, e.ActionMoved("hai", "cancel", NOW + 13, over=True))
    assert "under way" not in said(state, NOW + 20)
    broken = e.LinkChanged("hai", Link.RECONNECTING, NOW + 20, error="The line broke.", again_at=NOW + 32)
    assert "again in 10 s: The line broke." in said(reduce(state, broken), NOW + 22)


async def test_a_screen_that_nobody_sees_costs_nothing(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        await loaded(stage, pilot)
        home, drawn = stage.app.screen, []
        assert isinstance(home, HomeScreen)
        real = home.update_view
        home.update_view = lambda: (drawn.append(1), real())[1]  # type: ignore[method-assign]
        stage.app.open_run("rank32-261123-140212-9f3a")
        await until(pilot, lambda: isinstance(stage.app.screen, RunScreen) and stage.app.screen.is_mounted)
        drawn.clear()
        stage.now += 1
        stage.app._tick()
        await pilot.pause()
        assert drawn == []
        await pilot.press("escape")
        await until(pilot, lambda: drawn, "it is brought up to date when it comes back")
        stage.app.action_help()
        await until(pilot, lambda: stage.app.screen is not home)
        drawn.clear()
        stage.now += 1
        stage.app._tick()
        await until(pilot, lambda: drawn, "under a dialogue it goes on")
