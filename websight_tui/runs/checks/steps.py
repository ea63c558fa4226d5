"""How far a check is, step by step, out of all that it has told so far. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from websight_tui.runs.checks.finding import Doing, Finding, Level

Stand = Level | Literal["waiting", "running"]

PREFLIGHT: Final = ("trainer", "setup", "environment", "model", "data", "storage", "output")
"""What the pre-flight of a launch looks at, in this order; `setup` are the cluster's own lines."""

Told = tuple[float, Doing | Finding]
"""When something was told, in seconds of any clock, and what."""
_GRAVEST_FIRST: Final = ("fail", "warn", "ok", "skip")


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Args:
        stand: "waiting", "running", or the gravest level of what it has found.
        words: what is done while it runs, then the gravest finding; "" where its name says enough.
        seconds: that it took, or has taken so far; None before it has begun.
        done, total, in_bytes: as in Doing, while it runs.
    """

    name: str
    stand: Stand = "waiting"
    words: str = ""
    seconds: float | None = None
    done: int = 0
    total: int = 0
    in_bytes: bool = False


def add(told: list[Told], at: float, item: Doing | Finding) -> None:
    """Adds what was told; of a step that goes on, only its beginning and the newest words are kept."""
    if told and isinstance(item, Doing) and isinstance(last := told[-1][1], Doing) and last.check == item.check:
        told[-1] = (told[-1][0], item)
    else:
        told.append((at, item))


def steps_of(told: Sequence[Told], names: Sequence[str], now: float) -> list[Step]:
    """The steps `names` and those that were told beside them, in their order.

    Args:
        told: oldest first. A step ends when the next one begins.
        now: by the same clock.
    """
    begun: dict[str, float] = {}
    last: Doing | None = None
    ended: dict[str, float] = {}
    for at, item in told:
        if isinstance(item, Doing):
            if last is not None and last.check != item.check:
                ended[last.check] = at
            begun.setdefault(item.check, at)
            last = item
    found = [item for _, item in told if isinstance(item, Finding)]
    known = dict.fromkeys((*names, *begun, *(finding.check for finding in found)))
    steps = []
    for name in known:
        since = begun.get(name)
        if last is not None and last.check == name and since is not None:
            steps.append(Step(name, "running", last.words, max(0.0, now - since), last.done, last.total, last.in_bytes))
            continue
        mine = sorted((f for f in found if f.check == name), key=lambda f: _GRAVEST_FIRST.index(f.level))
        stand: Stand = mine[0].level if mine else "ok" if since is not None else "waiting"
        took = None if since is None else max(0.0, ended.get(name, now) - since)
        steps.append(Step(name, stand, mine[0].message if mine else "", took))
    return steps
