"""What all screens share: the status line, the footer, and the watch on the app's state and clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from textual.screen import ModalScreen, Screen
from textual.timer import Timer
from textual.widgets._toast import ToastRack

from websight_tui.runs.state import AppState
from websight_tui.tui.palette import Palette, palette_of
from websight_tui.tui.widgets.key_line import KeyLine
from websight_tui.tui.widgets.status_bar import StatusBar

if TYPE_CHECKING:
    from websight_tui.runs.events import Event
    from websight_tui.tui.app import WebsightApp

R = TypeVar("R")
_MESSAGES: Final = 6
"""Rows of messages at most, as in app.tcss."""
_BREATH_S: Final = 0.01
"""Between two pieces of long work: keys and mouse have their turn."""


class StateScreen(Screen[R], Generic[R]):
    """A screen over the app's state. `update_view` is called when the state, the second or the theme changed."""

    _more: Timer | None = None
    message_rows = 0
    """Rows that messages take at the bottom."""

    @property
    def wst(self) -> WebsightApp:
        """The app, by its own type."""
        return cast("WebsightApp", self.app)

    @property
    def state(self) -> AppState:
        return self.wst.state

    @property
    def palette(self) -> Palette:
        return palette_of(self.app.theme_variables)

    def on_mount(self) -> None:
        for rack in self.query(ToastRack):
            self.watch(rack, "virtual_size", self.messages_moved, init=False)
        self.watch(self.app, "state", self._changed, init=False)
        self.watch(self.app, "now", self._changed, init=False)
        self.call_after_refresh(self._changed)

    def on_screen_resume(self) -> None:
        self.call_after_refresh(self._changed)  # never before the first frame
        self.call_after_refresh(self.messages_moved)

    def restyle(self) -> None:
        """The theme changed; called by the app, for a watch of our own on it would keep closed screens alive."""
        self.call_after_refresh(self._changed)

    def messages_moved(self) -> None:
        """Gives the place of the keys to messages, so that a short one moves nothing else, or back to the keys."""
        shown = self.query(ToastRack) if self.wst.has_messages else ()
        rows = sum(min(rack.virtual_size.height, _MESSAGES) for rack in shown)  # its own size may come later
        if rows == self.message_rows:
            return
        self.message_rows = rows
        for line in self.query(KeyLine):
            line.display = not rows
        self.call_after_refresh(self._changed)

    def _changed(self) -> None:
        if not self.is_mounted or not self.in_sight:
            return
        for bar in self.query(StatusBar):
            bar.show(self.wst.cluster_view, self.wst.now, self.wst.state.unwritten)
        self.update_view()

    @property
    def in_sight(self) -> bool:
        """Whether it is in front, or under a dialogue; Textual calls the screen under any other one current, too."""
        front = self.app.screen
        return front is self or (isinstance(front, ModalScreen) and self.is_current)

    def update_view(self) -> None:
        """Shows the state; called on the event loop, must be quick."""

    def go_on(self, what: Callable[[], None]) -> None:
        """Does the next piece of long work soon; one is waited for, however often this is asked meanwhile."""
        if self._more is not None:
            self._more.stop()
        self._more = self.set_timer(_BREATH_S, what)

    def says(self, event: Event) -> bool:  # noqa: ARG002
        """Whether this screen itself shows what became of something, so that no message need cover it."""
        return False

    def take_events(self, events: Sequence[Event]) -> None:
        """Looks at events that were just folded, for screens that wait for an answer."""
