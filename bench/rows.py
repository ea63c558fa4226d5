"""One line of the benchmark table, and the table as text."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from bench.tables import markdown_table

ABSENT = "not installed here"
DEAD = "does not start here"


@dataclass(frozen=True)
class Row:
    """One thing measured.

    Args:
        what: in words, with the sizes of the three columns ("20,000 jobs: key → frame, p99").
        figures: with their units, at 1×, 10× and 100×; fewer where it has no sizes.
        against: the floor or peer of the same run, with its figure; "" where the goal is absolute.
        ratio: ours over theirs; None where the goal is absolute.
        goal: in words; "" if none is set.
        met: whether the goal is reached; None if none is set.
    """

    what: str
    figures: Sequence[str]
    against: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None


def table(rows: Sequence[Row]) -> str:
    """All rows as a Markdown table."""
    head = ["what", "1×", "10×", "100×", "against", "ratio", "goal"]
    body = []
    for row in rows:
        figures = [*row.figures, "", "", ""][:3]
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}×"
        mark = {True: " ✓", False: " ✗", None: ""}[row.met]
        body.append([row.what, *figures, row.against, ratio, f"{row.goal}{mark}"])
    return markdown_table(head, body)


def as_json(row: Row) -> str:
    return json.dumps(asdict(row), ensure_ascii=False)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: of 100 values the 99th is the second largest, of fewer the largest."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds < 0.1 else f"{1000 * seconds:.0f} ms"


def against(name: str, ours: float, theirs: Sequence[float], *, absent: str = ABSENT) -> tuple[str, float | None]:
    """(the peer with its median in seconds, our ratio to it); where it was not measured, why: `absent`."""
    if not theirs:
        return f"{name}: {absent}", None
    return f"{name}: {median(theirs):.2f} s", ours / median(theirs)
