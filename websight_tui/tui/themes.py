"""The app's own themes; all of Textual's can be chosen as well."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from textual.theme import Theme

_CURSOR: Final = {
    "block-cursor-text-style": "none",
    "block-cursor-blurred-text-style": "none",
}

THEMES: Final[tuple[Theme, ...]] = (
    Theme(
        name="websight-dark",
        primary="#5cc2e0",
        secondary="#3a7f96",
        accent="#5cc2e0",
        success="#63c174",
        warning="#e8b04a",
        error="#f5838a",
        foreground="#dfe5ea",
        background="#0f1418",
        surface="#0f1418",
        panel="#1e2428",
        variables=_CURSOR
        | {
            "block-cursor-background": "#1d3d4b",
            "block-cursor-foreground": "#ffffff",
            "block-cursor-blurred-background": "#1e2428",
            "block-cursor-blurred-foreground": "#dfe5ea",
            "border": "#5cc2e0",
            "border-blurred": "#33414b",
            "input-selection-background": "#5cc2e0 35%",
        },
    ),
    Theme(
        name="websight-light",
        primary="#0b6e8f",
        secondary="#4d97ad",
        accent="#0b6e8f",
        success="#196f2e",
        warning="#8f5a00",
        error="#b3202c",
        foreground="#1b2328",
        background="#fbfcfc",
        surface="#fbfcfc",
        panel="#ebeeef",
        dark=False,
        variables=_CURSOR
        | {
            "block-cursor-background": "#d8edf2",
            "block-cursor-foreground": "#0b2530",
            "block-cursor-blurred-background": "#ebeeef",
            "block-cursor-blurred-foreground": "#1b2328",
            "border": "#0b6e8f",
            "border-blurred": "#b9c4ca",
        },
    ),
    Theme(
        name="websight-contrast",
        primary="#00e5ff",
        secondary="#00b8d4",
        accent="#00e5ff",
        success="#00ff5f",
        warning="#ffd400",
        error="#ff5c5c",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#1c1c1c",
        variables=_CURSOR
        | {
            "block-cursor-background": "#ffffff",
            "block-cursor-foreground": "#000000",
            "block-cursor-blurred-background": "#3a3a3a",
            "block-cursor-blurred-foreground": "#ffffff",
            "border": "#ffffff",
            "border-blurred": "#8a8a8a",
        },
    ),
    Theme(
        # sky blue and yellow of the Okabe-Ito palette, and an orange bright enough to be read
        name="websight-colour-blind",
        primary="#e6e1d5",
        secondary="#9a968d",
        accent="#e6e1d5",
        success="#56b4e9",
        warning="#f0e442",
        error="#f58849",
        foreground="#e2e2e2",
        background="#121314",
        surface="#121314",
        panel="#222426",
        variables=_CURSOR
        | {
            "block-cursor-background": "#34383d",
            "block-cursor-foreground": "#ffffff",
            "block-cursor-blurred-background": "#222426",
            "block-cursor-blurred-foreground": "#e2e2e2",
            "border": "#e6e1d5",
            "border-blurred": "#45484c",
        },
    ),
    Theme(
        # no hue at all: states are told by their symbol and word, the cursor by inversion
        name="websight-mono",
        primary="#ffffff",
        secondary="#b0b0b0",
        accent="#ffffff",
        success="#f2f2f2",
        warning="#d0d0d0",
        error="#ffffff",
        foreground="#e4e4e4",
        background="#000000",
        surface="#000000",
        panel="#1c1c1c",
        variables=_CURSOR
        | {
            "block-cursor-background": "#e4e4e4",
            "block-cursor-foreground": "#000000",
            "block-cursor-blurred-background": "#303030",
            "block-cursor-blurred-foreground": "#e4e4e4",
            "border": "#ffffff",
            "border-blurred": "#6c6c6c",
        },
    ),
)
DEFAULT_THEME: Final = "websight-dark"


def few_colours(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal is taken to have 16 colours, by the names that rich goes by.

    The Linux console, and `xterm` or `screen` without `-256color` where COLORTERM does not say more.
    """
    if environment.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return False
    terminal = environment.get("TERM", "").strip().lower()
    return bool(terminal) and terminal.rpartition("-")[2] not in ("256color", "kitty")


def automatic(environment: Mapping[str, str] = os.environ) -> str:
    """The theme that the terminal can show best.

    NO_COLOR (https://no-color.org) asks for none; 16 colours are enough for high contrast alone; COLORFGBG ends with
    the number of the background's colour, where a terminal says it.
    """
    if environment.get("NO_COLOR"):
        return "websight-mono"
    if few_colours(environment):
        return "websight-contrast"
    back = environment.get("COLORFGBG", "").rpartition(";")[2]
    return "websight-light" if back in ("7", "15") else DEFAULT_THEME
