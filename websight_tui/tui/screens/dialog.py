"""The base of questions and other small windows."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen

R = TypeVar("R")


def keys(*pairs: tuple[str, str]) -> Content:
    """What the keys of a window do, as the line at the bottom of a screen shows its keys: (key, what it does)."""
    parts = [part for key, what in pairs for part in ((key, "$primary bold"), f" {what}   ")]
    return Content.assemble(*parts).rstrip()


class Dialog(ModalScreen[R]):
    """A small window over the screen; Escape leaves it with None."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "Back")]

    def action_leave(self) -> None:
        self.dismiss(None)
