"""Home: presets, runs and queue on the left; on the right all about the one that is chosen."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import DataTable, Footer, Static

from websight_tui.presets import Preset
from websight_tui.projection.forecast import track_record
from websight_tui.runs.forecasting import scores_of
from websight_tui.runs.phase import OVER, RESUMABLE
from websight_tui.runs.state import RunView
from websight_tui.slurm_commands.model import Job
from websight_tui.tui import home_rows, keymap
from websight_tui.tui.present import columns
from websight_tui.tui.present_preset import forecast_lines, preset_facts, preset_row
from websight_tui.tui.remedy_list import foreign
from websight_tui.tui.run_chart import ChartState, view_of
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.widgets.chart import Chart
from websight_tui.tui.widgets.status_bar import StatusBar
from websight_tui.tui.widgets.table import KeyedTable
from websight_tui.tui.widgets.verdict import banner


class HomeScreen(StateScreen[None]):
    """The first screen."""

    BINDINGS: ClassVar[list[BindingType]] = list(keymap.HOME)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (140, "-roomy")]  # noqa: RUF012 (Textual declares it so)

    def __init__(self) -> None:
        super().__init__()
        self._drawn: tuple[str, int] | None = None

    def compose(self) -> ComposeResult:
        yield StatusBar(banner=self.wst.banner)
        with Horizontal(id="body"):
            with Vertical(id="lists"):
                yield KeyedTable(home_rows.PRESET_COLUMNS, id="presets")
                yield KeyedTable(home_rows.RUN_COLUMNS, id="runs", show_header=False)
                yield KeyedTable(home_rows.QUEUE_COLUMNS, id="queue", show_header=False)
            with VerticalScroll(id="details", can_focus=False):
                yield Static(id="verdict")
                yield Static(id="facts")
                yield Chart(id="preview")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        super().on_mount()
        self._table("presets").border_title = "Presets"
        self._table("runs").border_title = "Runs"
        self._table("queue").border_title = "Queue"
        self.query_one("#preview", Chart).can_focus = False
        self._table("presets").focus()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.update_view()
        self._table("presets").choose(self.wst.first_preset)

    def _table(self, name: str) -> KeyedTable:
        return self.query_one(f"#{name}", KeyedTable)

    @property
    def pane(self) -> str:
        """Which list has the focus: presets, runs or queue."""
        focused = self.focused
        return focused.id if isinstance(focused, KeyedTable) and focused.id else "presets"

    @property
    def chosen_preset(self) -> Preset:
        presets = self.wst.config.presets
        return presets.get(self._table("presets").key or "", next(iter(presets.values())))

    @property
    def chosen_run(self) -> RunView | None:
        """The run under the cursor of the list that has the focus."""
        if self.pane == "queue":
            job = self.chosen_job
            return home_rows.run_of_job(self.state, job) if job else None
        return self.state.runs.get(self._table("runs").key or "")

    @property
    def chosen_job(self) -> Job | None:
        view = self.wst.cluster_view
        if self.pane == "queue" and view is not None:
            return next((job for job in view.queue if job.job_id == self._table("queue").key), None)
        run = self.state.runs.get(self._table("runs").key or "") if self.pane == "runs" else None
        return run.job if run is not None else None

    def update_view(self) -> None:
        app, palette = self.wst, self.palette
        cluster = app.cluster
        self._table("presets").show(
            [
                (p.name, preset_row(i, p, cluster, app.forecast(p), palette))
                for i, p in enumerate(app.config.presets.values(), 1)
            ]
        )
        runs = self._table("runs")
        runs.show([(r.spec.run_id, home_rows.run_row(r, app.now, palette)) for r in app.runs])
        runs.border_subtitle = home_rows.runs_subtitle(app.runs)
        queue = self._table("queue")
        view = app.cluster_view
        queue.show([(j.job_id, home_rows.job_row(j, self.state, app.now, palette)) for j in view.queue] if view else [])
        queue.border_subtitle = home_rows.queue_subtitle(view, app.now, palette)
        self._show_details()

    def _show_details(self) -> None:
        pane = self.pane
        run = self.chosen_run if pane != "presets" else None
        if pane == "presets" or (pane == "runs" and run is None):
            self._show_preset(self.chosen_preset) if pane == "presets" else self._show_empty(pane)
        elif run is not None:
            self._show_run(run)
        elif (job := self.chosen_job) is not None:
            self._show_foreign(job)
        else:
            self._show_empty(pane)

    def _parts(self) -> tuple[VerticalScroll, Static, Static, Chart]:
        return (
            self.query_one("#details", VerticalScroll),
            self.query_one("#verdict", Static),
            self.query_one("#facts", Static),
            self.query_one("#preview", Chart),
        )

    def _show_preset(self, preset: Preset) -> None:
        details, verdict, facts, preview = self._parts()
        forecast, palette = self.wst.forecast(preset), self.palette
        details.border_title = Text(preset.name)
        head = home_rows.forecast_badge(forecast, palette)
        for line in forecast_lines(forecast, palette):
            head.append("\n").append_text(line)
        if record := track_record(scores_of(self.wst.runs)):
            head.append(f"\n{record}", style=palette.faint)
        verdict.update(head)
        text = columns(preset_facts(preset, self.wst.cluster), palette)
        facts.update(Text.assemble(Text(preset.summary + "\n\n", style="italic") if preset.summary else "", text))
        preview.display = False

    def _show_run(self, run: RunView) -> None:
        details, verdict, facts, preview = self._parts()
        palette, width = self.palette, max(20, details.scrollable_content_region.width)
        details.border_title = Text(run.spec.run_id)
        verdict.update(banner(run, self.wst.now, width, 3, palette))
        facts.update(columns(home_rows.run_facts(run, self.wst.now, palette, width), palette))
        preview.display = details.size.height > 20 and bool(run.log.segments)
        drawn = (run.spec.run_id, run.log_version)
        if preview.display and drawn != self._drawn:
            self._drawn = drawn
            preview.show(view_of(run, ChartState(), palette))

    def _show_foreign(self, job: Job) -> None:
        details, verdict, facts, preview = self._parts()
        details.border_title = Text(f"job {job.job_id}")
        note = "Not started here.\nEnter opens its log and curves."
        verdict.update(Text(note, style=self.palette.faint))
        facts.update(columns(home_rows.job_facts(job, self.wst.now), self.palette))
        preview.display = False

    def _show_empty(self, pane: str) -> None:
        details, verdict, facts, preview = self._parts()
        details.border_title = ""
        verdict.update(home_rows.empty_words(pane, self.wst.cluster_view, self.palette))
        facts.update("")
        preview.display = False

    @on(DataTable.RowHighlighted)
    def _moved(self) -> None:
        if self.is_current:
            self._show_details()
            self.refresh_bindings()

    def on_descendant_focus(self) -> None:
        self._show_details()
        self.refresh_bindings()

    @on(DataTable.RowSelected)
    def _picked(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_launch() if self.pane == "presets" else self.action_open()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Keys that have nothing to act on are not offered."""
        if action in ("launch", "edit", "compare"):
            return self.pane == "presets"
        if action == "open":
            return self.pane != "presets" and (self.chosen_run is not None or self.chosen_job is not None)
        if action in ("cancel", "stop", "hold", "limit"):
            job, run = self.chosen_job, self.chosen_run if self.pane != "presets" else None
            live = job is not None and job.live and (run is None or run.phase not in OVER)
            if action == "hold":
                return live and run is not None and job is not None and job.state == "PENDING"
            if action == "stop" and run is not None and foreign(run):
                return False
            return live and (run is not None or action == "cancel")
        if action == "resume":
            run = self.chosen_run if self.pane != "presets" else None
            return run is not None and run.phase in RESUMABLE and not foreign(run)
        if action == "overlay":
            return self.pane == "runs" and len(self.state.runs) > 1
        return True

    def action_launch(self) -> None:
        self.wst.review(self.chosen_preset)

    def action_open(self) -> None:
        if (run := self.chosen_run) is not None:
            self.wst.open_run(run.spec.run_id)
        elif (job := self.chosen_job) is not None:
            self.wst.watch_job(job.job_id)

    def action_preset(self, number: int) -> None:
        names = list(self.wst.config.presets)
        if number <= len(names):
            table = self._table("presets")
            table.focus()
            table.choose(names[number - 1])

    def action_edit(self) -> None:
        self.wst.edit(self.chosen_preset)

    def action_compare(self) -> None:
        self.wst.compare_presets(self.chosen_preset)

    def action_cancel(self) -> None:
        run, job = self.chosen_run, self.chosen_job
        if run is not None:
            self.wst.ask_cancel(run)
        elif job is not None:
            self.wst.ask_cancel_job(job)

    def action_stop(self) -> None:
        if (run := self.chosen_run) is not None:
            self.wst.ask_stop(run)

    def action_resume(self) -> None:
        if (run := self.chosen_run) is not None:
            self.wst.ask_resume(run)

    def action_hold(self) -> None:
        run, job = self.chosen_run, self.chosen_job
        if run is not None and job is not None:
            self.wst.hold_or_release(run, job)

    def action_limit(self) -> None:
        if (run := self.chosen_run) is not None:
            self.wst.ask_limit(run)

    def action_overlay(self) -> None:
        self.wst.overlay(self._table("runs").key)

    def newest_run_chosen(self) -> None:
        """Puts the cursor on the newest run, after a launch."""
        if self.wst.runs:
            self._table("runs").choose(self.wst.runs[0].spec.run_id)
