"""The list of what can be done about a run, each with its cost and its key."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from websight_tui.projection.model import Remedy
from websight_tui.tui.remedy_list import Offer
from websight_tui.tui.screens.dialog import Dialog, keys


class RemediesScreen(Dialog[Remedy]):
    """Shows an `Offer`; answers with the chosen remedy."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move(1)", "down", show=False),
        Binding("k", "move(-1)", "up", show=False),
        Binding("q,r", "leave", "Back", show=False),
        *(Binding(str(number), f"pick({number})", show=False) for number in range(1, 10)),
    ]
    CSS = """
    RemediesScreen .dialog { width: 100; padding: 1 2 0 2; }
    RemediesScreen OptionList {
        margin-top: 1; max-height: 62vh; padding: 0;
        background: $background; background-tint: $background 0%;
    }
    RemediesScreen .hint { margin: 1 0; }
    """

    def __init__(self, run_id: str, made: Offer) -> None:
        super().__init__()
        self._run_id, self._made = run_id, made
        self._chosen = 0

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "Remedies"
            box.border_subtitle = Content(self._run_id)
            yield Static(Content(self._made.words))
            if self._made.remedies:
                yield OptionList(*(Option(_shown(n, remedy)) for n, remedy in enumerate(self._made.remedies, 1)))
            some = (("Enter", "or its number does it"), ("Esc", "leave things as they are"))
            yield Static(keys(*some) if self._made.remedies else keys(("Esc", "back")), classes="hint")

    @on(OptionList.OptionHighlighted)
    def _in_its_colours(self, event: OptionList.OptionHighlighted) -> None:
        """The chosen one is all in the cursor's own colour: others cannot be read on its ground in every theme."""
        before, self._chosen = self._chosen, event.option_index
        for index in {before, event.option_index}:
            shown = _shown(index + 1, self._made.remedies[index], chosen=index == event.option_index)
            event.option_list.replace_option_prompt_at_index(index, shown)

    def on_mount(self) -> None:
        for options in self.query(OptionList):
            options.highlighted = 0

    def action_move(self, direction: int) -> None:
        for options in self.query(OptionList):
            options.action_cursor_down() if direction > 0 else options.action_cursor_up()

    def action_pick(self, number: int) -> None:
        if number <= len(self._made.remedies):
            self.dismiss(self._made.remedies[number - 1])

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._made.remedies[event.option_index])


def _shown(number: int, remedy: Remedy, *, chosen: bool = False) -> Content:
    cost = remedy.cost[:1].upper() + remedy.cost[1:]
    key, faint = ("bold", "") if chosen else ("$primary bold", "$foreground 72%")
    return Content.assemble((f"{number} ", key), (remedy.title, "bold"), "\n", (cost, faint))
