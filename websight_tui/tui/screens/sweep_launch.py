"""The review before several runs are launched as one: each with its forecast, all together, and the site's limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Resize
from textual.widgets import Static

from websight_tui.errors import WebsightError
from websight_tui.presets import Preset
from websight_tui.runs.events import Event, JobCountsFound
from websight_tui.runs.plan import LaunchPlan
from websight_tui.runs.state import Link, Sweep
from websight_tui.runs.sweeps.planning import plan_sweep, values_of, variants
from websight_tui.runs.sweeps.totals import Totals, evaluation_words, limit_words, totals
from websight_tui.slurm_commands.job_counts import JobCounts
from websight_tui.tui import keymap
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.present import faint_dot, flowed
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.sweep_rows import REVIEW_COLUMNS, review_cells
from websight_tui.tui.widgets.forecast_bars import ForecastBars
from websight_tui.tui.widgets.key_line import KeyLine
from websight_tui.tui.widgets.status_bar import StatusBar
from websight_tui.tui.widgets.table import KeyedTable


class SweepLaunchScreen(StateScreen[None]):
    """Enter submits all of them; each is an ordinary run afterwards."""

    BINDINGS: ClassVar[list[BindingType]] = list(keymap.SWEEP_LAUNCH)
    AUTO_FOCUS = "#plans"

    def __init__(self, presets: Sequence[Preset]) -> None:
        super().__init__()
        self._presets = tuple(presets)
        self._settings = ""
        self._evaluate = True
        self._sweep: Sweep | None = None
        self._plans: tuple[LaunchPlan, ...] = ()
        self._problem = ""
        self._counts: JobCounts | None = None
        self._asked = False

    def compose(self) -> ComposeResult:
        yield StatusBar(banner=self.wst.banner)
        yield Static(id="head")
        yield KeyedTable(REVIEW_COLUMNS, id="plans")
        yield ForecastBars(id="bars")
        yield KeyLine()

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#head").border_title = "Launch together"
        self.query_one("#plans").border_title = "Runs"
        self.query_one("#bars").border_title = "Against the limit"
        self.watch(self.query_one("#plans", KeyedTable), "chosen", self._changed, init=False)
        self._plan()

    def _plan(self) -> None:
        app = self.wst
        try:
            chosen = variants(self._presets, values_of(self._settings.split()))
            self._sweep, self._plans = plan_sweep(
                app.config,
                app.cluster,
                chosen,
                now=app.now,
                forecast=lambda preset: app.forecast(preset),
                evaluate=self._evaluate,
            )
            self._problem = ""
        except WebsightError as exc:
            self._sweep, self._plans, self._problem = None, (), f"{exc.message}. {exc.hint}"

    @property
    def _key(self) -> str | None:
        return self.query_one("#plans", KeyedTable).key

    def on_resize(self, _: Resize) -> None:
        self.call_after_refresh(self._changed)

    @property
    def _link(self) -> Link:
        view = self.wst.cluster_view
        return view.link if view is not None else Link.OFFLINE

    def update_view(self) -> None:
        palette, cluster = self.palette, self.wst.cluster_name
        if self._link is Link.ONLINE and not self._asked:
            self._asked = True
            self.wst.controller.ask(lambda engine: engine.count_jobs(cluster))
        self.query_one("#plans", KeyedTable).show(
            [(p.spec.run_id, review_cells(p.spec.preset, p.forecast, palette)) for p in self._plans]
        )
        self.query_one("#head", Static).update(self._words(totals(self._plans)))
        forecasts = {plan.spec.preset.name: plan.forecast for plan in self._plans}
        chosen = next((p.spec.preset.name for p in self._plans if p.spec.run_id == self._key), "")
        self.query_one(ForecastBars).show(forecasts, chosen, palette)

    def _words(self, found: Totals) -> Text:
        palette = self.palette
        if self._problem:
            return Text(self._problem, style=palette.bad)
        parts = [*found.sums(), *found.doubts()]
        said = [Text(part, style="bold") for part in parts]
        said.append(Text(f"on {self.wst.cluster_name}, each with its own job and limit", style=palette.faint))
        if self._settings:
            said.append(Text(f"every combination of {self._settings}", style=palette.faint))
        width = self.query_one("#head").size.width or self.size.width
        text = Text("\n").join(flowed(said, width, faint_dot(palette)))
        clicks = evaluation_words(self._plans, self.wst.cluster.gpu)
        text.append(f"\n{clicks or 'Clicks will not be measured.'}", style="" if clicks else palette.faint)
        if self._link is not Link.ONLINE:
            text.append(f"\nNot connected to {self.wst.cluster_name} ({self._link.value}).", style=palette.warn)
        for line in limit_words(self._counts, len(self._plans), self.wst.cluster_view):
            text.append(f"\n{glyph('warning')} {line}", style=palette.warn)
        return text

    def take_events(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, JobCountsFound) and event.cluster == self.wst.cluster_name:
                self._counts = event.counts
                self._changed()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        return self._sweep is not None if action == "submit" else True

    def action_vary(self) -> None:
        """Asks for the settings to vary, in the words of the command line."""
        from websight_tui.tui.screens.ask import AskScreen

        def answered(text: str | None) -> None:
            if text is not None:
                self._settings = text.strip()
                self._plan()
                self._changed()
                self.refresh_bindings()

        hint = (
            "FIELD=A,B,… for each, such as lora_rank=8,16,32 num_train_epochs=0.5,1. Nothing: the presets as they are."
        )
        self.app.push_screen(AskScreen("Vary", hint, self._settings, check=self._problem_of), answered)

    def _problem_of(self, text: str) -> str:
        try:
            variants(self._presets, values_of(text.split()))
        except WebsightError as exc:
            return exc.message
        return ""

    def action_evaluate(self) -> None:
        self._evaluate = not self._evaluate
        self._plan()
        self._changed()

    def action_submit(self) -> None:
        from websight_tui.tui.screens.sweep import SweepScreen

        sweep = self._sweep
        if sweep is None:
            return
        if self._link is not Link.ONLINE:
            message = f"Not connected to {self.wst.cluster_name}. Press s to connect."
            self.notify(message, severity="warning", markup=False)
            return
        self.wst.controller.ask(lambda engine: engine.submit_sweep(sweep))
        self.app.switch_screen(SweepScreen(sweep))
