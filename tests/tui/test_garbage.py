"""When the app collects garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from websight_tui.tui import garbage
from websight_tui.tui.garbage import AFTER_S, EVERY_S, LATEST_S, Garbage


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
