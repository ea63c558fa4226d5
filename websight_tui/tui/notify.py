"""Tells a person who looks elsewhere: the terminal's title, its bell, a desktop notification, a webhook.

Sequences: OSC 2 (title); OSC 9 (iTerm2, WezTerm, ghostty, ConEmu); OSC 777 (urxvt, foot, VTE); OSC 99 (kitty,
https://sw.kovidgoyal.net/kitty/desktop-notifications/). tmux hands on what it does not know only if it is wrapped, and
only with `set -g allow-passthrough on`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from websight_tui.metrics.terminal_text import plain
from websight_tui.runs.attention import News, verdict_of
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import AppState
from websight_tui.tui.glyphs import glyph
from websight_tui.ui_settings import Ui

if TYPE_CHECKING:
    from websight_tui.runs.webhook import Webhook

_END: Final = "\x1b\\"


def sequence_for(environment: Mapping[str, str]) -> str:
    """The notification that the terminal most likely knows: osc9, osc777 or osc99."""
    program, terminal = environment.get("TERM_PROGRAM", ""), environment.get("TERM", "")
    if "KITTY_WINDOW_ID" in environment or "kitty" in terminal:
        return "osc99"
    if program in ("iTerm.app", "WezTerm", "ghostty", "Apple_Terminal"):
        return "osc9"
    if "VTE_VERSION" in environment or terminal.startswith(("foot", "rxvt")):
        return "osc777"
    return "osc9"


def desktop(sequence: str, title: str, body: str, environment: Mapping[str, str]) -> str:
    """The escape sequence of a desktop notification; its texts can end no sequence and begin none."""
    kind = sequence_for(environment) if sequence == "auto" else sequence
    title, body = plain(title, 80), plain(body, 160)
    if kind == "osc99":
        said = f"\x1b]99;i=websight:d=0;{title}{_END}\x1b]99;i=websight:p=body;{body}{_END}"
    elif kind == "osc777":
        said = f"\x1b]777;notify;{title.replace(';', ',')};{body}{_END}"
    else:
        said = f"\x1b]9;{title}: {body}{_END}"
    if "TMUX" in environment:
        return "".join(
            "\x1bPtmux;" + part.replace("\x1b", "\x1b\x1b") + _END
            for part in said.replace(_END, _END + "\0").split("\0")
            if part
        )
    return said


class TerminalNotifier:
    """Speaks to the terminal in escape sequences, and to a webhook.

    Args:
        write: writes to the terminal.
        ui: the settings of the moment.
        failed: told in words, from another thread, when the webhook did not take a message.
        delivered: told from another thread when it did.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        ui: Callable[[], Ui],
        *,
        failed: Callable[[str], None] = lambda _: None,
        delivered: Callable[[News], None] = lambda _: None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._write, self._ui, self._environment = write, ui, environment
        self._failed, self._delivered = failed, delivered
        self._title = ""
        self._webhook: tuple[str, Webhook] | None = None

    def tell(self, item: News) -> None:
        """One notification in each way that is wished."""
        ui = self._ui()
        if ui.bell:
            self._write("\a")
        if ui.desktop != "off":
            self._write(desktop(ui.desktop, item.title, item.body, self._environment))
        if ui.webhook:
            self._to(ui.webhook).send(item)

    def _to(self, address: str) -> Webhook:
        if self._webhook is None or self._webhook[0] != address:
            from websight_tui.runs.webhook import Webhook  # urllib is not for the first frame

            self.close()
            self._webhook = (address, Webhook(address, failed=self._failed, delivered=self._delivered))
        return self._webhook[1]

    def set_title(self, title: str) -> None:
        """Sets the title of the terminal's window or tab."""
        if title != self._title and self._ui().title:
            self._title = title
            self._write(f"\x1b]2;{plain(title, 80)}{_END}")

    def close(self, wait_s: float = 0.0) -> None:
        """Ends what is under way, waiting at most `wait_s` seconds for it."""
        if self._webhook is not None:
            self._webhook[1].close(wait_s)


class Silent:
    """A Notifier that does nothing."""

    def tell(self, item: News) -> None:
        """Nothing."""

    def set_title(self, title: str) -> None:
        """Nothing."""

    def close(self, wait_s: float = 0.0) -> None:
        """Nothing."""


def title_of(state: AppState) -> str:
    """The terminal's title: the newest run under way and how it stands."""
    live = [run for run in state.runs.values() if run.phase not in OVER]
    if not live:
        return "websight-tui"
    run = max(live, key=lambda run: run.spec.created_at)
    verdict = verdict_of(run)
    word = verdict.value if verdict is not None else run.phase.value
    return f"{glyph(verdict or run.phase)} {run.spec.preset.name} {word}"
