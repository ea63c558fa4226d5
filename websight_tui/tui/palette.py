"""The few colours that screens use, by what they mean, taken from the theme.

Restraint is the rule: one accent; green, amber and red for verdicts and ends alone; everything else is text or faint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from textual.color import Color, ColorParseError

from websight_tui.projection.model import Verdict
from websight_tui.runs.state import Link, Phase


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as "#rrggbb", for rich styles."""

    text: str = "#e0e0e0"
    faint: str = "#808080"
    line: str = "#404040"
    trace: str = "#606060"
    accent: str = "#4fb3d9"
    good: str = "#4ebf71"
    warn: str = "#e5a93d"
    bad: str = "#e0576f"
    back: str = "#101418"

    def verdict(self, verdict: Verdict) -> str:
        return {Verdict.FITS: self.good, Verdict.TIGHT: self.warn, Verdict.WILL_NOT_FIT: self.bad}.get(
            verdict, self.faint
        )

    def phase(self, phase: Phase) -> str:
        if phase in _GOOD:
            return self.good
        if phase in _BAD:
            return self.bad
        if phase in _WARN:
            return self.warn
        return self.faint if phase in _QUIET else self.accent

    def hue(self, name: str) -> str:
        """The theme's colour for a hue of a job's output (metrics.ink); legible on the theme's background."""
        named = {"red": self.bad, "green": self.good, "yellow": self.warn, "grey": self.faint}
        return named.get(name, self.accent if name else self.text)

    def link(self, link: Link) -> str:
        if link is Link.ONLINE:
            return self.good
        if link is Link.FAILED:
            return self.bad
        return self.faint if link is Link.OFFLINE else self.warn


_GOOD: Final = frozenset({Phase.FINISHED})
_BAD: Final = frozenset({Phase.FAILED, Phase.REJECTED})
_WARN: Final = frozenset({Phase.UNKNOWN, Phase.TIMEOUT, Phase.STOPPING, Phase.STOPPED})
_QUIET: Final = frozenset({Phase.PENDING, Phase.CANCELLED})


_NAMES: Final = ("background", "foreground", "primary", "success", "warning", "error")


def palette_of(variables: Mapping[str, str]) -> Palette:
    """The palette of a theme's CSS variables (`App.theme_variables`); defaults where one is no plain colour."""
    return _palette(*(variables.get(name, "") for name in _NAMES))


@lru_cache(maxsize=16)
def _palette(background: str, foreground: str, primary: str, success: str, warning: str, error: str) -> Palette:
    plain = Palette()
    back = _colour(background, plain.back)
    text = _colour(foreground, plain.text, back)
    return Palette(
        text=text.hex6,
        faint=_faint(back, text).hex6,
        line=back.blend(text, 0.26, alpha=1).hex6,
        trace=back.blend(text, 0.4, alpha=1).hex6,
        accent=_colour(primary, plain.accent, back).hex6,
        good=_colour(success, plain.good, back).hex6,
        warn=_colour(warning, plain.warn, back).hex6,
        bad=_colour(error, plain.bad, back).hex6,
        back=back.hex6,
    )


LEAST_CONTRAST: Final = 4.5
"""WCAG 2.2, 1.4.3 (AA) for text."""
_FAINT_CONTRAST: Final = 6.2
"""Faint text stands on the panels' slightly other ground, too, and is a step off where there are 256 colours."""


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: Color) -> float:
    parts = (part / 255 for part in (colour.r, colour.g, colour.b))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@lru_cache(maxsize=512)
def readable(colour: str, ground: str, instead: str, colours: str = "truecolor") -> str:
    """`colour` where it can be read on `ground`, else `instead` (all "#rrggbb").

    Args:
        colours: how many the terminal shows, as `rich.console.Console.color_system` names it.
    """
    return colour if contrast(as_shown(colour, colours), as_shown(ground, colours)) >= LEAST_CONTRAST else instead


def as_shown(colour: str, colours: str) -> Color:
    """The nearest colour that a terminal of 256 has, which is the one that rich takes."""
    if colours == "256":
        from rich.color import Color as Ink
        from rich.color import ColorSystem

        return Color.parse(Ink.parse(colour).downgrade(ColorSystem.EIGHT_BIT).get_truecolor().hex)
    return Color.parse(colour)


def _faint(back: Color, text: Color) -> Color:
    """The faintest shade of the text that can still be read."""
    shades = (back.blend(text, share / 50, alpha=1) for share in range(25, 50))
    return next((shade for shade in shades if contrast(shade, back) >= _FAINT_CONTRAST), text)


def _colour(value: str, default: str, over: Color | None = None) -> Color:
    try:
        colour = Color.parse(value or default)
    except ColorParseError:
        colour = Color.parse(default)
    if colour.ansi is not None:  # the terminal's own colours have no figures
        colour = Color.parse(default)
    return over + colour if over is not None and colour.a < 1 else colour
