"""What a check tells: what it is about, and each thing that it has found out about a cluster or a launch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["ok", "warn", "fail", "skip"]
LEVELS: Final[tuple[Level, ...]] = ("ok", "warn", "fail", "skip")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found out.

    Args:
        level: "fail" stops a launch, "warn" is worth a look, "ok" is said for the record, "skip" was not looked at.
        check: one word or two that say what was looked at ("host key", "account", "data").
        message: one sentence without its full stop, in plain words; safe to show.
        hint: what to do about it ("" if nothing).
    """

    level: Level
    check: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Doing:
    """What a check is about now, told when it begins and as it goes on.

    Args:
        check: as in Finding.
        words: what of it, safe to show; "" if its name says enough.
        done, total: how far that is; total is 0 where it is not known.
        in_bytes: whether they are bytes.
    """

    check: str
    words: str = ""
    done: int = 0
    total: int = 0
    in_bytes: bool = False


Tell = Callable[[Doing | Finding], None]
"""Takes what a check tells, at once, from the thread that checks."""


def to_nobody(_: Doing | Finding) -> None:
    """A Tell for when nobody listens."""


def ok(check: str, message: str, hint: str = "") -> Finding:
    return Finding("ok", check, message, hint)


def warn(check: str, message: str, hint: str = "") -> Finding:
    return Finding("warn", check, message, hint)


def fail(check: str, message: str, hint: str = "") -> Finding:
    return Finding("fail", check, message, hint)


def skip(check: str, message: str, hint: str = "") -> Finding:
    return Finding("skip", check, message, hint)
