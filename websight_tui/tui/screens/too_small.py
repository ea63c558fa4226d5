"""What a terminal shows that is too small for anything else: the newest run's state, and how much room is needed."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from websight_tui.runs.phase import OVER
from websight_tui.tui import headlines
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.home_rows import run_name
from websight_tui.tui.screens.base import StateScreen


class TooSmallScreen(StateScreen[None]):
    """Leaves by itself when the terminal has `least` (columns, rows)."""

    BINDINGS: ClassVar[list[BindingType]] = [("q", "app.quit", "Quit")]
    DEFAULT_CSS = """
    TooSmallScreen { align: center middle; background: $background; }
    TooSmallScreen Static { width: 100%; text-align: center; }
    """

    def __init__(self, least: tuple[int, int]) -> None:
        super().__init__(id="too-small")
        self._least = least

    def compose(self) -> ComposeResult:
        yield Static(id="said")

    def on_resize(self) -> None:
        self.update_view()

    def update_view(self) -> None:
        """A small pane is still a monitor: the run under way comes first."""
        (width, height), palette, text = self.app.size, self.palette, Text(justify="center")
        live = next((run for run in self.wst.runs if run.phase not in OVER), None)
        if live is not None:
            head = headlines.of_run(live, self.wst.now, palette)
            text.append(f"{head.symbol} {head.word}", style=f"bold {head.colour}").append(f"  {run_name(live)}\n")
            text.append_text(Text.assemble(*(f"{line}\n" for line in head.lines[:1]), style=palette.faint))
        if live is None or height > 4:
            least = f"{self._least[0]} {glyph('times')} {self._least[1]}"
            text.append(f"This window is {width} {glyph('times')} {height}, the screens need {least}.\n")
            text.append("Make it larger, or the letters smaller. q quits; jobs go on.", style=palette.faint)
        self.query_one("#said", Static).update(text)
