"""When garbage is collected: while nobody waits for a frame.

A look through all objects takes 30 ms beside a queue of 20,000 jobs. Left to Python it comes whenever enough was made,
which is between a key and its frame as often as not; and of screens that were closed it leaves several in memory at
once, ten thousand objects each, and the room for them is never given back.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Final

from textual._styles_cache import StylesCache

AFTER_S: Final = 1.0
"""Seconds after a screen was closed: its own end is over by then, and whoever pressed a key has seen what it did."""
EVERY_S: Final = 60.0
QUIET_S: Final = 0.5
"""Seconds without a key or the mouse after which nobody waits for a frame."""
LATEST_S: Final = 30.0
"""Seconds for which a person who never rests can put it off."""
_NEVER: Final = 1_000_000_000


class Garbage:
    """Collects when that is due and the person rests.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._touched = clock()
        self._due = self._touched + EVERY_S

    def touched(self) -> None:
        """A key was pressed, or the mouse was used."""
        self._touched = self._clock()

    def closed(self) -> None:
        """A screen was closed."""
        self._due = min(self._due, self._clock() + AFTER_S)

    def tick(self) -> None:
        """To be called about once a second."""
        now = self._clock()
        if now >= self._due and (now - self._touched >= QUIET_S or now >= self._due + LATEST_S):
            self._due = now + EVERY_S
            collect()


def take_over() -> None:
    """From now on Python looks through what is new alone, and `Garbage` through the rest.

    To be called once the history is loaded: what the start has made stays to the end and is never looked through, which
    would take 29 to 78 ms.
    """
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _NEVER)
    gc.enable()


def collect() -> None:
    """Frees what closed screens and widgets held.

    `StylesCache.get_inner_outer` is cached by its arguments, the first of which is the widget's own cache with each
    line that it drew: tens of megabytes in a day of opening screens. What it computes are two colours.
    """
    StylesCache.get_inner_outer.cache_clear()
    gc.collect()
