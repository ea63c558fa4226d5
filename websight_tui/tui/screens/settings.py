"""How the app looks and how it calls: each setting is changed here, tried at once, and kept in config.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from websight_tui.runs.attention import News
from websight_tui.tui.screens.dialog import Dialog, keys
from websight_tui.tui.themes import THEMES
from websight_tui.ui_settings import DESKTOP, SYMBOLS, Ui, shown, webhook_problem

if TYPE_CHECKING:
    from websight_tui.tui.app import WebsightApp

_ROWS: Final = (
    ("theme", "theme", "The colours. auto takes what the terminal can show."),
    ("symbols", "symbols", "Take ascii where boxes and marks come out wrong."),
    ("title", "terminal title", "Says how the newest run stands."),
    ("bell", "bell", "Rings when a verdict changes, and when a run ends."),
    ("desktop", "desktop notification", "The terminal is asked for one when a verdict changes, and when a run ends."),
    ("webhook", "webhook", "Gets a message when a verdict changes, and when a run ends: ntfy, Slack, your own."),
    ("test", "send a test", "Calls you now, in each way that is on."),
)
_TEST: Final = News("test", "here", "test", "test", "websight-tui: a test", "This is how you will be called.")


def after(key: str, ui: Ui) -> str | bool:
    """The next value of a setting that is one of a few."""
    now = getattr(ui, key)
    if isinstance(now, bool):
        return not now
    themes = ("auto", *(theme.name for theme in THEMES))
    values = {"theme": themes, "symbols": SYMBOLS, "desktop": DESKTOP}[key]
    return values[(values.index(now) + 1) % len(values)] if now in values else values[0]


def said(key: str, ui: Ui) -> str:
    """A setting's value as it is shown; of the webhook only its host."""
    if key == "test":
        return ""
    value = getattr(ui, key)
    if key == "webhook":
        return shown(value)
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


class SettingsScreen(Dialog[None]):
    """A list of settings; Enter or Space changes the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move(1)", "down", show=False),
        Binding("k", "move(-1)", "up", show=False),
        Binding("space", "change", "Change", show=False),
        Binding("u", "undo", "Undo", show=False),
        Binding("q,comma", "leave", "Back", show=False),
    ]

    @property
    def _app(self) -> WebsightApp:
        return cast("WebsightApp", self.app)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "Settings"
            yield OptionList()
            yield Static(id="about", classes="hint")
            yield Static(Content(f"Kept in {self._app.config.path}."), classes="hint")
            yield Static(keys(("Enter", "change it"), ("u", "undo"), ("Esc", "leave")), classes="hint")

    def on_mount(self) -> None:
        self._show()

    def _show(self) -> None:
        shown_list = self.query_one(OptionList)
        at = shown_list.highlighted or 0
        shown_list.clear_options()
        for key, label, _ in _ROWS:
            text = Text(f"{label:<22}").append(said(key, self._app.config.ui), style="bold")
            shown_list.add_option(Option(text, id=key))
        shown_list.highlighted = at

    @on(OptionList.OptionHighlighted)
    def _explain(self, event: OptionList.OptionHighlighted) -> None:
        self.query_one("#about", Static).update(Content(_ROWS[event.option_index][2]))

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        self._change(event.option_id or "")

    def action_change(self) -> None:
        row = self.query_one(OptionList).highlighted
        if row is not None:
            self._change(_ROWS[row][0])

    def _change(self, key: str) -> None:
        if key == "test":
            self._app.notifier.tell(_TEST)
            if self._app.config.ui == Ui(theme=self._app.config.ui.theme, symbols=self._app.config.ui.symbols):
                self.notify("Nothing is on that could call you.", markup=False)
            return
        if key == "webhook":
            self._ask_address()
            return
        value = after(key, self._app.config.ui)
        words = ("on" if value else "off") if isinstance(value, bool) else value
        self._app.set_ui(key, value, f"{key} is {words}")
        self._show()

    def _ask_address(self) -> None:
        from websight_tui.tui.screens.ask import AskScreen

        def typed(text: str | None) -> None:
            if text is not None:
                self._app.set_ui("webhook", text.strip(), f"webhook is {shown(text.strip())}")
                self._show()

        hint = (
            "ntfy: https://ntfy.sh/TOPIC, or ntfy+https://… for a server of your own. Slack, Mattermost, Discord or "
            "your own: its https address, which gets JSON. Empty turns it off. It is kept in config.toml, which only "
            "you can read then, and is never shown or logged whole."
        )

        def check(text: str) -> str:
            problem = webhook_problem(text.strip())
            return f"expected {problem}" if problem else ""

        self.app.push_screen(AskScreen("Webhook", hint, check=check, password=True), typed)

    def action_undo(self) -> None:
        self._app.action_undo()
        self._show()

    def action_move(self, by: int) -> None:
        shown_list = self.query_one(OptionList)
        shown_list.action_cursor_down() if by > 0 else shown_list.action_cursor_up()
