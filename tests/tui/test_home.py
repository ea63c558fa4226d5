"""The home screen: who gets which rows, what stands in large letters, what empty lists say, keys and mouse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import NOW, FakePlanner, config
from websight_tui.projection.model import Verdict
from websight_tui.runs import events as e
from websight_tui.runs.state import Link
from websight_tui.tui import headlines
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.home_layout import heights
from websight_tui.tui.palette import Palette
from websight_tui.tui.screens.launch import LaunchScreen
from websight_tui.tui.screens.run import RunScreen
from websight_tui.tui.screens.too_small import TooSmallScreen
from websight_tui.tui.widgets.big_text import big_text
from websight_tui.tui.widgets.key_line import Key, KeyLine, lines_of
from websight_tui.tui.widgets.table import KeyedTable

few = st.integers(0, 40)


@given(rows=st.integers(18, 120), presets=st.integers(1, 20), runs=few, jobs=few)
def test_all_rows_are_given_and_no_list_disappears(rows: int, presets: int, runs: int, jobs: int) -> None:
    h = heights(rows, presets=presets, runs=runs, jobs=jobs)
    assert h.hero + h.presets + h.runs + h.queue + h.lower == rows
    assert min(h.presets - 1, h.runs, h.queue) >= 3
    if h.lower:
        assert h.presets >= min(presets + 3, 9), "curves come after the lists"
        assert h.runs >= min(runs, 4) + 2
        assert h.queue >= min(jobs, 3) + 2


def test_lists_are_as_high_as_what_they_hold() -> None:
    h = heights(34, presets=6, runs=4, jobs=3)
    assert (h.presets, h.runs, h.queue, h.lower) == (9, 6, 5, 9)
    h = heights(58, presets=6, runs=4, jobs=3)
    assert (h.hero, h.presets, h.runs, h.queue, h.lower) == (7, 9, 6, 5, 31)


def test_the_verdict_grows_with_the_room() -> None:
    forecast = FakePlanner().forecast(config().clusters["hai"], config().presets["baseline"])
    head = headlines.of_preset(forecast, Palette())
    assert forecast.verdict is Verdict.WILL_NOT_FIT
    bar = f" {glyph(Verdict.WILL_NOT_FIT)} WILL NOT FIT"
    for width, height, at, begin in (
        (116, 3, 0, "█   █ █ "),
        (196, 5, 0, "██      ██"),
        (78, 3, 1, bar),  # letters would cut the figures off
        (50, 3, 0, bar),
    ):
        lines = head.text(width, height, Palette()).plain.split("\n")
        assert lines[at].startswith(begin)
        assert len(lines) == height
        assert "estimate" in "\n".join(lines)
    assert all(len(line) <= 78 for line in head.text(78, 3, Palette()).plain.split("\n"))


def test_every_state_can_be_written_in_large_letters() -> None:
    from websight_tui.runs.state import Phase

    for word in (*Verdict, *Phase, *Link, "no runs yet", "queue empty", "no answer", "asking", "no forecast"):
        assert big_text(word), word
        assert big_text(word, ascii_only=True), word


async def test_what_is_chosen_stands_in_the_title(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        await loaded(stage, pilot)
        await until(pilot, lambda: "Forecast of rank32" in screen_text(stage.app))
        await until(pilot, lambda: "Presets against the limit" in screen_text(stage.app))
        assert "Loss of rank32" in screen_text(stage.app)
        await pilot.press("tab", "j")
        await until(pilot, lambda: "Run batch6" in screen_text(stage.app))
        await until(pilot, lambda: "Loss of batch6" in screen_text(stage.app))


async def test_links_are_told_in_large_letters_with_the_next_step(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "c.toml", busy=False)
    async with stage.app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: "No runs yet" in screen_text(stage.app))
        assert stage.engine is not None
        await pilot.press("tab", "tab")
        await until(pilot, lambda: "not connected to hai" in screen_text(stage.app))
        for event, said in (
            (e.LinkChanged("hai", Link.CONNECTING, NOW), "connecting to hai"),
            (e.LinkChanged("hai", Link.CONNECTING, NOW, stage="exchanging keys", done=3, total=8), f"…  {'━' * 6}─"),
            (e.LinkChanged("hai", Link.CONNECTING, NOW, stage="looking up hai"), "looking up hai"),
            (e.LinkChanged("hai", Link.FAILED, NOW, error="no route to hai"), "s connects"),
            (e.LinkChanged("hai", Link.ONLINE, NOW), "asking Slurm on hai"),
            (e.SchedulerTrouble("hai", "slurmctld is away", NOW), "slurmctld is away"),
            (e.QueueSeen("hai", (), NOW), "No job of yours waits or runs"),
        ):
            stage.engine.tell(event)
            await until(pilot, lambda said=said: said in screen_text(stage.app), said)


async def test_a_click_chooses_and_two_open(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        await loaded(stage, pilot)
        table = stage.app.screen.query_one("#runs", KeyedTable)
        await pilot.click("#runs", offset=(5, 2))
        await until(pilot, lambda: str(table.key).startswith("batch6"))
        await pilot.click("#runs", offset=(5, 2))
        await pilot.pause()
        assert len(stage.app.screen_stack) == 1, "two clicks far apart are no double click"
        await pilot.double_click("#runs", offset=(5, 2))
        await until(pilot, lambda: isinstance(stage.app.screen, RunScreen))
        assert isinstance(stage.app.screen, RunScreen)
        assert stage.app.screen.run_id.startswith("batch6")


async def test_the_line_of_keys_can_be_clicked_and_shows_all_on_a_key(stage: Stage) -> None:
    async with stage.app.run_test(size=(80, 24)) as pilot:
        await loaded(stage, pilot)
        await pilot.press("tab")
        line = stage.app.screen.query_one(KeyLine)
        await until(pilot, lambda: line.size.height == 1)
        assert "Theme" not in [key.text for row in line.shown for key in row]
        await pilot.press("full_stop")
        await until(pilot, lambda: line.size.height > 1)
        assert "Theme" in [key.text for row in line.shown for key in row]
        await pilot.press("full_stop", "1")
        await until(pilot, lambda: line.size.height == 1)
        await pilot.click(KeyLine, offset=(3, 0))
        await until(pilot, lambda: isinstance(stage.app.screen, LaunchScreen))


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 36)])
async def test_all_keys_take_their_rows_from_the_panes(stage: Stage, size: tuple[int, int]) -> None:
    async with stage.app.run_test(size=size) as pilot:
        await loaded(stage, pilot)
        screen = stage.app.screen
        line, body = screen.query_one(KeyLine), screen.query_one("#body")
        lists = [screen.query_one(f"#{name}") for name in ("presets", "runs", "queue")]

        def whole() -> bool:
            return line.size.height == len(line.shown) and body.region.height == sum(o.region.height for o in lists)

        await until(pilot, whole)
        await pilot.press("tab", "full_stop")
        await until(pilot, lambda: len(line.shown) > 1 and whole(), "all keys and every pane are whole")
        await pilot.press("full_stop")
        await until(pilot, lambda: len(line.shown) == 1 and whole(), "and again")


def test_keys_that_do_not_fit_give_way_to_help_and_quit() -> None:
    keys = [Key(c, c, f"action {c}", wanted=c in "yz") for c in "abcdefyz"]
    last, more = [Key("q", "q", "Quit")], Key(".", ".", "more")
    assert lines_of(keys, last, more, 200, all_keys=False) == [[*keys, *last]]
    [line] = lines_of(keys, last, more, 50, all_keys=False)
    assert [key.press for key in line] == ["y", "z", "q", "."]
    lines = lines_of(keys, last, more, 50, all_keys=True)
    assert [key for row in lines for key in row] == [*keys, *last, more]
    assert all(sum(key.width + 2 for key in row) <= 50 for row in lines)


@pytest.mark.parametrize(("size", "words"), [((60, 16), "the screens need 70"), ((30, 3), "fits")])
async def test_a_pane_too_small_still_tells_how_the_run_is(stage: Stage, size: tuple[int, int], words: str) -> None:
    async with stage.app.run_test(size=size) as pilot:
        await loaded(stage, pilot)
        await until(pilot, lambda: isinstance(stage.app.screen, TooSmallScreen))
        await until(pilot, lambda: words in screen_text(stage.app))
        assert "fits  rank32" in screen_text(stage.app)


def test_a_preset_without_a_forecast_says_how_to_get_one() -> None:
    forecast = FakePlanner().forecast(config().clusters["hai"], config().presets["rank32"])
    assert "probe" in headlines.of_preset(replace(forecast, seconds=None), Palette()).text(100, 3, Palette()).plain
    assert "cannot be planned" in headlines.of_preset(None, Palette()).text(100, 3, Palette()).plain
