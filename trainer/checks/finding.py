"""One thing that a pre-flight has found out."""

from __future__ import annotations

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
