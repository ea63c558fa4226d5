"""A report as Markdown, for a lab notebook: the same chapters, and the curves as a table of a few rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import isfinite
from typing import Final

from websight_tui.metrics.model import TrainingLog
from websight_tui.metrics.terminal_text import plain
from websight_tui.report.model import Cell, Facts, Marked, Report, Section
from websight_tui.report.panels import figure
from websight_tui.report.points import Row, rows_of

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|#~$&!])")
_ROWS: Final = 12


def notebook(report: Report, log: TrainingLog) -> str:
    """The whole report as Markdown; text of a log can not become markup.

    Args:
        log: the training log that the report is of.
    """
    parts = [f"# {safe(report.title)}", f"**{safe(report.headline)}.** {' '.join(map(safe, report.sentences))}"]
    parts.append(safe(report.subtitle))
    parts.append(
        "\n".join(f"- {safe(t.label)}: **{safe(t.value)}** {_bracketed(t.note)}".rstrip() for t in report.tiles)
    )
    parts.append(_curves(log))
    parts += (_chapter(section) for section in report.sections)
    parts.append(f"*{safe(report.made)}*")
    return "\n\n".join(part for part in parts if part) + "\n"


def safe(text: str) -> str:
    """Text that can not become markup, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(plain(text, 1000).split()))


def _bracketed(note: str) -> str:
    return f"({safe(note)})" if note else ""


def _cell(value: Cell) -> str:
    return f"**{safe(value.text)}**" if isinstance(value, Marked) else safe(value)


def _chapter(section: Section) -> str:
    parts = [f"## {safe(section.title)}", safe(section.lead)]
    for title, facts in section.groups:
        parts += [f"### {safe(title)}" if title else "", _facts(facts)]
    if section.table is not None:
        right = [name in section.table.right for name in section.table.columns]
        parts.append(table(map(safe, section.table.columns), right, (map(_cell, row) for row in section.table.rows)))
    return "\n\n".join(part for part in parts if part)


def _facts(facts: Facts) -> str:
    return "\n".join(f"- {safe(label)}: {_cell(value)}" for label, value in facts)


def table(columns: Iterable[str], right: Iterable[bool], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are safe already; `right` says which columns hold figures."""
    lines = [columns, ("--:" if figures else "---" for figures in right), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _curves(log: TrainingLog) -> str:
    """A dozen rows that tell the curve: even steps, the last one included, and the evaluation up to there."""
    rows = list(rows_of(log))
    if len(rows) < 2:
        return ""
    picks = sorted({round(i * (len(rows) - 1) / (_ROWS - 1)) for i in range(_ROWS)})
    evaluated: list[str] = []
    newest = None
    wanted = set(picks)
    for index, row in enumerate(rows):
        newest = row.eval_loss if row.eval_loss is not None else newest
        if index in wanted:
            evaluated.append(_figure(newest))
    cells = ((f"{rows[i].step:,.0f}", *_figures(rows[i]), e) for i, e in zip(picks, evaluated, strict=True))
    columns = ("step", "epoch", "loss", "loss, smoothed", "learning rate", "gradient norm", "newest evaluation loss")
    return "## Curves\n\n" + table(columns, [True] * len(columns), cells)


def _figures(row: Row) -> tuple[str, ...]:
    return tuple(map(_figure, (row.epoch, row.loss, row.smoothed, row.lr, row.grad_norm)))


def _figure(value: float | None) -> str:
    return figure(value) if value is not None and isfinite(value) else "–"
