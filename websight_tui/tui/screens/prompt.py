"""A login's questions, in the server's own words, and the question about an unknown host key."""

from __future__ import annotations

from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from websight_tui.metrics.terminal_text import plain
from websight_tui.remote.port import HostKey
from websight_tui.tui.messages import Question
from websight_tui.tui.screens.dialog import Dialog, keys

_KEYS: Final = (("Enter", "answer"), ("Esc", "give up the login"))


class PromptScreen(Dialog[list[str]]):
    """Answers to all prompts in their order; None if the person gave up. What is typed is kept nowhere.

    The questions stay in sight: long instructions scroll above them.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("pageup", "read(-1)", "Up"), ("pagedown", "read(1)", "More")]

    def __init__(self, asked: Question) -> None:
        super().__init__()
        self._asked = asked

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = Content(plain(self._asked.title, 60) or "Login")
            if self._asked.instructions.strip():
                lines = (plain(line) for line in self._asked.instructions.splitlines()[:12])
                with VerticalScroll(classes="said", can_focus=False):
                    yield Static(Content("\n".join(lines)))
            for index, prompt in enumerate(self._asked.prompts):
                yield Static(Content(plain(prompt.text)), classes="asked")
                yield Input(password=not prompt.echo, id=f"answer{index}")
            yield Static(keys(*_KEYS), classes="hint")

    def on_mount(self) -> None:
        self.call_after_refresh(self._say_if_there_is_more)
        if self._asked.prompts:
            self.query_one("#answer0", Input).focus()

    def _say_if_there_is_more(self) -> None:
        if any(said.max_scroll_y for said in self.query(".said")):
            self.query_one(".hint", Static).update(keys(*_KEYS, ("PgDn", "read on")))

    def action_read(self, pages: int) -> None:
        for said in self.query(".said"):
            said.scroll_relative(y=pages * max(1, said.size.height - 1), animate=False)

    @on(Input.Submitted)
    def _entered(self) -> None:
        inputs = list(self.query(Input))
        at = next((i for i, field in enumerate(inputs) if field.has_focus), len(inputs) - 1)
        if at < len(inputs) - 1:
            inputs[at + 1].focus()
        else:
            self.dismiss([field.value for field in inputs])


class HostKeyScreen(Dialog[bool]):
    """True if the person has compared the fingerprint and trusts it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Trust"),
        Binding("n,escape,enter,q", "answer(False)", "Refuse"),
    ]

    def __init__(self, key: HostKey) -> None:
        super().__init__()
        self._key = key

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog danger") as box:
            box.border_title = "Unknown host key"
            yield Static(
                Content.assemble(
                    "The server ",
                    (plain(self._key.host, 80), "bold"),
                    " shows a key that is not on record:\n\n",
                    (f"{plain(self._key.kind, 40)}\n{plain(self._key.fingerprint, 120)}", "$primary bold"),
                    "\n\nCompare it with the fingerprint that your site publishes. If they differ, somebody may stand "
                    "between you and the cluster.",
                )
            )
            yield Static(keys(("y", "they are the same, remember it"), ("n", "refuse")), classes="hint")

    def action_answer(self, trusted: bool) -> None:
        self.dismiss(trusted)
