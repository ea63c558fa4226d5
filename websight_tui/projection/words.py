"""Durations and counts in words, the same everywhere."""

from __future__ import annotations

import math


def duration(seconds: float) -> str:
    """ "41 s", "12 min", "3 h 05 min", "2 d 4 h": as exact as a person needs. Negative values are written as 0 s."""
    if not math.isfinite(seconds):
        return "unknown"
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(round(whole / 3600), 24)
    return f"{days} d {hours} h"


def pace(seconds: float) -> str:
    """ "2.35 s a step", "310 ms a step"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms a step"
    return f"{seconds:.3g} s a step" if seconds < 1000 else f"{duration(seconds)} a step"


def count(number: int, what: str) -> str:
    """ "1 run", "3 runs"."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")
