"""Symbols, each one cell wide, with an ASCII twin for terminals that cannot show them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from websight_tui.projection.model import Verdict
from websight_tui.runs.state import Link, Phase

_UNICODE: Final[Mapping[str, str]] = {
    Verdict.FITS: "✓",
    Verdict.TIGHT: "≈",
    Verdict.WILL_NOT_FIT: "✗",
    Verdict.TOO_EARLY: "…",
    Phase.SUBMITTING: "↑",
    Phase.UNKNOWN: "?",
    Phase.REJECTED: "⊘",
    Phase.PENDING: "○",
    Phase.STARTING: "◔",
    Phase.TRAINING: "●",
    Phase.EVALUATING: "◆",
    Phase.SAVING: "▼",
    Phase.STOPPING: "◑",
    Phase.FINISHED: "✓",
    Phase.STOPPED: "■",
    Phase.TIMEOUT: "◷",
    Phase.CANCELLED: "×",
    Phase.FAILED: "✗",
    Link.OFFLINE: "○",
    Link.CONNECTING: "◔",
    Link.ONLINE: "●",
    Link.RECONNECTING: "◔",
    Link.NEEDS_LOGIN: "?",
    Link.FAILED: "✗",
    "bar": "━",
    "rest": "─",
    "half": "╸",
    "bar over": "▄",
    "bar under": "▀",
    "rest over": "▁",
    "arrow": "→",
    "times": "×",
    "dot": "·",
    "dash": "–",
    "about": "≈",
    "evaluation": "◆",
    "line": "━",
    "point": "●",
    "run0": "●",
    "run1": "■",
    "run2": "▲",
    "run3": "◆",
    "run4": "▼",
    "dots": "⠒",
    "checkpoint": "▲",
    "warning": "!",
    "mark": "●",
    "limit": "│",
    "beyond": "▶",
    "stderr": "▎",
    "more": "…",
    "cut": "…",
    "goes on": "↳",
}
_ASCII: Final[Mapping[str, str]] = {
    Verdict.FITS: "+",
    Verdict.TIGHT: "~",
    Verdict.WILL_NOT_FIT: "X",
    Verdict.TOO_EARLY: ".",
    Phase.SUBMITTING: "^",
    Phase.UNKNOWN: "?",
    Phase.REJECTED: "!",
    Phase.PENDING: "o",
    Phase.STARTING: ".",
    Phase.TRAINING: "*",
    Phase.EVALUATING: "e",
    Phase.SAVING: "s",
    Phase.STOPPING: "-",
    Phase.FINISHED: "+",
    Phase.STOPPED: "#",
    Phase.TIMEOUT: "T",
    Phase.CANCELLED: "x",
    Phase.FAILED: "X",
    Link.OFFLINE: "o",
    Link.CONNECTING: ".",
    Link.ONLINE: "*",
    Link.RECONNECTING: ".",
    Link.NEEDS_LOGIN: "?",
    Link.FAILED: "X",
    "bar": "=",
    "rest": "-",
    "half": ">",
    "bar over": "=",
    "bar under": "=",
    "rest over": "-",
    "arrow": "->",
    "times": "x",
    "dot": "|",
    "dash": "-",
    "about": "~",
    "evaluation": "o",
    "line": "-",
    "point": "o",
    "run0": "a",
    "run1": "b",
    "run2": "c",
    "run3": "d",
    "run4": "e",
    "dots": ".",
    "checkpoint": "^",
    "warning": "!",
    "mark": "*",
    "limit": "|",
    "beyond": ">",
    "stderr": "|",
    "more": ">",
    "cut": "~",
    "goes on": ">",
}


def ascii_only(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal is likely to show only ASCII: the Linux console, or a locale that is not UTF-8.

    `WEBSIGHT_TUI_ASCII` set to 1 or 0 decides it.
    """
    if (choice := environment.get("WEBSIGHT_TUI_ASCII")) in ("0", "1"):
        return choice == "1"
    if environment.get("TERM") == "linux":
        return True
    locale = next((v for k in ("LC_ALL", "LC_CTYPE", "LANG") if (v := environment.get(k))), "").lower()
    return locale in ("c", "posix") or ("." in locale and "utf" not in locale)


class _Choice:
    """Which symbols this process shows; the terminal's own until `use` says otherwise."""

    ascii = ascii_only()


def use(symbols: str) -> None:
    """Takes "unicode" or "ascii"; "auto" looks at the terminal and the locale."""
    _Choice.ascii = ascii_only() if symbols == "auto" else symbols == "ascii"


def plain_ascii() -> bool:
    """Whether only ASCII is shown."""
    return _Choice.ascii


def glyph(name: str) -> str:
    """The symbol of a verdict, phase, link or mark."""
    return (_ASCII if _Choice.ascii else _UNICODE)[name]
