"""A terminal's line while it is written to again and again: each step costs what it writes, not the line's length."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from websight_tui.metrics.ink import MOST_SPANS, PLAIN, Ink, Span

MAX_COLUMNS: Final = 4096
"""Characters of one line that are kept."""


class Row:
    """A line as single characters, each with its ink once one of them has one.

    Args:
        spans: the coloured pieces of `text`.
    """

    def __init__(self, text: str, spans: Sequence[Span]) -> None:
        self._cells = list(text)
        self._inks: list[Ink] | None = None
        for span in spans:
            self._paint(span.start, span.end, span.ink)

    def write(self, column: int, text: str, ink: Ink) -> int:
        """Writes over what is there from `column` on; CR goes to the line's begin, a backspace to the left.

        Returns: the column after it.
        """
        for number, part in enumerate(text.split("\r")):
            first, *rest = part.split("\x08")
            if first or number:
                column = self._put(0 if number else column, first, ink)
            if rest:
                column = self._struck(column, rest, ink)
        return column

    def _struck(self, column: int, pieces: Sequence[str], ink: Ink) -> int:
        """Writes `pieces`, each after a backspace. There may be millions of them, of a letter each."""
        cells = self._cells
        plain = ink is PLAIN and self._inks is None
        for piece in pieces:
            if column:
                column -= 1
            if not piece:
                continue
            if plain and column <= len(cells) and "\t" not in piece:
                end = min(MAX_COLUMNS, column + len(piece))
                cells[column:end] = piece if column + len(piece) == end else piece[: end - column]
                column = end
            else:
                column = self._put(column, piece, ink)
        return column

    def _put(self, column: int, text: str, ink: Ink) -> int:
        cells, end = self._cells, column + len(text)
        if end > len(cells) or "\t" in text:
            text = fitting(column, text)
            end = column + len(text)
            if len(cells) < column:
                cells.extend(" " * (column - len(cells)))
        cells[column:end] = text
        if ink is not PLAIN or self._inks is not None:
            self._paint(column, end, ink)
        return end

    def erase(self, column: int, which: int) -> None:
        """What lies right of `column` (0), left of it (1), or all (2)."""
        cells, inks = self._cells, self._inks
        if which == 1:
            blank = min(column, len(cells))
            cells[:blank] = " " * blank
            if inks is not None:
                self._paint(0, column, PLAIN)
        else:
            start = column if which == 0 else 0
            del cells[start:]
            if inks is not None:
                del inks[start:]

    def text(self) -> str:
        return "".join(self._cells)

    def spans(self) -> tuple[Span, ...]:
        """The coloured pieces, the first ones of very many."""
        spans: list[Span] = []
        end = 0
        for ink, run in groupby(self._inks or ()):
            start, end = end, end + sum(1 for _ in run)
            if ink != PLAIN:
                spans.append(Span(start, end, ink))
                if len(spans) == MOST_SPANS:
                    break
        return tuple(spans)

    def _paint(self, start: int, end: int, ink: Ink) -> None:
        inks = self._inks = [] if self._inks is None else self._inks
        if len(inks) < start:
            inks.extend([PLAIN] * (start - len(inks)))
        inks[start:end] = [ink] * (end - start)


def fitting(column: int, text: str) -> str:
    """`text` as it is written from `column` on: tabs as blanks, and not over the end of what is kept of a line."""
    if "\t" in text:
        offset = column % 8
        text = (" " * offset + text).expandtabs(8)[offset:]
    return text[: MAX_COLUMNS - column]


def over(row: str, column: int, text: str) -> tuple[str, int]:
    """`row` with `text` written over it from `column` on, and the column after it."""
    text = fitting(column, text)
    if len(row) < column:
        row = row.ljust(column)
    end = column + len(text)
    return row[:column] + text + row[end:], end
