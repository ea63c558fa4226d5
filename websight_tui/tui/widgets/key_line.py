"""The line of keys at the bottom: the most wanted ones, or every one that works here; a click presses the key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import ActiveBinding, Binding
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input

from websight_tui.tui.palette import Palette, palette_of

if TYPE_CHECKING:
    from textual.screen import Screen

_GAP: Final = 2
_TYPED: Final = frozenset(("slash", "plus", "minus"))
"""Keys that write a character into a field; of all others Textual knows that and does not offer them."""
LAST: Final = ("help", "quit")
"""Actions that keep their place at the end of the line."""


@dataclass(frozen=True, slots=True)
class Key:
    """One entry: the key to press, as it is shown, and what it does."""

    press: str
    shown: str
    text: str
    wanted: bool = True

    @property
    def width(self) -> int:
        return len(self.shown) + 1 + len(self.text)


def lines_of(
    keys: Sequence[Key], last: Sequence[Key], more: Key | None, width: int, *, all_keys: bool
) -> list[list[Key]]:
    """The entries by line.

    Args:
        keys: in the order of their worth.
        last: always shown, after them.
        more: the entry that shows all; left out where nothing is hidden. None where its key is typed into a field.
        width: cells of a line.
        all_keys: whether all are shown, over as many lines as it takes; else one line of the wanted ones that fit.
    """

    def room(entries: Sequence[Key]) -> int:
        return sum(entry.width + _GAP for entry in entries)

    if room([*keys, *last]) <= width:
        return [[*keys, *last]]
    end = [*last, more] if more is not None else [*last]
    if not all_keys:
        kept: list[Key] = []
        for key in sorted(keys, key=lambda k: not k.wanted):
            if room([*kept, key, *end]) > width:
                break
            kept.append(key)
        return [[*kept, *end]]
    lines: list[list[Key]] = [[]]
    for key in [*keys, *end]:
        if lines[-1] and room([*lines[-1], key]) > width:
            lines.append([])
        lines[-1].append(key)
    return lines


def text_of(lines: Sequence[Sequence[Key]], palette: Palette) -> Text:
    """What is drawn; each entry carries its key for the mouse."""
    text = Text(no_wrap=True, overflow="crop")
    for index, line in enumerate(lines):
        text.append("\n" if index else "")
        for key in line:
            begin = len(text)
            text.append(" ").append(key.shown, style=f"bold {palette.accent}").append(f" {key.text} ")
            text.stylize(Style(meta={"press": key.press}), begin, len(text))
    return text


class KeyLine(Widget):
    """Shows the active bindings of its screen."""

    DEFAULT_CSS = "KeyLine { dock: bottom; height: auto; max-height: 8; }"
    open: reactive[bool] = reactive(False, layout=True)

    def __init__(self) -> None:
        super().__init__()
        self._told: object = None

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        """After each key that could change what is offered; mostly nothing does."""
        if self.is_attached and screen is self.screen and (entries := self._entries()) != self._told:
            self._told = entries
            self.refresh(layout=self.open)  # closed, it is one line whatever it says

    def _entries(self) -> tuple[list[Key], list[Key], Key | None]:
        keys: list[Key] = []
        last: dict[str, Key] = {}
        more = None
        seen = set()
        typing = isinstance(self.app.focused, Input)
        for node, binding, enabled, _ in map(_parts, self.screen.active_bindings.values()):
            if not (enabled and binding.id and listed(binding)) or binding.action in seen:
                continue
            if typing and binding.key in _TYPED:
                continue
            seen.add(binding.action)
            key = Key(binding.key, self.app.get_key_display(binding), binding.description, binding.show)
            if binding.id == "more":
                more = Key(key.press, key.shown, "less" if self.open else "more")
            elif binding.id in LAST and node is self.app:
                last[binding.id] = key
            else:
                keys.append(key)
        return keys, [last[name] for name in LAST if name in last], more

    @property
    def shown(self) -> list[list[Key]]:
        """The entries as they stand, line by line."""
        keys, last, more = self._entries()
        return lines_of(keys, last, more, max(20, self.size.width or self.app.size.width), all_keys=self.open)

    def render(self) -> Text:
        return text_of(self.shown, palette_of(self.app.theme_variables))

    def get_content_height(self, container: object, viewport: object, width: int) -> int:  # noqa: ARG002
        keys, last, more = self._entries()
        return len(lines_of(keys, last, more, max(20, width), all_keys=self.open))

    def on_click(self, event: events.Click) -> None:
        press = event.style.meta.get("press")
        if press:
            event.stop()
            self.app.simulate_key(press)


def listed(binding: Binding) -> bool:
    """Whether a binding is an action of its own: moving in lists and the numbers of presets are told in one line."""
    return bool(binding.description) and not str(binding.id).startswith(
        ("list.", "home.preset", "home.next", "home.previous", "edit.next", "edit.previous")
    )


def _parts(active: ActiveBinding) -> tuple[object, Binding, bool, str]:
    return active.node, active.binding, active.enabled, active.tooltip
