"""The floor of every start and of every key: a Textual app that shows one word, another one after the key f."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static


class Empty(App[None]):
    """One word."""

    def compose(self) -> ComposeResult:
        yield Static("ready")

    def key_f(self) -> None:
        said = self.query_one(Static)
        said.update("held still" if said.content == "following" else "following")


if __name__ == "__main__":
    Empty().run()
