"""A question before something that cannot be taken back."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from websight_tui.tui.screens.dialog import Dialog, keys


class ConfirmScreen(Dialog[bool]):
    """Yes with y or Enter twice is not possible by accident: only `y` says yes; everything else leaves things alone.

    Args:
        title: the question.
        body: what will happen and what is lost.
        verb: what `y` does, such as "Cancel it".
        danger: whether something is lost.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="confirm.yes"),
        Binding("n,escape,enter,q", "answer(False)", "No", id="confirm.no"),
    ]

    def __init__(self, title: str, body: str, verb: str, *, danger: bool = False) -> None:
        super().__init__()
        self._heading, self._body, self._verb, self._danger = title, body, verb, danger

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog danger" if self._danger else "dialog") as box:
            box.border_title = Content(self._heading)
            yield Static(Content(self._body))
            yield Static(keys(("y", self._verb), ("n", "leave it as it is")), classes="hint")

    def action_answer(self, sure: bool) -> None:
        self.dismiss(sure)
