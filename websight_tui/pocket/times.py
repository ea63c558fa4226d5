"""Slurm's ways to write times: limits, durations, points in time, and the cluster's own clock.

Formats as documented in sbatch(1) (--time, --begin) and squeue(1) (SLURM_TIME_FORMAT); the examples in the tests are
recorded from Slurm 22.05.
"""

from __future__ import annotations

import re
import time
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

UNLIMITED = -1
"""A time limit without end, in minutes."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The cluster's time: `cluster0 + factor × (real now − real0)`.

    Args:
        real0: Unix s at which the clock was set.
        cluster0: what it showed then, in Unix s.
        factor: cluster seconds a real second (1 on a real cluster).
    """

    real0: float
    cluster0: float
    factor: float = 1.0

    def now(self) -> float:
        """The cluster's Unix time."""
        return self.at(time.time())

    def at(self, real: float) -> float:
        """The cluster's Unix time at a real one."""
        return self.cluster0 + self.factor * (real - self.real0)

    def real_delay(self, cluster_time: float) -> float:
        """Real seconds from now until the cluster's clock shows `cluster_time` (0 if it has passed)."""
        return max(0.0, (cluster_time - self.now()) / self.factor)


def parse_limit(text: str) -> int:
    """Minutes of a --time value, seconds rounded up; UNLIMITED for "UNLIMITED", "INFINITE", "-1" and "0".

    Raises: ValueError.
    """
    if text.upper() in ("UNLIMITED", "INFINITE", "-1"):
        return UNLIMITED
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", text)
    if not match:
        raise ValueError(text)
    days, first, second, third = (int(part) if part is not None else None for part in match.groups())
    if days is not None:  # days-hours[:minutes[:seconds]]
        seconds = days * 86400 + (first or 0) * 3600 + (second or 0) * 60 + (third or 0)
    elif third is not None:  # hours:minutes:seconds
        seconds = (first or 0) * 3600 + (second or 0) * 60 + third
    else:  # minutes[:seconds]
        seconds = (first or 0) * 60 + (second or 0)
    return -(-seconds // 60) or UNLIMITED


def short_duration(seconds: float) -> str:
    """As squeue prints it: "9:59", "1:30:00", "1-02:04:00"; "INVALID" below 0."""
    total = int(seconds)
    if total < 0:
        return "INVALID"
    days, rest = divmod(total, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    if days:
        return f"{days}-{hours:02}:{minutes:02}:{secs:02}"
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def long_duration(seconds: float) -> str:
    """As sacct and scontrol print it: "00:05:00", "1-02:04:00"."""
    days, rest = divmod(max(0, int(seconds)), 86400)
    text = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}-{text}" if days else text


def zone_of(environment: Mapping[str, str]) -> tzinfo | None:
    """The caller's time zone from TZ; None for the machine's own."""
    name = environment.get("TZ", "").lstrip(":")
    if not name:
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def stamp(moment: float, environment: Mapping[str, str]) -> str:
    """A point in time as the caller wants it: SLURM_TIME_FORMAT (a strftime format) in the zone TZ, else ISO."""
    wanted = environment.get("SLURM_TIME_FORMAT", "")
    if wanted in ("", "standard", "relative"):
        wanted = "%Y-%m-%dT%H:%M:%S"
    local = datetime.fromtimestamp(int(moment), tz=UTC).astimezone(zone_of(environment))
    return local.strftime(wanted.replace("%s", str(int(moment))))


_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


def parse_moment(text: str, now: float, environment: Mapping[str, str]) -> float:
    """Unix s of a --begin, -S or -E value: now[+-]N[units], HH:MM[:SS], YYYY-MM-DD[THH:MM[:SS]], MMDD[YY], words.

    Raises: ValueError.
    """
    zone = zone_of(environment)
    here = datetime.fromtimestamp(now, tz=UTC).astimezone(zone)
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    word = text.strip().lower()
    words = {
        "now": here,
        "today": midnight,
        "midnight": midnight + timedelta(days=1),
        "noon": midnight.replace(hour=12),
        "tomorrow": midnight + timedelta(days=1),
    }
    if word in words:
        return words[word].timestamp()
    if match := re.fullmatch(r"now([+-])(\d+)([a-z]*)", word):
        unit = match[3]
        size = next((s for name, s in _UNITS.items() if unit and f"{name}s".startswith(unit)), 1 if not unit else 0)
        if not size:
            raise ValueError(text)
        return now + (int(match[2]) if match[1] == "+" else -int(match[2])) * size
    if match := re.fullmatch(r"uts(\d+)", word):
        return float(match[1])
    if match := re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", word):
        moment = midnight.replace(hour=int(match[1]), minute=int(match[2]), second=int(match[3] or 0))
        return moment.timestamp()
    if match := re.fullmatch(r"(\d{1,2})[/.]?(\d{2})(?:[/.]?(\d{2}))?", word):
        year = 2000 + int(match[3]) if match[3] else here.year
        return midnight.replace(year=year, month=int(match[1]), day=int(match[2])).timestamp()
    return datetime.fromisoformat(text.strip()).replace(tzinfo=here.tzinfo if zone is None else zone).timestamp()
