"""What a terminal shows that is too small for anything else."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static


class TooSmallScreen(ModalScreen[None]):
    """Says how big the terminal must be; leaves by itself when it is."""

    BINDINGS: ClassVar[list[BindingType]] = [("q", "app.quit", "Quit")]
    DEFAULT_CSS = """
    TooSmallScreen { align: center middle; background: $background; }
    TooSmallScreen Static { width: 100%; text-align: center; }
    """

    def __init__(self) -> None:
        super().__init__(id="too-small")

    def compose(self) -> ComposeResult:
        yield Static(id="said")

    def on_resize(self) -> None:
        width, height = self.app.size
        self.query_one("#said", Static).update(
            Content.assemble(
                ("too small", "bold $warning"),
                f"\n{width} × {height}, at least 60 × 16\n",
                ("q quits; runs go on", "dim"),
            )
        )
