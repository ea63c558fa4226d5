"""A chart of curves: drawn at most twice a second, and only when what it shows, its size or the theme has changed.

Charts that one event changes are drawn in turn, a frame each, so that a key between them waits for one at most.

With the mouse the wheel zooms at the pointer, a drag pans, a click sets the crosshair down, a double click undoes all.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from websight_tui.tui.palette import Palette, palette_of

if TYPE_CHECKING:
    from websight_tui.tui.widgets.canvas import Cell
    from websight_tui.tui.widgets.draw import Drawing, View

_LEAST_SECONDS: Final = 0.5
_TURNS: Final = 8
"""Charts of one screen that each have a turn of their own within that time."""


class Chart(Widget):
    """Shows a `View`. Say `.show(view)`; a drag or wheel of the mouse is told to the parent as messages."""

    can_focus = True
    _numbers: ClassVar[Iterator[int]] = count()
    empty: reactive[str] = reactive("Nothing logged yet.")

    class Told(Message):
        """What the mouse did to `chart`."""

        def __init__(self, chart: Chart) -> None:
            super().__init__()
            self.chart = chart

        @property
        def control(self) -> Chart:
            return self.chart

    class Hovered(Told):
        """The mouse is at `x` (None: it has left)."""

        def __init__(self, chart: Chart, x: float | None) -> None:
            super().__init__(chart)
            self.x = x

    class Clicked(Told):
        """A click at `x`."""

        def __init__(self, chart: Chart, x: float) -> None:
            super().__init__(chart)
            self.x = x

    class Reset(Told):
        """A double click."""

    class Dragged(Told):
        """The mouse was drawn so far that what was under it is now `by` less along x."""

        def __init__(self, chart: Chart, by: float) -> None:
            super().__init__(chart)
            self.by = by

    class Wheel(Told):
        """The mouse wheel turned at `x`: zoom in (+1) or out (-1)."""

        def __init__(self, chart: Chart, x: float, direction: int) -> None:
            super().__init__(chart)
            self.x, self.direction = x, direction

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: View | None = None
        self._drawing: Drawing | None = None
        self._strips: list[Strip] = []
        self._drawn: tuple[object, ...] | None = None
        self._drawn_at = 0.0
        self._turn = _LEAST_SECONDS * (next(self._numbers) % _TURNS) / _TURNS
        self._pending: Timer | None = None
        self._drag_from: int | None = None
        self._dragged = False
        self.draws = 0

    @property
    def drawing(self) -> Drawing | None:
        """What is on the screen, None while there is nothing to draw."""
        return self._drawing

    def show(self, view: View, *, at_once: bool = False) -> None:
        """Shows `view`, at once if it is the first or a person asked for the change, else when its turn comes."""
        if view == self._view:
            return
        self._view = view
        if at_once or not self._drawn_at:
            self._redraw()
        elif self._pending is None:
            now = monotonic()
            earliest = max(now, self._drawn_at + _LEAST_SECONDS / 2)
            turn = earliest + (self._turn - earliest) % _LEAST_SECONDS
            self._pending = self.set_timer(turn - now, self._redraw)

    def _redraw(self) -> None:
        if self._pending is not None:
            self._pending.stop()
            self._pending = None
        self._drawn_at = monotonic()
        self.refresh()

    def _prepare(self) -> None:
        key = (id(self._view), self.size, self.app.theme)
        if key == self._drawn:
            return
        self._drawn = key
        self.draws += 1
        palette = palette_of(self.app.theme_variables)
        back = self.rich_style.bgcolor
        plain = back.name if back is not None else ""
        self._drawing = self._draw(palette)
        rows = self._message(palette) if self._drawing is None else self._drawing.rows
        blank = _style("", plain)
        self._strips = [
            Strip(Segment(text, _style(colour, behind or plain)) for text, colour, behind in row).adjust_cell_length(
                self.size.width, blank
            )
            for row in rows
        ]
        self._strips += [Strip.blank(self.size.width, blank)] * (self.size.height - len(self._strips))

    def _draw(self, palette: Palette) -> Drawing | None:
        if self._view is None:
            return None
        from websight_tui.tui.widgets.draw import draw  # the first frame has no curve yet

        return draw(self._view, self.size.width, self.size.height, palette)

    def _message(self, palette: Palette) -> tuple[tuple[Cell, ...], ...]:
        width, height = self.size
        drawable = self._view is not None and any(layer.curve.count for layer in self._view.layers)
        text = "no room for a curve" if drawable else self.empty
        return (*[()] * (height // 2), ((text[:width].center(width), palette.faint, ""),))

    def render_line(self, y: int) -> Strip:
        self._prepare()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn = None  # another background

    def watch_empty(self) -> None:
        self._drawn = None
        self.refresh()

    def _x_at(self, event: events.MouseEvent) -> float | None:
        offset = event.get_content_offset(self)
        if self._drawing is None or offset is None or offset.x < self._drawing.left:
            return None
        return self._drawing.across.value(offset.x - self._drawing.left + 0.5)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._dragged = False
        if event.button == 1 and self._x_at(event) is not None:
            self._drag_from = event.screen_x
            self.capture_mouse()

    def on_mouse_up(self) -> None:
        if self._drag_from is not None:
            self._drag_from = None
            self.release_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._drag_from is None or self._drawing is None:
            self.post_message(self.Hovered(self, self._x_at(event)))
            return
        cells = self._drag_from - event.screen_x
        if cells:
            across = self._drawing.across
            self._drag_from, self._dragged = event.screen_x, True
            self.post_message(self.Dragged(self, across.value(cells) - across.low))

    def on_click(self, event: events.Click) -> None:
        if self._dragged:
            return
        if event.chain >= 2:
            self.post_message(self.Reset(self))
        elif (x := self._x_at(event)) is not None:
            self.post_message(self.Clicked(self, x))

    def on_leave(self) -> None:
        self.post_message(self.Hovered(self, None))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, direction: int) -> None:
        if (x := self._x_at(event)) is not None:
            event.stop()
            event.prevent_default()
            self.post_message(self.Wheel(self, x, direction))


@lru_cache(maxsize=512)
def _style(colour: str, back: str) -> Style:
    return Style(color=colour or None, bgcolor=back or None)
