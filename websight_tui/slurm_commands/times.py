"""Slurm's times and durations, both ways."""

from __future__ import annotations

import calendar
import re
from datetime import datetime
from typing import Final

# nine digits are 31 years of seconds; endless ones would overflow wherever times are added
_DURATION: Final = re.compile(r"(?:(?P<days>\d{1,9})-)?(?P<rest>\d{1,9}(?::\d{1,9}){0,2})(?:\.\d{1,9})?", re.ASCII)


def parse_duration(text: str) -> int | None:
    """Seconds of a Slurm duration, by the grammar of sbatch's --time (squeue and sacct print a part of it).

    "90" minutes · "9:59" M:SS · "1:30:00" H:MM:SS · "1-2" days-hours · "1-02:04" · "1-02:04:00". None for UNLIMITED,
    INVALID, N/A, NOT_SET, Partition_Limit and anything else.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        return None
    parts = [int(part) for part in match["rest"].split(":")]
    if match["days"] is not None:
        hours, minutes, seconds = (*parts, 0, 0)[:3]
        return ((int(match["days"]) * 24 + hours) * 60 + minutes) * 60 + seconds
    if len(parts) == 1:
        return parts[0] * 60
    if len(parts) == 2:
        return parts[0] * 60 + parts[1]
    return (parts[0] * 60 + parts[1]) * 60 + parts[2]


def format_duration(seconds: float) -> str:
    """`seconds` as sbatch and scontrol take it: "H:MM:SS", "D-HH:MM:SS" from a day on."""
    whole = max(0, int(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days}-{hour:02}:{minute:02}:{second:02}" if days else f"{hour}:{minute:02}:{second:02}"


def parse_time(text: str) -> float | None:
    """Unix seconds of a time that Slurm printed under SLURM_TIME_FORMAT=%s; None for N/A, Unknown, None and "".

    A time in ISO form (a Slurm that ignores the variable) has no zone; it is read as UTC, which can be wrong by the
    cluster's offset but keeps order and differences.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        value = int(text[:20])
        return float(value) if 0 < value < 1 << 40 else None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else float(calendar.timegm(moment.timetuple()))
