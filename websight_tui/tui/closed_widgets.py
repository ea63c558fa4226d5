"""Lets go of what Textual keeps of widgets that are gone."""

from __future__ import annotations

from typing import Final

from textual._styles_cache import StylesCache

EVERY_S: Final = 60.0


def forget() -> None:
    """Empties the cache of a method through which Textual holds a thousand closed widgets' drawings.

    `StylesCache.get_inner_outer` is cached by its arguments, the first of which is the widget's own cache with each
    line that it drew: tens of megabytes in a day of opening screens. What it computes are two colours.
    """
    StylesCache.get_inner_outer.cache_clear()
