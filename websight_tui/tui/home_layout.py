"""How high the panes of the home screen are: as high as what they hold, and the rest shows curves. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_BORDER: Final = 2
_LEAST_LIST: Final = 1 + _BORDER
_LEAST_LOWER: Final = 8
_FACTS: Final = 18
"""Lines of a preset's details beside the lists."""
ROOMY: Final = 50
"""Rows from which on the verdict is written in letters five rows high."""


@dataclass(frozen=True, slots=True)
class Heights:
    """Rows of each pane, borders included; 0 hides it. `presets + runs + queue + lower + hero` is all there is."""

    hero: int
    presets: int
    runs: int
    queue: int
    lower: int

    @property
    def framed(self) -> bool:
        """Whether there is room for a border around the verdict."""
        return self.hero > 3


def heights(rows: int, *, presets: int, runs: int, jobs: int) -> Heights:
    """Shares `rows` out.

    Args:
        rows: between status line and keys.
        presets, runs, jobs: lines in the lists.
    """
    hero = 3 if rows < 26 else 5 + _BORDER if rows >= ROOMY else 3 + _BORDER
    body = rows - hero
    top = min(presets + 1 + _BORDER, max(_LEAST_LIST + 1, body // 2))
    wants = [max(2, runs) + _BORDER, max(2, jobs) + _BORDER]
    # long lists scroll before the curves go: some lines of each are enough
    lists = [min(wants[0], max(4, body * 18 // 100) + _BORDER), min(wants[1], max(3, body * 12 // 100) + _BORDER)]
    lower = body - max(top + sum(lists), _FACTS + _BORDER)
    if lower < _LEAST_LOWER:
        return Heights(hero, top, *_lists_alone(body - top, wants), 0)
    for index in (0, 1):  # where curves would get more than half, longer lists come first
        lists[index] += max(0, min(body // 2 - top - sum(lists), wants[index] - lists[index]))
    lists[0] += max(0, _FACTS + _BORDER - top - sum(lists))
    return Heights(hero, top, lists[0], lists[1], body - top - sum(lists))


def _lists_alone(free: int, wants: list[int]) -> tuple[int, int]:
    """Rows of runs and queue; where there are too few both give way, the queue down to a fair share."""
    runs = max(_LEAST_LIST, free - wants[1])
    if runs < wants[0]:
        runs = max(runs, min(wants[0], free - max(_LEAST_LIST, free * 2 // 5)))
    return runs, free - runs
