"""Messages never lie over anything: they take the place of the keys, and rows of their own where they are long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input
from textual.widgets._toast import Toast, ToastRack

from tests.tui.conftest import Stage, loaded, until
from tests.tui.fakes import NOW
from websight_tui.remote.port import Prompt
from websight_tui.runs import events as e
from websight_tui.tui.messages import Question
from websight_tui.tui.screens.home import HomeScreen
from websight_tui.tui.screens.launch import LaunchScreen
from websight_tui.tui.screens.prompt import PromptScreen
from websight_tui.tui.widgets.key_line import KeyLine

if TYPE_CHECKING:
    from textual.geometry import Region
    from textual.screen import Screen

SIZES = ((70, 20), (80, 24), (120, 36), (200, 60))
LONG = "The history could not be written: the disk is full. " * 4


def rack_of(screen: Screen[object]) -> Region:
    return screen.query_one(ToastRack).region


@pytest.mark.parametrize("size", SIZES)
async def test_an_upload_stays_in_sight_under_messages(stage: Stage, size: tuple[int, int]) -> None:
    async with stage.app.run_test(size=size, notifications=True) as pilot:
        engine = await loaded(stage, pilot)
        await pilot.press("2", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, LaunchScreen) and stage.app.screen._plan)
        screen = stage.app.screen
        assert isinstance(screen, LaunchScreen)
        assert screen._plan is not None
        await pilot.press("enter")
        spec = screen._plan.spec
        engine.tell(e.SubmitBegan(spec, NOW), e.SubmitProgress(spec.run_id, "uploading the trainer", 1, 2))
        outcome = screen.query_one("#outcome")
        await until(pilot, lambda: outcome.region.height, "progress is shown")
        rows = outcome.region.height
        for _ in range(3):
            stage.app.tell(LONG)
        await until(pilot, lambda: rack_of(screen).height > 1, "messages are shown")
        assert outcome.region.height == rows
        assert not outcome.region.overlaps(rack_of(screen))
        assert outcome.region.bottom <= size[1]


@pytest.mark.parametrize("size", SIZES)
async def test_a_question_stays_in_sight_under_messages(stage: Stage, size: tuple[int, int]) -> None:
    async with stage.app.run_test(size=size, notifications=True) as pilot:
        await loaded(stage, pilot)
        asked = Question("Login to hai", "Two factors are needed.\n" * 9, (Prompt("Password: "), Prompt("Code: ")))
        screen = PromptScreen(asked)
        stage.app.push_screen(screen)
        stage.app.tell(LONG)
        await until(pilot, lambda: rack_of(screen).height > 1, "the message is shown")
        for field in screen.query(Input):
            assert field.region.height
            assert not field.region.overlaps(rack_of(screen))
            assert screen.region.contains_region(field.region)


@pytest.mark.parametrize("size", SIZES)
async def test_a_short_message_stands_where_the_keys_were(stage: Stage, size: tuple[int, int]) -> None:
    async with stage.app.run_test(size=size, notifications=True) as pilot:
        await loaded(stage, pilot)
        screen = stage.app.screen
        assert isinstance(screen, HomeScreen)
        await pilot.pause()
        before = {pane.id: pane.region for pane in screen.query("#hero, #presets, #runs, #queue, #details, #lower")}
        stage.app.notify("Saved", timeout=60)
        await until(pilot, lambda: rack_of(screen).height == 1 and not screen.query_one(KeyLine).display)
        await pilot.pause()
        assert {
            pane.id: pane.region for pane in screen.query("#hero, #presets, #runs, #queue, #details, #lower")
        } == before
        await pilot.click(Toast)
        await until(pilot, lambda: screen.query_one(KeyLine).display, "the keys are back")
        assert not screen.query_one(ToastRack).display


async def test_keys_are_back_on_a_screen_whose_messages_ended_under_another(stage: Stage) -> None:
    async with stage.app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(stage, pilot)
        home = stage.app.screen
        stage.app.notify("Saved", timeout=60)
        await until(pilot, lambda: not home.query_one(KeyLine).display)
        await pilot.press("2", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, LaunchScreen) and rack_of(stage.app.screen).height)
        await pilot.click(Toast)
        await until(pilot, lambda: not stage.app.has_messages)
        await pilot.press("escape")
        await until(pilot, lambda: stage.app.screen is home and home.query_one(KeyLine).display)
