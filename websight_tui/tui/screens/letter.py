"""A text to be sent by the person: shown, and copied with one key."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from websight_tui.tui.screens.dialog import Dialog, keys


class LetterScreen(Dialog[bool]):
    """Shows `text`; Enter or c copies it to the terminal's clipboard and answers True."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,c,y", "copy", "Copy", show=False),
        Binding("q", "leave", "Back", show=False),
    ]
    CSS = "LetterScreen #letter { border-left: $edge $border-blurred; padding: 0 1; margin-top: 1; }"

    def __init__(self, title: str, hint: str, text: str) -> None:
        super().__init__()
        self._heading, self._hint, self._text = title, hint, text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = Content(self._heading)
            yield Static(Content(self._hint))
            yield Static(Content(self._text), id="letter")
            yield Static(keys(("Enter", "copy it"), ("Esc", "leave")), classes="hint")

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._text)
        self.dismiss(True)
