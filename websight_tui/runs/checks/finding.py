"""One thing that was found out about a cluster or a launch."""

from __future__ import annotations

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


def ok(check: str, message: str, hint: str = "") -> Finding:
    return Finding("ok", check, message, hint)


def warn(check: str, message: str, hint: str = "") -> Finding:
    return Finding("warn", check, message, hint)


def fail(check: str, message: str, hint: str = "") -> Finding:
    return Finding("fail", check, message, hint)


def skip(check: str, message: str, hint: str = "") -> Finding:
    return Finding("skip", check, message, hint)
