"""The pre-flight of a launch as a short list: what is wrong with its next step first, what is well in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from websight_tui import words
from websight_tui.metrics.terminal_text import plain
from websight_tui.projection.model import Verdict
from websight_tui.runs.checks.finding import Doing, Finding
from websight_tui.runs.checks.steps import Stand, Step
from websight_tui.runs.state import Link, Phase
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import bar

_BAR: Final = 14
_LEAST_BAR: Final = 4
_BESIDE: Final = 21
"""Cells of a step's symbol, name and time."""
_GRAVE: Final[tuple[Stand, ...]] = ("fail", "warn", "skip")
_SYMBOLS: Final[dict[Stand, str]] = {
    "waiting": Phase.PENDING,
    "running": Link.CONNECTING,
    "ok": Verdict.FITS,
    "warn": "warning",
    "fail": Verdict.WILL_NOT_FIT,
    "skip": Link.OFFLINE,
}


def failed(findings: Sequence[Finding]) -> list[Finding]:
    """What would stop the launch."""
    return [finding for finding in findings if finding.level == "fail"]


def checks_list(findings: Sequence[Finding], rows: int | None, palette: Palette) -> Table:
    """All findings, the worst first; `rows` are the rows of the training data as counted there."""
    colours = _colours(palette)
    table = _grid()
    for level in _GRAVE:
        for finding in findings:
            if finding.level == level:
                said = Text(plain(f"{finding.check}: {finding.message}", 300))
                if finding.hint:
                    said.append(f"\n{plain(finding.hint, 300)}", style=palette.faint)
                table.add_row(Text(glyph(_SYMBOLS[level]), style=colours[level]), said)
    well = list(dict.fromkeys(plain(finding.check, 20) for finding in findings if finding.level == "ok"))
    if rows is not None:
        well.append(f"{rows:,} training rows")
    if well:
        table.add_row(Text(glyph(Verdict.FITS), style=palette.good), Text(", ".join(well), style=palette.faint))
    return table


def checks_in_order(findings: Sequence[Finding], palette: Palette) -> Table:
    """Every finding on its line, with the next step below what is not well."""
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(width=11)
    table.add_column(overflow="fold")
    colours = _colours(palette)
    for finding in findings:
        said = Text(plain(finding.message, 300), style=palette.faint if finding.level in ("ok", "skip") else "")
        if finding.hint and finding.level in ("fail", "warn"):
            said.append(f"\n{plain(finding.hint, 300)}", style=palette.accent)
        table.add_row(
            Text(glyph(_SYMBOLS[finding.level]), style=colours[finding.level]), Text(plain(finding.check, 11)), said
        )
    return table


def checks_moving(steps: Sequence[Step], width: int, palette: Palette) -> Table:
    """Every step on a line of its own while they go on: what is done, what runs and how far, what is still to come.

    Args:
        width: cells that there are.
    """
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=1)
    table.add_column(width=11)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(justify="right")
    for step in steps:
        running, bad = step.stand == "running", step.stand in ("fail", "warn")
        colour = _colours(palette)[step.stand]
        took = words.duration(step.seconds) if step.seconds is not None and step.seconds >= 1 else ""
        name = Text(plain(step.name, 11), style="" if running or bad else palette.faint)
        said = Text(plain(step.words, 120), style="" if bad else palette.faint)
        if running:
            said = far_text(step, width - _BESIDE, palette)
        table.add_row(Text(glyph(_SYMBOLS[step.stand]), style=colour), name, said, Text(took, style=palette.faint))
    return table


def far_text(doing: Doing | Step, width: int, palette: Palette) -> Text:
    """What is done now and how far it is; a bar stands for the words where there is no room for both in `width`."""
    text, said = Text(), plain(doing.words, 120)
    if doing.total:
        figures = far_words(doing)
        if (room := min(_BAR, width - len(figures) - 1)) >= _LEAST_BAR:
            text.append_text(bar(doing.done / doing.total, room, palette.accent, palette)).append(" ")
        text.append(figures, style=palette.faint)
        said = f"  {said}" if text.cell_len + cell_len(said) + 2 <= width else ""
    return text.append(said, style=palette.faint)


def far_words(doing: Doing | Step) -> str:
    """How far it is: "850 of 2,050", "412 kB of 903 kB"."""
    done, total = (words.size(n) if doing.in_bytes else f"{n:,}" for n in (doing.done, doing.total))
    return f"{done} of {total}"


def checks_pending(said: str, palette: Palette, *, busy: bool) -> Table:
    """One line in place of the list: what is going on, or why nothing was looked at."""
    table, link = _grid(), Link.CONNECTING if busy else Link.OFFLINE
    table.add_row(Text(glyph(link), style=palette.accent if busy else palette.faint), Text(said, style=palette.faint))
    return table


def _colours(palette: Palette) -> dict[Stand, str]:
    return {
        "fail": palette.bad,
        "warn": palette.warn,
        "ok": palette.good,
        "skip": palette.faint,
        "running": palette.accent,
        "waiting": palette.faint,
    }


def _grid() -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(overflow="fold")
    return table
