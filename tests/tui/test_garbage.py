"""What closed screens held is freed, while nobody waits for a frame."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from textual._styles_cache import StylesCache
from textual.screen import Screen
from textual.widget import Widget

from tests.tui.conftest import Stage, loaded, until
from tests.tui.fakes import NOW
from websight_tui.runs import events as e
from websight_tui.tui import garbage
from websight_tui.tui.garbage import AFTER_S, EVERY_S, LATEST_S, Garbage

SIZE = (120, 36)


class Times:
    """A clock by hand, and when garbage was collected by it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.collected: list[float] = []
        self.garbage = Garbage(lambda: self.now)

    def pass_to(self, end: float, *, touching: bool = False) -> None:
        """A tick each second, after a key where the person does not rest."""
        while self.now < end:
            self.now += 1
            if touching:
                self.garbage.touched()
            self.garbage.tick()


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Times:
    made = Times()
    monkeypatch.setattr(garbage, "collect", lambda: made.collected.append(made.now))
    return made


def test_it_is_collected_once_a_minute(times: Times) -> None:
    times.pass_to(3 * EVERY_S)
    assert times.collected == [EVERY_S, 2 * EVERY_S, 3 * EVERY_S]


def test_a_closed_screen_is_freed_soon(times: Times) -> None:
    times.pass_to(10)
    times.garbage.closed()
    times.pass_to(20)
    assert times.collected == [10 + AFTER_S]


def test_nobody_waits_for_it_while_pressing_keys_unless_they_never_rest(times: Times) -> None:
    times.pass_to(EVERY_S + 10, touching=True)
    assert not times.collected
    times.pass_to(EVERY_S + 11)
    assert times.collected == [EVERY_S + 11]
    times.garbage.closed()
    times.pass_to(times.now + 2 * LATEST_S, touching=True)
    assert times.collected[1:] == [EVERY_S + 11 + AFTER_S + LATEST_S]


@pytest.fixture
def as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("as_it_was")
def test_python_no_longer_looks_through_everything_by_itself() -> None:
    gc.disable()
    garbage.take_over()
    assert gc.isenabled()
    before = gc.get_stats()
    kept = [[[number]] for number in range(300_000)]
    young, _, old = (now["collections"] - then["collections"] for now, then in zip(gc.get_stats(), before, strict=True))
    assert (young > 0, old) == (True, 0)
    assert len(kept) == 300_000


async def test_keys_and_the_mouse_put_it_off(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    touches: list[int] = []
    monkeypatch.setattr(Garbage, "touched", lambda _: touches.append(1))
    async with stage.app.run_test(size=SIZE) as pilot:
        await loaded(stage, pilot)
        touches.clear()
        await pilot.press("j")
        await until(pilot, lambda: touches, "a key")
        touches.clear()
        await pilot.hover("#presets")
        await until(pilot, lambda: touches, "the mouse")


async def test_a_closed_screen_is_kept_by_nothing(stage: Stage) -> None:
    kinds = Screen | Widget | StylesCache
    of_other_tests = weakref.WeakSet(one for one in gc.get_objects() if isinstance(one, kinds))
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await loaded(stage, pilot)
        for keys in (("question_mark",), ("d",), ("1", "e"), ("1", "enter"), ("ctrl+p",), ("tab", "enter"), ("o",)):
            await pilot.press(*keys)
            await until(pilot, lambda: len(stage.app.screen_stack) == 2, str(keys))
            await pilot.press("escape")
            await until(pilot, lambda: len(stage.app.screen_stack) == 1, f"left {keys}")
        # Textual lets go of a closed screen's watches when what they watch changes
        engine.tell(e.QueueSeen("hai", (), NOW))
        await until(pilot, lambda: not stage.app.state.clusters["hai"].queue)
        stage.now += 1
        stage.app._tick()
        garbage.collect()
        await pilot.pause()
        gc.collect()
        ours = [one for one in gc.get_objects() if isinstance(one, kinds) and one not in of_other_tests]
        assert not [one for one in ours if isinstance(one, Screen) and not one.is_running]
        drawings = {id(widget._styles_cache) for widget in ours if isinstance(widget, Widget)}
        assert not [one for one in ours if isinstance(one, StylesCache) and id(one) not in drawings]


async def test_what_a_closed_screen_held_is_freed_soon(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "AFTER_S", 0.1)
    monkeypatch.setattr(garbage, "QUIET_S", 0.1)
    async with stage.app.run_test(size=SIZE) as pilot:
        await loaded(stage, pilot)
        gc.disable()  # not by chance
        try:
            await pilot.press("question_mark")
            await until(pilot, lambda: len(stage.app.screen_stack) == 2)
            closed = weakref.ref(stage.app.screen)
            await pilot.press("escape")
            await until(pilot, lambda: closed() is None, "it is gone")
        finally:
            gc.enable()
