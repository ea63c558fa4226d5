"""The first minute: where to train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from websight_tui.tui.screens.choose import ChooseScreen
from websight_tui.tui.screens.dialog import keys

HERE: Final = "this machine"
TRY: Final = "the demo"


class WelcomeScreen(ChooseScreen):
    """Answers with the host that was chosen, HERE or TRY; Escape leaves it with None.

    Args:
        hosts: that could become clusters.
        first: whether no cluster is configured yet.
        demo: whether the demo is offered, too.
    """

    def __init__(self, hosts: Sequence[str], *, first: bool = True, demo: bool = True) -> None:
        width = max(map(len, (*hosts, HERE)))
        options = [(host, f"{host:<{width}}   from your SSH configuration") for host in hosts]
        options.append((HERE, f"{HERE:<{width}}   the Slurm that is here, without SSH"))
        if demo:
            options.append((TRY, f"{TRY:<{width}}   an embedded cluster, to try it first"))
        super().__init__("Where do you want to train?", options)
        self._first = first

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = Content(self._heading)
            words = "Welcome. No cluster is configured yet. " if self._first else ""
            yield Static(Content(f"{words}Choose one: it is set up in a few keys.\n"))
            yield OptionList(*(Option(Content(text), id=name) for name, text in self._options))
            words = "A host is missing? Add it to ~/.ssh/config, or write config.toml by hand:"
            yield Static(Content(f"{words} `websight-tui init` makes an example with comments."), classes="hint")
            yield Static(keys(("Enter", "set it up"), ("Esc", "look around first")), classes="hint")
