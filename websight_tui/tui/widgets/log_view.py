"""The end of a job's output: followed or held still, searched, wrapped, with what looks like an error in its colour."""

from __future__ import annotations

import re
from typing import Final

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from websight_tui.runs.state import LogTail
from websight_tui.tui.palette import palette_of

_ERROR: Final = re.compile(
    r"traceback \(most recent|\berror\b|\bexception\b|out of memory|slurmstepd|segmentation fault|\bkilled\b|\bfatal\b",
    re.IGNORECASE,
)


def first_error(lines: tuple[str, ...]) -> int | None:
    """Index of the first line that looks like an error."""
    return next((i for i, line in enumerate(lines) if _ERROR.search(line)), None)


class LogView(ScrollView, can_focus=True):
    """Shows a `LogTail`; lines are text already safe to show."""

    class Changed(Message):
        """Following, wrapping or the search changed."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tail = LogTail()
        self._rows: list[tuple[int, str]] = []
        self._first_row: list[int] = []
        self._width = 0
        self.follow, self.wrap, self.query_text = True, False, ""
        self.empty = "No output yet."

    def show(self, tail: LogTail, *, reset: bool = False) -> None:
        """Shows `tail`; held still, the same lines stay in place when older ones fall out."""
        if tail is self._tail and not reset:
            return
        top = self._top_line()
        gone = tail.dropped - self._tail.dropped
        self._tail = tail
        self._lay_out()
        if self.follow or reset:
            self._to_end()
        elif gone:
            self._to_line(max(0, top - gone))

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

    def search(self, text: str) -> int:
        """Marks all lines that contain `text` (any case), goes to the last one, and says how many there are."""
        self.query_text = text
        found = self.matches
        if found:
            self.follow = False
            self._to_line(found[-1], middle=True)
        self.refresh()
        self.post_message(self.Changed())
        return len(found)

    def step(self, direction: int) -> None:
        """To the next (+1) or the previous (-1) line that the search has found."""
        found, here = self.matches, self._top_line() + max(0, self.size.height // 2)
        if not found:
            return
        if direction > 0:
            target = next((i for i in found if i > here), found[0])
        else:
            target = next((i for i in reversed(found) if i < here), found[-1])
        self.follow = False
        self._to_line(target, middle=True)
        self.post_message(self.Changed())

    def to_first_error(self) -> bool:
        """Goes to the first line that looks like an error; False if none does."""
        index = first_error(self._tail.lines)
        if index is None:
            return False
        self.follow = False
        self._to_line(index, middle=True)
        self.post_message(self.Changed())
        return True

    @property
    def matches(self) -> list[int]:
        """Indices of the lines that the search has found."""
        wanted = self.query_text.casefold()
        return [i for i, line in enumerate(self._tail.lines) if wanted in line.casefold()] if wanted else []

    def on_resize(self, event: events.Resize) -> None:
        if event.size.width != self._width:
            self._lay_out()
        if self.follow:
            self._to_end()

    def _lay_out(self) -> None:
        self._width = width = self.scrollable_content_region.width or self.size.width
        rows: list[tuple[int, str]] = []
        self._first_row = []
        for index, line in enumerate(self._tail.lines):
            self._first_row.append(len(rows))
            if self.wrap and width > 0 and len(line) * 2 > width and cell_len(line) > width:
                rows += [(index, part) for part in chop_cells(line, width)]
            else:
                rows.append((index, line))
        self._rows = rows
        widest = width if self.wrap else max((cell_len(line) for line in self._tail.lines[-500:]), default=0)
        self.virtual_size = Size(widest, len(rows))
        self.refresh()

    def _top_line(self) -> int:
        row = int(self.scroll_offset.y)
        return self._rows[row][0] if row < len(self._rows) else 0

    def _to_line(self, line: int, *, middle: bool = False) -> None:
        if line < len(self._first_row):
            self.scroll_to(y=self._first_row[line] - (self.size.height // 2 if middle else 0), animate=False)

    def _to_end(self) -> None:
        self.scroll_end(animate=False, immediate=True, x_axis=False)

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
        width, base = self.size.width, self.rich_style
        palette = palette_of(self.app.theme_variables)
        if not self._rows:
            text = self.empty if y == 0 else ""
            return Strip([Segment(text[:width], base + Style(color=palette.faint))]).extend_cell_length(width, base)
        row = int(self.scroll_offset.y) + y
        if row >= len(self._rows):
            return Strip.blank(width, base)
        index, text = self._rows[row]
        style = base + Style(color=palette.bad) if _ERROR.search(self._tail.lines[index]) else base
        strip = Strip(_marked(text, self.query_text, style, Style(color=palette.back, bgcolor=palette.warn)))
        left = int(self.scroll_offset.x)
        return strip.crop_extend(left, left + width, base)


def _marked(text: str, wanted: str, style: Style, mark: Style) -> list[Segment]:
    if not wanted or wanted.casefold() not in text.casefold():
        return [Segment(text, style)]
    segments: list[Segment] = []
    at = 0
    for match in re.finditer(re.escape(wanted), text, re.IGNORECASE):
        segments += [Segment(text[at : match.start()], style), Segment(match[0], style + mark)]
        at = match.end()
    return [*segments, Segment(text[at:], style)]
