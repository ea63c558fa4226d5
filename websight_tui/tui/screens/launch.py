"""The review before a launch, the submission itself, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from websight_tui import words
from websight_tui.errors import WebsightError
from websight_tui.metrics.terminal_text import plain
from websight_tui.presets import Preset
from websight_tui.projection.model import Verdict
from websight_tui.runs.checks.steps import PREFLIGHT, Told, add, steps_of
from websight_tui.runs.events import ActionDone, CheckMade, CheckMoved, Event, PreflightDone
from websight_tui.runs.plan import LaunchPlan
from websight_tui.runs.state import Link, Outcome, RunView
from websight_tui.tui import keymap
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.launch_words import forecast_text, plan_text, script_text
from websight_tui.tui.present import bar
from websight_tui.tui.present_checks import checks_in_order, checks_list, checks_moving, checks_pending, failed
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.widgets.key_line import KeyLine
from websight_tui.tui.widgets.status_bar import StatusBar

_ROOMY: Final = 44
"""Lines of a terminal from which on every check has its own."""
_HOME_LATER: Final = "~ becomes your home folder there"


class LaunchScreen(StateScreen[None]):
    """Enter submits `preset`; a refusal keeps everything, to be changed and sent again.

    The cluster is asked meanwhile whether all is there. What it says never stops anybody: it makes Enter ask once more.
    """

    BINDINGS: ClassVar[list[BindingType]] = list(keymap.LAUNCH)

    def __init__(self, preset: Preset, base: Preset) -> None:
        super().__init__()
        self._preset, self._base = preset, base
        self._plan: LaunchPlan | None = None
        self._problem = ""
        self._sent = False
        self._checked_since: float | None = None
        self._checked_run = ""
        self._checks: PreflightDone | None = None
        self._told: list[Told] = []

    def compose(self) -> ComposeResult:
        yield StatusBar(banner=self.wst.banner)
        with Container(id="columns"):
            with VerticalScroll(id="plan") as plan:
                plan.border_title = "Launch"
                yield Static(id="forecast")
                yield Static(id="checks")
                yield Static(id="what")
            with VerticalScroll(id="script") as script:
                script.border_title = "Job script"
                yield Static(id="text")
        yield Static(id="outcome")
        yield KeyLine()

    def on_resize(self) -> None:
        self.call_after_refresh(self._changed)

    def on_mount(self) -> None:
        super().on_mount()
        self._make_plan()
        self.query_one("#plan").focus()

    def _make_plan(self) -> None:
        self._sent = False
        try:
            self._plan = self.wst.plan(self._preset, self._base)
            self._problem = ""
            self._count_in()
        except WebsightError as exc:
            self._plan, self._problem = None, f"{exc.message}. {exc.hint}"

    def _with_home(self) -> LaunchPlan | None:
        """The plan, with the home folder on its cluster put in as soon as that is known."""
        if (plan := self._plan) is not None:
            view = self.state.clusters.get(plan.spec.cluster)
            self._plan = plan.at(view.home) if view is not None else plan
        return self._plan

    def _count_in(self) -> None:
        """Lets the rows that were counted on the cluster decide steps and forecast. Raises WebsightError."""
        if self._plan is not None and self._rows is not None:
            forecast = self.wst.planner.forecast(self.wst.cluster, self._preset, self._rows)
            self._plan = replace(self._plan, forecast=forecast)

    @property
    def checked(self) -> bool:
        """Whether what was looked at before the launch is known."""
        return self._checks is not None

    @property
    def _rows(self) -> int | None:
        """Rows of the training data, once they have been counted."""
        return self._checks.train_rows if self._checks is not None else None

    def _check(self) -> None:
        """Begins the pre-flight, once, as soon as there is a connection."""
        if self._checked_since is None and self._link is Link.ONLINE and (plan := self._plan) is not None:
            self._checked_since, self._checked_run = self.wst.now, plan.spec.run_id
            self.wst.controller.ask(lambda engine: engine.preflight(plan))

    @property
    def run(self) -> RunView | None:
        """The run as submitted, once its intent is on record."""
        return self.state.runs.get(self._plan.spec.run_id) if self._plan is not None and self._sent else None

    def update_view(self) -> None:
        palette, plan = self.palette, self._with_home()
        if plan is None:
            self._say(self._problem, palette.bad)
            return
        self._check()
        self._show_checks()
        script = self.query_one("#script")
        self.query_one("#text", Static).update(script_text(plan.script, _room(script), palette))
        script.border_subtitle = Text("" if plan.resolved else _HOME_LATER, style=palette.faint)
        bounds = self.wst.bounds(plan.spec.preset, plan.forecast)
        room = _room(self.query_one("#plan"))
        self.query_one("#forecast", Static).update(forecast_text(plan, room, palette, bounds))
        what = plan_text(plan, self._base, room, palette, link=self._link, rows=self._rows)
        self.query_one("#what", Static).update(what)
        run = self.run
        if run is None:
            self._say("", "")
        elif run.outcome is Outcome.ACCEPTED:
            self.wst.switch_screen(self._run_screen(run.spec.run_id))
        elif run.outcome is Outcome.REJECTED:
            text = f"{glyph('warning')} Not accepted. {plain(run.outcome_text)}"
            self._say(f"{text}\nNothing was queued: e edits, Enter sends it again.", palette.bad)
        elif run.outcome is Outcome.UNKNOWN:
            self._say(
                f"? Not known whether the job exists. {plain(run.outcome_text)}\nIt is not sent a second time. The "
                "queue is searched for its token as soon as the cluster answers; Esc leaves, the search goes on.",
                palette.warn,
            )
        else:
            share = run.stage_done / run.stage_total if run.stage_total else 0.0
            self._say("", "", progress=(run.stage or "preparing", share, run.stage_done, run.stage_total))

    def _show_checks(self) -> None:
        shown, palette, cluster = self.query_one("#checks", Static), self.palette, self.wst.cluster_name
        subtitle = ""
        if self._checks is not None:
            found = self._checks.findings
            roomy = self.size.height >= _ROOMY
            shown.update(checks_in_order(found, palette) if roomy else checks_list(found, self._rows, palette))
            if count := len(failed(self._checks.findings)):
                subtitle = f"{count} check{'s' * (count != 1)} failed"
        elif self._checked_since is not None:
            waited = max(0.0, self.wst.now - self._checked_since)
            since = words.duration(waited)
            if self._told:
                steps = steps_of(self._told, PREFLIGHT, self.wst.now)
                done = sum(step.stand not in ("waiting", "running") for step in steps)
                shown.update(checks_moving(steps, shown.size.width, palette))
                said = f"checked {done} of {len(steps)}" + (f", {since}" if waited >= 1 else "")
                self.query_one("#plan").border_subtitle = Text(said, style=palette.faint)
                return
            said = f"checking model, data and folders on {cluster}" + (f", {since}" if waited >= 1 else "")
            shown.update(checks_pending(said, palette, busy=True))
        else:
            shown.update(checks_pending(f"not checked: not connected to {cluster}", palette, busy=False))
        self.query_one("#plan").border_subtitle = Text(subtitle, style=palette.bad)

    @property
    def _link(self) -> Link:
        view = self.wst.cluster_view
        return view.link if view is not None else Link.OFFLINE

    def _run_screen(self, run_id: str) -> StateScreen[None]:
        from websight_tui.tui.screens.run import RunScreen

        return RunScreen(run_id)

    def _say(self, text: str, colour: str, *, progress: tuple[str, float, int, int] | None = None) -> None:
        said = Text(text, style=colour)
        if progress is not None:
            stage, share, done, total = progress
            begun = self.run.seen_at if self.run is not None else None
            waited = max(0.0, self.wst.now - begun) if begun is not None else 0.0
            said = Text().append(f"{glyph('arrow')} {plain(stage, 80)}  ", style=self.palette.accent)
            if total:
                said.append_text(bar(share, max(8, min(30, self.size.width - 60)), self.palette.accent, self.palette))
                said.append(f"  {words.size(done)} of {words.size(total)}", style=self.palette.faint)
            if waited >= 1:
                said.append(f"  {words.duration(waited)}", style=self.palette.faint)
        outcome = self.query_one("#outcome", Static)
        outcome.update(said)
        outcome.set_class(bool(said.plain), "-shown")

    def take_events(self, events: Sequence[Event]) -> None:
        moved = False
        for event in events:
            if isinstance(event, (CheckMoved, CheckMade)) and event.run_id == self._checked_run:
                item = event.doing if isinstance(event, CheckMoved) else event.finding
                if item is not None:
                    add(self._told, event.at, item)
                    moved = True
            if isinstance(event, PreflightDone) and event.run_id == self._checked_run:
                self._take_checks(event)
            if isinstance(event, ActionDone) and event.action == "submit" and not event.ok and self._sent:
                self._make_plan()
        if moved and self._checks is None and self.in_sight:
            self._show_checks()

    def _take_checks(self, checks: PreflightDone) -> None:
        self._checks = checks
        try:
            self._count_in()
        except WebsightError as exc:
            self.notify(f"{exc.message}. {exc.hint}", severity="warning", markup=False)
        self.update_view()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        run = self.run
        waiting = self._sent and (run is None or run.outcome is Outcome.INTENT)
        unknown = run is not None and run.outcome is Outcome.UNKNOWN
        if action == "submit":
            return self._plan is not None and not waiting and not unknown
        return not waiting if action == "edit" else True

    def action_submit(self) -> None:
        if self._link is not Link.ONLINE:
            self.notify(
                f"Not connected to {self.wst.cluster_name}. Press s to connect.", severity="warning", markup=False
            )
            return
        bad = failed(self._checks.findings) if self._checks is not None else []
        if bad:
            from websight_tui.tui.screens.confirm import ConfirmScreen

            body = "\n".join(f"{glyph(Verdict.WILL_NOT_FIT)} {plain(f'{f.check}: {f.message}', 200)}" for f in bad[:6])
            self.app.push_screen(
                ConfirmScreen("Submit anyway?", f"{body}\nThe job would probably fail.", "Submit it", danger=True),
                lambda sure: self._submit() if sure else None,
            )
        else:
            self._submit()

    def _submit(self) -> None:
        if self.run is not None:
            self._make_plan()
        if (plan := self._plan) is not None:
            self._sent = True
            self.wst.controller.ask(lambda engine: engine.submit(plan))
            self.refresh_bindings()

    def action_edit(self) -> None:
        self.app.pop_screen()
        self.wst.edit(self._preset, self._base)

    def action_back(self) -> None:
        self.app.pop_screen()


def _room(pane: Widget) -> int:
    """Cells of a line in `pane` beside its scrollbar; before it has a place, those of the narrowest one."""
    return max(36, pane.outer_size.width - 5)
