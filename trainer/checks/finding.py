"""What a pre-flight tells: what it is about, and each thing that it has found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found out.

    Args:
        level: "fail" stops the launch, "warn" is worth a look, "ok" is said for the record.
        check: which check it comes from: run, environment, model, data, storage or output.
        message: one sentence.
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
        words: what of it ("websight_train: rows read"); "" at its beginning.
        done, total: how far that is, counted in what the words say; total is 0 where it is not known.
    """

    check: str
    words: str = ""
    done: int = 0
    total: int = 0


Tell = Callable[[Doing | Finding], None]
"""Takes what is told, at once."""


def to_nobody(_: Doing | Finding) -> None:
    """A Tell for when nobody listens."""
