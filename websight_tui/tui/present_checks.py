"""The pre-flight of a launch as a short list: what is wrong with its next step first, what is well in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from websight_tui.metrics.terminal_text import plain
from websight_tui.projection.model import Verdict
from websight_tui.runs.checks.finding import Finding, Level
from websight_tui.runs.state import Link
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette

_SYMBOLS: Final[dict[Level, str]] = {
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
    colours: dict[Level, str] = {"fail": palette.bad, "warn": palette.warn, "ok": palette.good, "skip": palette.faint}
    table = _grid()
    for level in ("fail", "warn", "skip"):
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
    colours: dict[Level, str] = {"fail": palette.bad, "warn": palette.warn, "ok": palette.good, "skip": palette.faint}
    for finding in findings:
        said = Text(plain(finding.message, 300), style=palette.faint if finding.level in ("ok", "skip") else "")
        if finding.hint and finding.level in ("fail", "warn"):
            said.append(f"\n{plain(finding.hint, 300)}", style=palette.accent)
        table.add_row(
            Text(glyph(_SYMBOLS[finding.level]), style=colours[finding.level]), Text(plain(finding.check, 11)), said
        )
    return table


def checks_pending(words: str, palette: Palette, *, busy: bool) -> Table:
    """One line in place of the list: what is going on, or why nothing was looked at."""
    table, link = _grid(), Link.CONNECTING if busy else Link.OFFLINE
    table.add_row(Text(glyph(link), style=palette.accent if busy else palette.faint), Text(words, style=palette.faint))
    return table


def _grid() -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(overflow="fold")
    return table
