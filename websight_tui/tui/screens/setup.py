"""A new cluster, set up by choosing: connect, account, partition, folder, then a check of all of it as it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from websight_tui import words
from websight_tui.config import LOCAL
from websight_tui.metrics.terminal_text import plain
from websight_tui.projection.model import Verdict
from websight_tui.runs.checks.finding import Doing, Finding
from websight_tui.runs.doctor import AFTER_LOGIN
from websight_tui.runs.events import ActionDone, CheckMade, CheckMoved, Event, SiteSeen
from websight_tui.runs.exploring import SiteOffer
from websight_tui.runs.state import Link
from websight_tui.tui import setup_steps as steps
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.new_cluster import NewCluster
from websight_tui.tui.present import bar
from websight_tui.tui.present_checks import checks_in_order, failed, far_words
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.screens.dialog import keys

_OTHER: Final = "\0other"
_LEVELS: Final = ("fail", "warn", "ok", "skip")


def _worst_first(finding: Finding) -> int:
    return _LEVELS.index(finding.level)


class SetupScreen(StateScreen[bool]):
    """Answers True when the cluster stands in config.toml; leaving it keeps nothing.

    Args:
        draft: the cluster as the app knows it while it is being set up.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave"),
        Binding("backspace", "back", "Back"),
        Binding("j", "move(1)", "down", show=False),
        Binding("k", "move(-1)", "up", show=False),
        Binding("enter", "go", "Go on", priority=True),  # also where no list has the focus
    ]

    def __init__(self, draft: NewCluster) -> None:
        super().__init__()
        self._draft = draft
        self._offer: SiteOffer | None = None
        self._asked = False
        self._asked_at = 0.0
        self._problem = ""
        self._answers: dict[str, str] = {}
        self.checking = ""
        self._findings: list[Finding] = []
        self._doing: tuple[float, Doing] | None = None
        self._checked = False
        self._listed: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="setup") as box:
            box.border_title = Content(f"Setting up {self._draft.label}")
            yield Static(id="steps")
            yield OptionList(id="choices")
            yield Static(id="progress")
            with VerticalScroll(id="checks", can_focus=False):
                yield Static(id="found")
            yield Static(id="next", classes="hint")

    def on_mount(self) -> None:
        super().on_mount()
        self._draft.connect(self.wst)

    # where it stands

    @property
    def _link(self) -> tuple[Link, str]:
        view = self.state.clusters.get(self._draft.name)
        return (view.link, view.error) if view is not None else (Link.CONNECTING, "")

    @property
    def _question(self) -> str | None:
        return None if self._offer is None else steps.open_question(self._answers)

    def update_view(self) -> None:
        link, _ = self._link
        if link is Link.ONLINE and not self._asked:
            self._asked, self._asked_at = True, self.wst.now
            self.wst.controller.ask(lambda engine: engine.explore(self._draft.name))
        self._show_steps()
        self._show_choices()
        self._show_checks()
        self.query_one("#next", Static).update(keys(*self._next_keys()))

    def _show_steps(self) -> None:
        palette, (link, error) = self.palette, self._link
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=1)
        grid.add_column(width=11)
        grid.add_column(overflow="fold")

        def line(symbol: str, colour: str, label: str, said: str, style: str = "") -> None:
            grid.add_row(Text(glyph(symbol), style=colour), Text(label, style=palette.faint), Text(said, style=style))

        def to_come() -> None:
            for question in steps.QUESTIONS:
                if question not in self._answers and question != self._question:
                    line(Link.OFFLINE, palette.faint, steps.LABELS[question], "")

        view = self.state.clusters.get(self._draft.name)
        address = plain(view.address, 60) if view is not None else ""
        if link is not Link.ONLINE:
            said = plain(error, 300) or f"{link.value} …"
            if view is not None and view.stage:
                said = f"{plain(view.stage, 120)}{self._since(view.since)}"
            line(link, palette.link(link), "login", said, palette.text)
            if view is not None and view.stage_total:
                grid.add_row("", "", bar(view.stage_done / view.stage_total, 24, palette.accent, palette))
            to_come()
            return self.query_one("#steps", Static).update(grid)
        line(Verdict.FITS, palette.good, "login", address or "this machine")
        if self._offer is None:
            asked = self._since(self._asked_at)
            said = self._problem or f"asking for accounts, partitions, folders and Pythons{asked}"
            busy = not self._problem
            line(
                Link.CONNECTING if busy else Verdict.WILL_NOT_FIT,
                palette.accent if busy else palette.bad,
                "site",
                plain(said, 400),
            )
        for question in steps.QUESTIONS if self._offer is not None else ():
            if question in self._answers:
                if said := self._answers[question]:
                    line(Verdict.FITS, palette.good, steps.LABELS[question], plain(said, 120))
            elif question == self._question:
                line(Link.ONLINE, palette.accent, steps.LABELS[question], "which one?", "bold")
        to_come()
        return self.query_one("#steps", Static).update(grid)

    def _since(self, at: float) -> str:
        """ ", 7 s" since a moment, once it is a wait."""
        waited = self.wst.now - at
        return f", {words.duration(waited)}" if waited >= 1 else ""

    def _doing_text(self) -> Text:
        """What is checked now, for how long, and how far it is."""
        if self._doing is None:
            return Text()
        since, doing = self._doing
        far = f"  {far_words(doing)}" if doing.total else ""
        text = Text(f"  {plain(doing.check, 20)}", style=self.palette.text)
        return text.append(f"{self._since(since)}{far}  {plain(doing.words, 120)}", style=self.palette.faint)

    def _show_choices(self) -> None:
        shown, question = self.query_one("#choices", OptionList), self._question
        shown.display = question is not None
        if question is None or self._offer is None:
            return
        found = steps.choices(question, self._offer, self._answers)
        key = (question, found)
        if key == self._listed:
            return
        self._listed = key
        width = max((len(choice.value) for choice in found), default=0)
        shown.clear_options()
        for choice in found:
            row = Table.grid(padding=(0, 2, 0, 0))
            row.add_column(min_width=min(width, 40), overflow="fold")
            row.add_column()
            row.add_row(Text(plain(choice.value, 80)), Text(plain(choice.note, 120)))
            shown.add_option(Option(row, id=choice.value))
        shown.add_option(Option(Text("another one"), id=_OTHER))
        shown.highlighted = 0
        shown.focus()

    def _show_checks(self) -> None:
        for name in ("#progress", "#checks"):
            self.query_one(name).display = bool(self.checking)
        if not self.checking:
            return
        done = len({finding.check for finding in self._findings} & set(AFTER_LOGIN))
        text = Text()
        if not self._checked:
            text.append_text(bar(done / len(AFTER_LOGIN), 24, self.palette.accent, self.palette))
            text.append(f"  {done} of {len(AFTER_LOGIN)} checks", style=self.palette.faint)
            text.append_text(self._doing_text())
        elif bad := len(failed(self._findings)):
            text.append(f"{glyph(Verdict.WILL_NOT_FIT)} {bad} check{'s' * (bad != 1)} failed", style=self.palette.bad)
            text.append(", the next steps are below", style=self.palette.faint)
        else:
            text.append(f"{glyph(Verdict.FITS)} ready for a launch", style=f"bold {self.palette.good}")
        self.query_one("#progress", Static).update(text)
        found = sorted(self._findings, key=_worst_first) if self._checked else self._findings
        self.query_one("#found", Static).update(checks_in_order(found, self.palette))

    def _next_keys(self) -> list[tuple[str, str]]:
        """What Enter does now, and how to go back or leave."""
        link, _ = self._link
        leave = ("Esc", "leave")
        if link in (Link.FAILED, Link.NEEDS_LOGIN, Link.OFFLINE):
            return [("Enter", "try again"), leave]
        if self._problem:
            return [("Enter", "ask again"), leave]
        if self._question is not None:
            return [("Enter", "take it"), ("Backspace", "back"), leave]
        if not self._checked:
            return [leave]
        if failed(self._findings):
            return [("Enter", f"write {self._draft.path.name} all the same"), ("Backspace", "change"), leave]
        return [("Enter", f"write {self._draft.path.name} and begin"), ("Backspace", "change"), leave]

    # what happens

    def take_events(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case SiteSeen(cluster=self._draft.name):
                    self._offer, self._problem = event.offer, event.problem
                    if event.offer is not None:
                        self._take({})
                case CheckMoved(run_id=self.checking):
                    same = self._doing is not None and self._doing[1].check == event.doing.check
                    self._doing = (self._doing[0] if same and self._doing else event.at, event.doing)
                case CheckMade(run_id=self.checking):
                    self._checked = event.finding is None
                    if event.finding is not None:
                        self._findings.append(event.finding)
                    scroll = self.query_one("#checks", VerticalScroll)
                    self.call_after_refresh(scroll.scroll_home if self._checked else scroll.scroll_end, animate=False)
                case ActionDone(action="explore" | "examine", ok=False):
                    self._asked, self.checking, self._problem = True, "", event.message
        if events:
            self.update_view()

    def _take(self, answers: Mapping[str, str]) -> None:
        """Goes on with these answers: to the next question, or to the check."""
        if self._offer is None:
            return
        self._answers = steps.settled(self._offer, answers)
        self.checking, self._checked, self._findings, self._doing = "", False, [], None
        if steps.open_question(self._answers) is None:
            host = LOCAL if self._draft.name == LOCAL else self._draft.host
            self._check(steps.table(host, self._offer, self._answers))
        self.update_view()

    def _check(self, values: dict[str, object]) -> None:
        problem = self._draft.settle(self.wst, values)
        if problem:
            self._problem, self._offer = problem, None
            return
        plan = self._draft.plan(self.wst)
        self.checking = plan.spec.run_id
        self.wst.controller.ask(lambda engine: engine.examine(plan))

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        question, value = self._question, event.option_id
        if question is None or value is None:
            return
        if value != _OTHER:
            self._take({**self._answers, question: value})
            return
        from websight_tui.tui.screens.ask import AskScreen

        def typed(text: str | None) -> None:
            if text is not None:
                self._take({**self._answers, question: text.strip()})

        check = self._draft.checker(question)
        self.app.push_screen(
            AskScreen(
                f"{steps.LABELS[question].capitalize()} on {self._draft.label}", steps.HINTS[question], check=check
            ),
            typed,
        )

    def action_move(self, by: int) -> None:
        shown = self.query_one("#choices", OptionList)
        shown.action_cursor_down() if by > 0 else shown.action_cursor_up()

    def action_go(self) -> None:
        link, _ = self._link
        if self._question is not None:
            self.query_one("#choices", OptionList).action_select()
        elif link in (Link.FAILED, Link.NEEDS_LOGIN, Link.OFFLINE):
            self._asked = False
            self._draft.connect(self.wst)
        elif self._problem:
            self._asked, self._problem = False, ""
            self.update_view()
        elif self._checked and self._draft.write(self.wst):
            self.dismiss(True)

    def action_back(self) -> None:
        if self._offer is not None:
            self._take(steps.without_last(self._offer, self._answers))

    def action_leave(self) -> None:
        self._draft.drop(self.wst)
        self.dismiss(False)
