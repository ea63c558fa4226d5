"""What is shown already costs nothing to show again."""

from __future__ import annotations

import pytest
from rich.text import Text
from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import Static

from tests.tui.conftest import Stage, loaded, until
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.widgets.still import entitle


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who asked to be drawn anew."""
    asked: list[str] = []
    refresh = Widget.refresh

    def noted(self: Widget, *regions: object, **how: object) -> Widget:
        asked.append(str(self))
        return refresh(self, *regions, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Widget, "refresh", noted)
    return asked


async def test_an_equal_title_draws_nothing(drawn: list[str]) -> None:
    class Framed(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("inside")

    app = Framed()
    async with app.run_test() as pilot:
        await pilot.pause()
        box = app.query_one(Static)
        for title, subtitle in (("[b]job[/b] 7", Text("2 lines", "bold")), ("", "")):
            entitle(box, title, subtitle)
            drawn.clear()
            entitle(box, title, subtitle)
            entitle(box)
            assert not drawn
        entitle(box, "[b]job[/b] 7")
        assert box.border_title is not None
        assert "job" in box.border_title
        assert drawn
        drawn.clear()
        entitle(box, Text("[b]job[/b] 7", "red"))
        assert drawn, "the same words in another colour"


@pytest.mark.parametrize("opened", [False, True])
async def test_a_screen_that_is_as_it_was_draws_nothing(stage: Stage, drawn: list[str], opened: bool) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        await loaded(stage, pilot)
        if opened:
            stage.app.open_run("rank32-261123-140212-9f3a")
            await until(pilot, lambda: stage.app.screen.query("#main"), "the run is open")
        await pilot.pause(0.6)  # a chart is drawn twice a second at most
        screen = stage.app.screen
        assert isinstance(screen, StateScreen)
        screen.update_view()
        await pilot.pause()
        drawn.clear()
        screen.update_view()
        assert not drawn


async def test_one_next_piece_is_waited_for_however_often_it_is_asked(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        await loaded(stage, pilot)
        screen, done = stage.app.screen, []
        assert isinstance(screen, StateScreen)
        for number in range(20):
            screen.go_on(lambda number=number: done.append(number))  # type: ignore[misc]
        await until(pilot, lambda: done)
        await pilot.pause(0.05)
        assert done == [19]
