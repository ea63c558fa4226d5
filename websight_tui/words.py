"""Figures as people read them: durations, sizes, counts. One place, so that every screen and command agrees."""

from __future__ import annotations

import datetime
import math
import re
from typing import Final


def duration(seconds: float | None) -> str:
    """ "8 h 05 min", "12 min", "45 s", "2 d 03 h"; "–" if unknown."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    sign, total = ("-" if seconds < -0.5 else ""), round(abs(seconds))
    if total < 60:
        return f"{sign}{total} s"
    minutes = round(total / 60)
    if minutes < 60:
        return f"{sign}{minutes} min"
    if minutes < 48 * 60:
        return f"{sign}{minutes // 60} h {minutes % 60:02} min"
    hours = round(total / 3600)
    return f"{sign}{hours // 24} d {hours % 24:02} h"


def clock(seconds: float | None) -> str:
    """ "1:02:03", "4:05"; "–" if unknown. For figures that tick."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    total = int(abs(seconds))
    sign = "-" if seconds < 0 and total else ""
    hours, minutes, rest = total // 3600, total // 60 % 60, total % 60
    return f"{sign}{hours}:{minutes:02}:{rest:02}" if hours else f"{sign}{minutes}:{rest:02}"


def age(seconds: float | None) -> str:
    """ "now", "7 s ago", "3 min ago"; "never" if unknown."""
    if seconds is None:
        return "never"
    return "now" if seconds < 2 else f"{duration(seconds)} ago"


def size(count: float | None) -> str:
    """Bytes with decimal units, as `ls --si` and disk makers count: "349 MB"; "–" if unknown."""
    if count is None or not math.isfinite(count):
        return "–"
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(value) < 999.5 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or abs(value) >= 9.95 else f"{value:.1f} {unit}"


def count(number: float | None) -> str:
    """ "87.3 M", "19,456"; "–" if unknown."""
    if number is None or not math.isfinite(number):
        return "–"
    if abs(number) >= 999_950_000:
        return f"{number / 1e9:.2f} B"
    if abs(number) >= 1_000_000:
        return f"{number / 1e6:.1f} M"
    return f"{number:,.0f}"


def time_of_day(epoch: float | None, now: float) -> str:
    """Local wall-clock time: "18:05", "Tue 03:10", "12 Dec 03:10"; "–" if unknown."""
    if epoch is None:
        return "–"
    then, today = datetime.datetime.fromtimestamp(epoch), datetime.datetime.fromtimestamp(now)
    days = abs((then.date() - today.date()).days)
    return then.strftime("%H:%M" if days == 0 else "%a %H:%M" if days < 7 else "%-d %b %H:%M")


def sentences(*parts: str) -> str:
    """Texts one after the other, each with its full stop; empty ones are left out."""
    return " ".join(part if part[-1] in ".!?)" else f"{part}." for part in parts if part)


UNSHOWABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
"""Controls but tab and newline, invisible and bidirectional marks, halves of characters (bytes that are no UTF-8)."""


def showable(text: str) -> str:
    """`text` with everything that is not text written out: safe on a terminal, tabs and line ends kept."""
    return UNSHOWABLE.sub(lambda found: ascii(found[0])[1:-1], text)
