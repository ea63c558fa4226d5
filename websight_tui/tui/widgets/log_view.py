"""The end of a job's output: followed or held still, searched, wrapped, with what looks like an error in its colour."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from websight_tui.metrics.ink import Ink
from websight_tui.runs.expression import TooSlow, errors, says_error
from websight_tui.runs.state import LogTail
from websight_tui.runs.together import is_stderr
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette, palette_of

if TYPE_CHECKING:
    from websight_tui.runs.expression import Expression

_GUTTER: Final = 2
"""Cells before each line where two outputs are shown in one."""
_SEARCH_S: Final = 0.25
"""Of processor time for one search of all lines, on the event loop."""
_REMEMBERED: Final = 1000


class Row(NamedTuple):
    """One row of the pane: a line, or a part of a wrapped one that begins at `start`."""

    line: int
    start: int
    text: str


class LogView(ScrollView, can_focus=True):
    """Shows a `LogTail`; lines are text already safe to show."""

    class Changed(Message):
        """Following, wrapping or the search changed."""

    class GaveUp(Message):
        """What is searched for takes too long: it is not searched for any more."""

        def __init__(self, why: TooSlow) -> None:
            super().__init__()
            self.why = why

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tail = LogTail()
        self._rows: list[Row] = []
        self._first_row: list[int] = []
        self._width = 0
        self._pattern: Expression | None = None
        self._spans: dict[str, list[tuple[int, int]]] = {}
        self._found: tuple[LogTail | None, list[int]] = (None, [])
        self._gone_to: int | None = None
        self.follow, self.wrap, self.query_text = True, False, ""
        self.empty = "No output yet."

    def show(self, tail: LogTail, *, reset: bool = False) -> None:
        """Shows `tail`; held still, the same lines stay in place when older ones fall out."""
        if tail is self._tail and not reset:
            return
        top = self._tail.number(self._top_line()) if self._tail.lines else 0
        moved = tail.dropped != self._tail.dropped or tail.numbers[:1] != self._tail.numbers[:1]
        self._tail = tail
        self._lay_out()
        if self.follow or reset:
            self._to_end()
        elif moved:
            self._to_line(tail.index(top))

    def set_follow(self, follow: bool) -> None:
        """Follows the end, or holds still."""
        self.follow = follow
        if follow:
            self._to_end()
        self.post_message(self.Changed())

    def set_wrap(self, wrap: bool) -> None:
        """Wraps long lines, or lets them run out to the right."""
        top = self._top_line()
        self.wrap = wrap
        self._lay_out()
        self._to_end() if self.follow else self._to_line(top)
        self.post_message(self.Changed())

    def search(self, text: str, pattern: Expression | None) -> int:
        """Marks all lines that match `pattern`, goes to the last one; says how many there are.

        Args:
            text: as it was typed.
        """
        self.query_text, self._pattern = text, pattern
        self._found = (None, [])
        self._spans.clear()
        found = self.matches
        if found:
            self._go_to(found[-1])
        self.refresh()
        self.post_message(self.Changed())
        return len(found)

    def show_at(self, tail: LogTail, line: int) -> None:
        """Shows another piece of the log, held still, with that line in the middle."""
        self.follow = False
        self._tail = tail
        self._lay_out()
        self._go_to(line)

    def step(self, direction: int, *, around: bool) -> bool:
        """To the next (+1) or the previous (-1) line that the search has found; False if there is none.

        Args:
            around: the first one comes after the last one.
        """
        found, here = self.matches, self._here()
        if direction > 0:
            target = next((i for i in found if i > here), found[0] if around and found else None)
        else:
            target = next((i for i in reversed(found) if i < here), found[-1] if around and found else None)
        if target is None:
            return False
        self._go_to(target)
        return True

    def _here(self) -> int:
        """The line that was gone to last, while it is on the screen; else the one in the middle."""
        top, height = int(self.scroll_offset.y), max(1, self.size.height)
        at = self._tail.index(self._gone_to) if self._gone_to is not None and self._tail.lines else None
        if at is not None and at < len(self._first_row) and top <= self._first_row[at] < top + height:
            return at
        row = min(top + height // 2, len(self._rows) - 1)
        return self._rows[row].line if row >= 0 else 0

    def _go_to(self, line: int) -> None:
        self.follow = False
        self._gone_to = self._tail.number(line)
        self._to_line(line, middle=True)
        self.post_message(self.Changed())

    def to_first_error(self) -> bool:
        """Goes to the first line that looks like an error; False if none does."""
        index = next(errors(self._tail.lines), None)
        if index is None:
            return False
        self._go_to(index)
        return True

    @property
    def matches(self) -> list[int]:
        """Indices of the lines that the search has found."""
        if self._found[0] is not self._tail:
            self._found = (self._tail, self._search())
        return self._found[1]

    def _search(self) -> list[int]:
        if self._pattern is None:
            return []
        try:
            return self._pattern.matches(self._tail.lines, _SEARCH_S)
        except TooSlow as exc:
            self._give_up(exc)
            return []

    def _give_up(self, why: TooSlow) -> None:
        self._pattern, self.query_text = None, ""
        self.post_message(self.GaveUp(why))
        self.post_message(self.Changed())

    def _spans_of(self, line: str) -> list[tuple[int, int]]:
        """What is marked in a line; a frame asks for the same lines as the one before."""
        if self._pattern is None:
            return []
        spans = self._spans.get(line)
        if spans is None:
            try:
                spans = self._pattern.spans(line)
            except TooSlow as exc:
                self._give_up(exc)
                return []
            if len(self._spans) >= _REMEMBERED:
                self._spans.clear()
            self._spans[line] = spans
        return spans

    def on_resize(self) -> None:
        if self._room != self._width:
            self._lay_out()
        if self.follow:
            self._to_end()

    @property
    def _room(self) -> int:
        """Cells of a row: one is left free before the scrollbar."""
        return max(1, (self.scrollable_content_region.width or self.size.width) - 1)

    @property
    def _gutter(self) -> int:
        return _GUTTER if self._tail.numbers else 0

    def _lay_out(self) -> None:
        self._width = self._room
        width = max(1, self._width - self._gutter)
        rows: list[Row] = []
        self._first_row = []
        for index, line in enumerate(self._tail.lines):
            self._first_row.append(len(rows))
            if self.wrap and len(line) * 2 > width and cell_len(line) > width:
                parts = chop_cells(line, width)
                starts = accumulate((len(part) for part in parts), initial=0)
                rows += [Row(index, start, part) for start, part in zip(starts, parts, strict=False)]
            else:
                rows.append(Row(index, 0, line))
        self._rows = rows
        widest = width if self.wrap else max((cell_len(line) for line in self._tail.lines[-500:]), default=0)
        self.virtual_size = Size(widest + self._gutter, len(rows))
        self.refresh()

    def _top_line(self) -> int:
        row = int(self.scroll_offset.y)
        return self._rows[row].line if row < len(self._rows) else 0

    def _to_line(self, line: int, *, middle: bool = False) -> None:
        if line < len(self._first_row):
            self.scroll_to(y=self._first_row[line] - (self.size.height // 2 if middle else 0), animate=False)

    def _to_end(self) -> None:
        self.scroll_end(animate=False, immediate=True, x_axis=False, force=True)

    def on_mouse_scroll_up(self) -> None:
        if self.follow:
            self.set_follow(False)

    def action_scroll_up(self) -> None:
        self.follow = False
        super().action_scroll_up()
        self.post_message(self.Changed())

    def action_page_up(self) -> None:
        self.follow = False
        super().action_page_up()
        self.post_message(self.Changed())

    def action_scroll_home(self) -> None:
        self.follow = False
        self.scroll_home(animate=False)
        self.post_message(self.Changed())

    def action_scroll_end(self) -> None:
        self.set_follow(True)

    def render_line(self, y: int) -> Strip:
        width, base = self._room, self.rich_style
        palette = palette_of(self.app.theme_variables)
        if not self._rows:
            text = self.empty if y == 0 else ""
            return Strip([Segment(text[:width], base + Style(color=palette.faint))]).extend_cell_length(width, base)
        row = int(self.scroll_offset.y) + y
        if row >= len(self._rows):
            return Strip.blank(width, base)
        strip = Strip(self._segments(self._rows[row], base, palette))
        left, room = int(self.scroll_offset.x), width - self._gutter
        goes_on = strip.cell_length > left + room
        strip = strip.crop_extend(left, left + room - goes_on, base)
        if goes_on:
            strip = Strip([*strip, Segment(glyph("more"), base + Style(color=palette.faint))])
        if not self._gutter:
            return strip
        mark = glyph("stderr") if is_stderr(self._tail, self._rows[row].line) else ""
        return Strip([Segment(mark.ljust(_GUTTER), base + Style(color=palette.warn)), *strip])

    def _segments(self, row: Row, base: Style, palette: Palette) -> list[Segment]:
        """A row in the output's own colours, in that of errors if it is one, and with what was searched marked."""
        line, start, shown = row
        whole = self._tail.lines[line]
        style = base + Style(color=palette.bad) if says_error(whole) else base
        spans = self._tail.inks.get(self._tail.number(line), ())
        marks = self._spans_of(whole)
        if not spans and not marks:
            return [Segment(shown, style)]
        text = Text(shown, style=style, end="")
        for span in spans:
            text.stylize(_style(span.ink, palette), max(0, span.start - start), max(0, span.end - start))
        for begin, end in marks:
            mark = Style(color=palette.back, bgcolor=palette.warn)
            text.stylize(mark, max(0, begin - start), max(0, end - start))
        return list(text.render(self.app.console))


def _style(ink: Ink, palette: Palette) -> Style:
    colour = palette.hue(ink.hue) if ink.hue else None
    return Style(
        color=colour,
        bold=ink.bold or None,
        dim=ink.dim or None,
        italic=ink.italic or None,
        underline=ink.underline or None,
    )
