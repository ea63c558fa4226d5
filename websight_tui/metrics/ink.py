"""Colours of a job's output (ECMA-48's SGR) as the few that can be shown in any theme and do no harm.

Of 16, 256 or 16 million colours the hue is kept: the theme decides how red its red is, so nothing can be written in the
background's colour. Backgrounds, blinking, concealed and reversed text are not taken over.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

_HUES: Final = ("grey", "red", "green", "yellow", "blue", "magenta", "cyan", "")
"""Of the eight first colours; black is shown as grey, and white is the text's own colour."""
_WHEEL: Final = ("red", "yellow", "green", "cyan", "blue", "magenta")
_PALE: Final = 0.25
_CUBE: Final = (0, 95, 135, 175, 215, 255)


class Ink(NamedTuple):
    """How a piece of text looks; `hue` is "" (the text's own), "grey", "red", "green", "yellow", "blue", …"""

    hue: str = ""
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False


class Span(NamedTuple):
    """The characters from `start` to before `end` of a line, in `ink`."""

    start: int
    end: int
    ink: Ink


PLAIN: Final = Ink()


@lru_cache(maxsize=1024)
def changed(ink: Ink, parameters: str) -> Ink:
    """`ink` after the SGR sequence with these parameters ("1;31", "38;5;208", "38:2::255:0:0", "")."""
    if parameters[:1] in ("<", "=", ">", "?"):  # private sequences, not SGR
        return ink
    codes = [_codes(part) for part in parameters.split(";")]
    at = 0
    while at < len(codes):
        code, *inner = codes[at]
        at += 1
        if code in (38, 48, 58):  # an extended colour: its figures follow after ":", or as codes of their own
            if not inner:
                kind = codes[at][0] if at < len(codes) else 0
                count = {5: 2, 2: 4}.get(kind, 1)
                inner = [part[0] for part in codes[at : at + count]]
                at += count
            elif inner[0] == 2 and len(inner) > 4:
                inner = [2, *inner[-3:]]  # the colour space
            if code == 38:
                ink = ink._replace(hue=_extended(inner))
        else:
            ink = _simple(ink, code, inner)
    return ink


def _codes(part: str) -> list[int]:
    return [int(figure[:4]) if figure[:4].isdigit() else 0 for figure in part.split(":")]


def _simple(ink: Ink, code: int, inner: Sequence[int]) -> Ink:
    match code:
        case 0:
            return PLAIN
        case 1:
            return ink._replace(bold=True)
        case 2:
            return ink._replace(dim=True)
        case 3:
            return ink._replace(italic=True)
        case 4:
            return ink._replace(underline=inner[:1] != [0])
        case 22:
            return ink._replace(bold=False, dim=False)
        case 23:
            return ink._replace(italic=False)
        case 24:
            return ink._replace(underline=False)
        case 39:
            return ink._replace(hue="")
    if 30 <= code <= 37:
        return ink._replace(hue=_HUES[code - 30])
    return ink._replace(hue=_HUES[code - 90]) if 90 <= code <= 97 else ink


def _extended(figures: Sequence[int]) -> str:
    match figures:
        case [5, number] if number < 16:
            return _HUES[number % 8]
        case [5, number] if number < 232:
            cube = number - 16
            return _hue(_CUBE[cube // 36], _CUBE[cube // 6 % 6], _CUBE[cube % 6])
        case [5, number]:
            return "grey" if number < 248 else ""
        case [2, red, green, blue]:
            return _hue(red, green, blue)
    return ""


def _hue(red: int, green: int, blue: int) -> str:
    hue, light, saturation = colorsys.rgb_to_hls(*(min(255, part) / 255 for part in (red, green, blue)))
    if saturation < _PALE or not 0.08 < light < 0.92:
        return "" if light > 0.6 else "grey"
    return _WHEEL[round(hue * 6) % 6]


MOST_SPANS: Final = 64
"""Pieces of one line that are kept in their inks; what comes after them is plain."""


def painted(spans: Sequence[Span], start: int, end: int, ink: Ink) -> tuple[Span, ...]:
    """`spans` of a line after the characters from `start` to before `end` were written in `ink`."""
    if start >= end:
        return tuple(spans)
    kept = []
    for span in spans:
        if span.start < start:
            kept.append(span._replace(end=min(span.end, start)))
        if span.end > end:
            kept.append(span._replace(start=max(span.start, end)))
    if ink != PLAIN and len(kept) < MOST_SPANS:
        kept.append(Span(start, end, ink))
    joined: list[Span] = []
    for span in sorted(kept):
        if joined and joined[-1].end == span.start and joined[-1].ink == span.ink:
            joined[-1] = joined[-1]._replace(end=span.end)
        else:
            joined.append(span)
    return tuple(joined)
