"""A table that makes only the rows that are in sight, and redraws only those that differ; the cursor keeps its row.

A queue may hold twenty thousand jobs: `show_many` takes their keys and a function that makes the cells of one row.
Columns give way where it is narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from websight_tui.tui.palette import readable
from websight_tui.tui.widgets.still import differs


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


Cell = Text | str | tuple[Text, ...]
"""What stands in a cell; of several texts, the longest first, the first one that fits."""
Cells = Mapping[str, Cell]
"""Cells by column key."""
Row = tuple[str, Cells]
"""(key, cells)."""


def fitting(columns: Sequence[Column], width: int) -> dict[str, int]:
    """{column key: its width} of the columns that fit `width` cells, in their order, with one cell between."""
    kept = list(columns)
    while len(kept) > 1 and sum(c.width + 2 for c in kept) > width:
        kept.remove(min(reversed(kept), key=lambda c: c.priority))
    spare = max(0, width - sum(c.width + 2 for c in kept))
    flexible = [c for c in kept if c.flex]
    return {c.key: c.width + (spare // len(flexible) if c.flex else 0) for c in kept}


class KeyedTable(ScrollView, can_focus=True):
    """Rows by key, one of them under the cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--header", "table--cursor"}
    DEFAULT_CSS = """
    KeyedTable {
        height: auto; max-height: 100%; overflow-x: hidden;
        & > .table--header { color: $foreground 72%; }
        & > .table--cursor {
            background: $block-cursor-blurred-background; color: $block-cursor-blurred-foreground;
        }
        &:focus > .table--cursor {
            background: $block-cursor-background; color: $block-cursor-foreground;
            text-style: $block-cursor-text-style;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Select", show=False),
        Binding("up", "cursor_up", "up", show=False),
        Binding("down", "cursor_down", "down", show=False),
        Binding("j", "cursor_down", "down", show=False, id="list.down"),
        Binding("k", "cursor_up", "up", show=False, id="list.up"),
        Binding("pageup", "page_up", "page up", show=False),
        Binding("pagedown", "page_down", "page down", show=False),
        Binding("g,home", "scroll_top", "first", show=False, id="list.first"),
        Binding("G,end", "scroll_bottom", "last", show=False, id="list.last"),
    ]

    chosen: reactive[str | None] = reactive(None, init=False, repaint=False)
    """`key`, to be watched: the watcher is called at once, so that what it changes is in the frame that moves the
    cursor. A message would come a frame later."""

    class RowSelected(Message):
        """Enter was pressed on the row under the cursor, or it was clicked twice."""

        def __init__(self, table: KeyedTable) -> None:
            super().__init__()
            self.table, self.key = table, table.key

        @property
        def control(self) -> KeyedTable:
            return self.table

    def __init__(self, columns: Sequence[Column], *, id: str, show_header: bool = True) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._header = int(show_header)
        self._widths: dict[str, int] = {}
        self._room = 0
        self._keys: Sequence[str] = ()
        self._row_of: dict[str, int] = {}
        self._cells_of: Callable[[str], Cells] = dict[str, Cells]().__getitem__
        self._made: dict[str, dict[str, Text]] = {}
        self._cursor = 0
        self._said = Text()

    # what is shown

    def name_column(self, key: str, label: str) -> None:
        """Gives a column another heading."""
        named = tuple(replace(column, label=label) if column.key == key else column for column in self._columns)
        if named != self._columns:
            self._columns = named
            self.refresh()

    def show(self, rows: Sequence[Row]) -> None:
        """Shows exactly these rows in this order."""
        cells = dict(rows)
        self.show_many(list(cells), cells.__getitem__)

    def show_many(self, keys: Sequence[str], cells_of: Callable[[str], Cells]) -> None:
        """Shows the rows of `keys` in this order.

        Args:
            keys: each once; the sequence is kept, not copied.
            cells_of: makes the cells of a row; called for rows in sight, until the next `show`.
        """
        at = self.key
        self._cells_of = cells_of
        if keys is not self._keys and keys != self._keys:
            self._keys, self._row_of = keys, {key: row for row, key in enumerate(keys)}
            self._made.clear()
            self.virtual_size = Size(0, len(keys) + self._header)
            row = self._row_of.get(at, self._cursor) if at is not None else self._cursor
            self._cursor = max(0, min(row, len(keys) - 1))
            self._keep_in_sight()
            self.refresh()
        else:
            for key, before in list(self._made.items()):
                self._made[key] = now = self._fitted(cells_of(key))
                if any(differs(now[column], before[column]) for column in now):
                    self.refresh_line(self._header + self._row_of[key])
        self._tell()

    def say(self, text: Text) -> None:
        """What stands here while there is no row."""
        if differs(text, self._said):
            self._said = text
            self.refresh()

    @property
    def row_count(self) -> int:
        return len(self._keys)

    @property
    def key(self) -> str | None:
        """Key of the row under the cursor."""
        return self._keys[self._cursor] if self._cursor < len(self._keys) else None

    def cell(self, key: str, column: str) -> Cell:
        """A cell as it is now. Raises KeyError."""
        return self._cells_of(key)[column]

    # the cursor

    def choose(self, key: str) -> None:
        """Moves the cursor to a row, if it is there."""
        if key in self._row_of:
            self._move(self._row_of[key])

    def _move(self, row: int) -> None:
        row = max(0, min(row, len(self._keys) - 1))
        if row == self._cursor or not self._keys:
            return
        for changed in (self._cursor, row):
            self.refresh_line(self._header + changed)
        self._cursor = row
        self._keep_in_sight()
        self._tell()

    def _tell(self) -> None:
        self.chosen = self.key

    def _keep_in_sight(self) -> None:
        room, top = self._rows_in_sight(), round(self.scroll_y)
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + room:
            self.scroll_to(y=self._cursor - room + 1, animate=False, force=True)

    def _rows_in_sight(self) -> int:
        return max(1, self.scrollable_content_region.height - self._header)

    def action_cursor_up(self) -> None:
        self._move(self._cursor - 1)

    def action_cursor_down(self) -> None:
        self._move(self._cursor + 1)

    def action_page_up(self) -> None:
        self._move(self._cursor - self._rows_in_sight())

    def action_page_down(self) -> None:
        self._move(self._cursor + self._rows_in_sight())

    def action_scroll_top(self) -> None:
        self._move(0)

    def action_scroll_bottom(self) -> None:
        self._move(len(self._keys) - 1)

    def action_select_cursor(self) -> None:
        if self.key is not None:
            self.post_message(self.RowSelected(self))

    def on_click(self, event: events.Click) -> None:
        """One click chooses a row, two open it."""
        offset = event.get_content_offset(self)
        row = round(self.scroll_y) + offset.y - self._header if offset is not None and offset.y >= self._header else -1
        if 0 <= row < len(self._keys):
            self._move(row)
            if event.chain == 2:
                self.action_select_cursor()

    # drawing

    def on_resize(self) -> None:
        self._keep_in_sight()
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._made.clear()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        self._fit(self.scrollable_content_region.width or width)
        base = self.rich_style
        if not self._keys and self._said:
            return self._saying(y, width, base)
        if y < self._header:
            labels = {c.key: Text(c.label, justify="right" if c.right else "left") for c in self._columns}
            return self._line(self._fitted(labels), width, self.get_component_rich_style("table--header"))
        row = round(self.scroll_y) + y - self._header
        if row >= len(self._keys):
            return Strip.blank(width, base)
        key = self._keys[row]
        if key not in self._made:
            self._forget_what_is_out_of_sight()
            self._made[key] = self._fitted(self._cells_of(key))
        style = self.get_component_rich_style("table--cursor") if row == self._cursor else base
        strip = self._line(self._made[key], width, style)
        return _readable(strip, style, self.app.console.color_system or "") if row == self._cursor else strip

    def _fit(self, width: int) -> None:
        if width != self._room:
            self._room = width
            self._made.clear()
            self._widths = fitting(self._columns, width)

    def _forget_what_is_out_of_sight(self) -> None:
        if len(self._made) > 2 * self.size.height:
            first = round(self.scroll_y)
            seen = range(first, first + self.size.height)
            self._made = {key: cells for key, cells in self._made.items() if self._row_of.get(key) in seen}

    def _fitted(self, cells: Cells) -> dict[str, Text]:
        out: dict[str, Text] = {}
        for column in self._columns:
            width = self._widths.get(column.key)
            if width is None:
                continue
            value = cells.get(column.key, "")
            if isinstance(value, tuple):
                value = next((text for text in value if text.cell_len <= width), value[-1])
            text = value.copy() if isinstance(value, Text) else Text(value)
            text.truncate(width, overflow="ellipsis")
            text.align("right" if column.right else "left", width)
            out[column.key] = text
        return out

    def _line(self, cells: Mapping[str, Text], width: int, style: Style) -> Strip:
        console, gap = self.app.console, Segment(" ")
        segments: list[Segment] = []
        for text in cells.values():
            segments += [gap, *_painted(text, console), gap]
        return Strip(segments).adjust_cell_length(width).apply_style(style)

    def _saying(self, y: int, width: int, base: Style) -> Strip:
        lines = self._said.wrap(self.app.console, max(1, width - 2))
        if y >= len(lines):
            return Strip.blank(width, base)
        return Strip([Segment(" "), *_painted(lines[y], self.app.console)]).adjust_cell_length(width).apply_style(base)


def _painted(text: Text, console: Console) -> Iterator[Segment]:
    """`render` leaves out the style of the text as a whole."""
    yield from Segment.apply_style(text.render(console), console.get_style(text.style))


def _readable(strip: Strip, style: Style, colours: str) -> Strip:
    """The row under the cursor: what could not be read on the cursor's ground takes the cursor's own colour."""
    if style.bgcolor is None or style.color is None or style.bgcolor.triplet is None or style.color.triplet is None:
        return strip
    ground, own = style.bgcolor.triplet.hex, style.color.triplet.hex
    segments = []
    for text, look, control in strip:
        colour = look.color.triplet if look is not None and look.color is not None else None
        if (
            look is not None
            and colour is not None
            and (shown := readable(colour.hex, ground, own, colours)) != colour.hex
        ):
            look = look + Style(color=shown)
        segments.append(Segment(text, look, control))
    return Strip(segments, strip.cell_length)
