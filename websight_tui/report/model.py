"""What a report says, before it has a form: HTML, Markdown and pictures are made from the same values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from websight_tui.metrics.series import Point


class Tone(StrEnum):
    """How something is meant; each form has its own colours for it."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    CALM = "calm"


@dataclass(frozen=True, slots=True)
class Marked:
    """A table's cell that stands out."""

    text: str
    tone: Tone


Cell = str | Marked
Facts = tuple[tuple[str, Cell], ...]
"""(label, value) pairs."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells.

    Args:
        columns: headings.
        right: which of them stand over figures, by name. prose: which stand over sentences, which may break.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: frozenset[str] = frozenset()
    prose: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Line:
    """One curve of a panel.

    Args:
        role: how it is drawn: "raw" (faint), "mean" (strong), "eval" (with its points) or "plan" (dashed).
        label: its word in the legend.
    """

    role: str
    label: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line across a panel, at `x` or at `y`.

    Args:
        role: "limit", "truth" or "restart".
    """

    role: str
    label: str
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart.

    Args:
        title: what is drawn. value: its newest figure, in words.
        x_label: unit of x. x_range: None takes what the lines need.
        band: (x, low, high) of a shaded band, in order of x.
        marks: x of the ticks along the bottom (checkpoints).
        caption: what a reader needs to know of it ("smoothed over 40 steps").
        from_zero: whether y begins at 0.
    """

    title: str
    value: str
    x_label: str
    lines: tuple[Line, ...]
    rules: tuple[Rule, ...] = ()
    band: tuple[tuple[float, float, float], ...] = ()
    marks: tuple[float, ...] = ()
    caption: str = ""
    from_zero: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a strip of time: from one Unix s to another."""

    begin: float
    end: float
    tone: Tone
    label: str


@dataclass(frozen=True, slots=True)
class Section:
    """One chapter: of a sentence, facts in groups, a strip of time, a chart and a table those that it has.

    Args:
        ends: what stands under the strip's beginning and end.
    """

    title: str
    lead: str = ""
    groups: tuple[tuple[str, Facts], ...] = ()
    strip: tuple[Stretch, ...] = ()
    ends: tuple[str, str] = ("", "")
    panel: Panel | None = None
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the figures at the top: "loss", "0.4213", "0.4388 smoothed"."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report says of a run.

    Args:
        title: the run's id or the file's name. subtitle: where and what, in one line.
        headline: the verdict or how it ended, in one or two words.
        sentences: what that means, most telling first.
        made: when it was made and by what, in words.
    """

    title: str
    subtitle: str
    headline: str
    tone: Tone
    sentences: tuple[str, ...]
    tiles: tuple[Tile, ...]
    panels: tuple[Panel, ...]
    sections: tuple[Section, ...]
    made: str
