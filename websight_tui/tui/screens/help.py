"""All keys, with the names under which config.toml's [keys] can change them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from textwrap import wrap
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from websight_tui.tui import keymap
from websight_tui.tui.palette import Palette, palette_of
from websight_tui.tui.screens.dialog import keys

_WIDE: Final = 104
"""Columns from which on the names stand beside the keys; the window is never wider."""
_KEYS: Final = 18
_ROOM: Final = 58
_FRAME: Final = 8
"""Cells beside the text: border, padding, scroll bar and a gap before it."""


def group_of(ids: Collection[str]) -> str:
    """The screen to which keys of these ids belong; "" if to none of its own."""
    found = {
        group: sum(binding.id in ids for binding in bindings)
        for group, bindings in keymap.GROUPS.items()
        if group != "Everywhere"
    }
    best = max(found, key=lambda group: found[group])
    return best if found[best] else ""


def help_text(
    changed: Mapping[str, str], palette: Palette, *, names: bool = True, first: str = "", room: int = _ROOM
) -> Text:
    """The list of keys by screen.

    Args:
        names: with the names under which [keys] changes them.
        first: the group that comes before the others.
        room: cells for what a key does; longer words go on in the next line.
    """
    text, moves = Text(), f"j k {keymap.key_name('up')} {keymap.key_name('down')}"
    groups = sorted(keymap.GROUPS.items(), key=lambda item: item[0] != first)
    for group, bindings in groups:
        text.append(f"{group:<77}" if names else group, style=f"bold {palette.accent}")
        text.append("name in [keys]\n" if names and group == groups[0][0] else "\n", style=palette.faint)
        if group == "Home":
            text.append(f"  {'1 to 9':<16}", style=f"bold {palette.accent}").append("Choose a preset\n")
            text.append(f"  {moves:<16}", style=f"bold {palette.accent}").append("Move in a list, Tab: next list\n")
        for binding in bindings:
            if binding.id and (binding.id.startswith("home.preset") or binding.id in ("home.next", "home.previous")):
                continue
            shown = changed.get(binding.id or "", binding.key)
            pressed = " ".join(keymap.key_name(key.strip()) for key in shown.split(",")[:2])
            line, *rest = wrap(binding.tooltip, room)
            text.append(f"  {pressed:<16}", style=f"bold {palette.accent}")
            text.append(f"{line:<{room}} " if names else f"{line}\n")
            text.append(f"{binding.id}\n" if names else "", style=palette.faint)
            text.append("".join(f"{'':<{_KEYS}}{more}\n" for more in rest))
        text.append("\n")
    text.append("Change a key in config.toml:  ", style=palette.faint)
    text.append('[keys]\n"run.cancel" = "X"\n')
    if not names:
        text.append("The names of all stand here where the window is wider.\n", style=palette.faint)
    return text


class HelpScreen(ModalScreen[None]):
    """The list of keys; any of ? Escape q leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,question_mark,q,f1", "app.pop_screen", "Back"),
        ("j", "scroll(1)", "down"),
        ("k", "scroll(-1)", "up"),
    ]
    DEFAULT_CSS = """
    HelpScreen Static { text-wrap: nowrap; text-overflow: ellipsis; height: auto; padding-right: 1; }
    HelpScreen > VerticalScroll {
        scrollbar-size-vertical: 1; width: 104; max-width: 96%; height: 90%;
        border: $edge $border; padding: 1 1 1 2;
        background: $background; border-title-color: $primary; border-title-style: bold; }
    """

    def __init__(self, keys: Mapping[str, str], first: str = "") -> None:
        super().__init__()
        self._keys, self._first = keys, first

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = "Keys"
            box.border_subtitle = keys(("j k", "scroll"), ("Esc", "leave"))
            palette = palette_of(self.app.theme_variables)
            width = self.app.size.width
            wide = width >= _WIDE
            room = _ROOM if wide else width * 96 // 100 - _FRAME - _KEYS
            yield Static(help_text(self._keys, palette, names=wide, first=self._first, room=room))

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
