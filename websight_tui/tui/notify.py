"""Tells a person who looks elsewhere: the terminal's title always, the bell and a desktop notification if wished."""

from __future__ import annotations

from collections.abc import Callable

from websight_tui.metrics.terminal_text import plain


class TerminalNotifier:
    """Speaks to the terminal in escape sequences.

    Args:
        write: writes to the terminal.
        aloud: ring the bell and ask for a desktop notification (OSC 9); off, only the title changes.
    """

    def __init__(self, write: Callable[[str], None], *, aloud: bool = False) -> None:
        self._write, self.aloud = write, aloud
        self._title = ""

    def tell(self, title: str, body: str) -> None:
        """One notification, if they are wanted."""
        if self.aloud:
            self._write(f"\a\x1b]9;{plain(title, 80)}: {plain(body, 160)}\x1b\\")

    def set_title(self, title: str) -> None:
        """Sets the title of the terminal's window or tab."""
        if title != self._title:
            self._title = title
            self._write(f"\x1b]2;{plain(title, 80)}\x1b\\")


class Silent:
    """A Notifier that does nothing."""

    def tell(self, title: str, body: str) -> None:
        """Nothing."""

    def set_title(self, title: str) -> None:
        """Nothing."""
