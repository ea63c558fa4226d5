"""A table that changes by difference: cells by key, the cursor keeps its row, columns give way where it is narrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widgets import DataTable


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Args:
        key: under which rows give its cell.
        width: cells it needs.
        priority: the higher, the longer it stays when there is too little room (0 goes first).
        right: figures stand to the right.
        flex: takes what room is left.
    """

    key: str
    label: str
    width: int
    priority: int = 5
    right: bool = False
    flex: bool = False


Row = tuple[str, Mapping[str, Text | str]]
"""(key, cells by column key)."""


def fitting(columns: Sequence[Column], width: int) -> dict[str, int]:
    """{column key: its width} of the columns that fit `width` cells, in their order, with one cell between."""
    kept = list(columns)
    while len(kept) > 1 and sum(c.width + 2 for c in kept) > width:
        kept.remove(min(reversed(kept), key=lambda c: c.priority))
    spare = max(0, width - sum(c.width + 2 for c in kept))
    flexible = [c for c in kept if c.flex]
    return {c.key: c.width + (spare // len(flexible) if c.flex else 0) for c in kept}


class KeyedTable(DataTable[Text]):
    """Rows by key; `show(rows)` adds, removes and updates what differs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "down", show=False, id="list.down"),
        Binding("k", "cursor_up", "up", show=False, id="list.up"),
        Binding("g,home", "scroll_top", "first", show=False, id="list.first"),
        Binding("G,end", "scroll_bottom", "last", show=False, id="list.last"),
    ]

    def __init__(self, columns: Sequence[Column], *, id: str, show_header: bool = True) -> None:
        super().__init__(
            id=id, cursor_type="row", show_header=show_header, cell_padding=1, cursor_foreground_priority="renderable"
        )
        self._specs = {c.key: c for c in columns}
        self._widths: dict[str, int] = {}
        self._shown: dict[str, dict[str, Text]] = {}
        self._rows: list[Row] = []
        self._said = Text()

    def say(self, text: Text) -> None:
        """What stands here while there is no row."""
        if _differs(text, self._said):
            self._said = text
            self.refresh()

    def render_line(self, y: int) -> Strip:
        if self._shown or not self._said:
            return super().render_line(y)
        width = self.size.width
        lines = self._said.wrap(self.app.console, max(1, width - 2))
        base = self.rich_style
        if y >= len(lines):
            return Strip.blank(width, base)
        row = Strip([Segment(" "), *lines[y].render(self.app.console)]).adjust_cell_length(width)
        return row.apply_style(Style(bgcolor=base.bgcolor))

    def on_click(self, event: events.Click) -> None:
        """One click chooses a row, two open it."""
        if (row := event.style.meta.get("row", -1)) >= 0:
            event.prevent_default()
            self.move_cursor(row=row)
            if event.chain == 2:
                self.action_select_cursor()

    def on_resize(self, event: events.Resize) -> None:
        widths = fitting(tuple(self._specs.values()), self.scrollable_content_region.width or event.size.width)
        if widths != self._widths:
            self._widths = widths
            self._rebuild()

    @property
    def key(self) -> str | None:
        """Key of the row under the cursor."""
        keys = list(self._shown)
        return keys[self.cursor_row] if 0 <= self.cursor_row < len(keys) else None

    def choose(self, key: str) -> None:
        """Moves the cursor to a row, if it is there."""
        if key in self._shown:
            self.move_cursor(row=list(self._shown).index(key))

    def show(self, rows: Sequence[Row]) -> None:
        """Shows exactly these rows in this order."""
        rows = list(dict(rows).items())
        self._rows = rows
        if not self._widths:
            return
        wanted = {key: self._cells(cells) for key, cells in rows}
        kept = [key for key in self._shown if key in wanted]
        if kept != list(wanted)[: len(kept)]:
            self._rebuild()
            return
        at = self.key
        for key in [key for key in self._shown if key not in wanted]:
            self.remove_row(key)
            del self._shown[key]
        for key, cells in wanted.items():
            if key not in self._shown:
                self.add_row(*cells.values(), key=key)
            else:
                for column, cell in cells.items():
                    if _differs(cell, self._shown[key][column]):
                        self.update_cell(key, column, cell)
            self._shown[key] = cells
        if at is not None and at in self._shown and at != self.key:
            self.choose(at)

    def _cells(self, cells: Mapping[str, Text | str]) -> dict[str, Text]:
        out: dict[str, Text] = {}
        for key, width in self._widths.items():
            value = cells.get(key, "")
            text = value.copy() if isinstance(value, Text) else Text(value)
            text.truncate(width, overflow="ellipsis")
            text.no_wrap = True
            if self._specs[key].right:
                text.justify = "right"
            out[key] = text
        return out

    def _rebuild(self) -> None:
        """After a change of width or order, which are rare; the cursor goes back to its row."""
        at = self.key
        with self.app.batch_update():
            self.clear(columns=True)
            self._shown = {}
            for key, width in self._widths.items():
                spec = self._specs[key]
                self.add_column(Text(spec.label, justify="right" if spec.right else "left"), width=width, key=key)
            for key, cells in self._rows:
                self._shown[key] = self._cells(cells)
                self.add_row(*self._shown[key].values(), key=key)
            if at is not None:
                self.choose(at)


def _differs(one: Text, other: Text) -> bool:
    return one.plain != other.plain or one.style != other.style or one.spans != other.spans
