"""Asks for one line of text, checked as it is typed."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from websight_tui.tui.screens.dialog import Dialog, keys

_KEYS = keys(("Enter", "use it"), ("Esc", "leave"))


class AskScreen(Dialog[str]):
    """One question with a field.

    Args:
        check: what is wrong with a text, "" if nothing is.
        password: do not show what is typed.
    """

    def __init__(
        self,
        title: str,
        hint: str,
        value: str = "",
        *,
        check: Callable[[str], str] = lambda _: "",
        password: bool = False,
    ) -> None:
        super().__init__()
        self._password = password
        self._heading, self._hint, self._value, self._check = title, hint, value, check

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = Content(self._heading)
            if self._hint:
                yield Static(Content(self._hint), classes="said")
            yield Input(self._value, id="answer", password=self._password)
            yield Static(_KEYS, id="problem", classes="hint")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        problem = self._check(event.value)
        self.query_one("#problem", Static).update(Content.styled(problem, "$error") if problem else _KEYS)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        if not self._check(event.value):
            self.dismiss(event.value)
