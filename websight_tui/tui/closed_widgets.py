"""Lets go of what is kept of screens and widgets that are gone."""

from __future__ import annotations

import gc
from typing import Final

from textual._styles_cache import StylesCache

AFTER_S: Final = 1.0
"""Seconds after a screen was closed: its own end is over by then, and whoever pressed a key has seen what it did."""
EVERY_S: Final = 60.0


def forget() -> None:
    """Empties the cache of a method through which Textual holds a thousand closed widgets' drawings.

    `StylesCache.get_inner_outer` is cached by its arguments, the first of which is the widget's own cache with each
    line that it drew: tens of megabytes in a day of opening screens. What it computes are two colours.
    """
    StylesCache.get_inner_outer.cache_clear()


def let_go() -> None:
    """Frees what a closed screen held, ten thousand objects in cycles.

    Left to Python, the garbage of several screens lies in memory at once, and the room for it is never given back.
    """
    forget()
    gc.collect()
