"""One run: its verdict, its curves, its log, its jobs and checkpoints."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import ContentSwitcher, Footer, Input, Static

from websight_tui.runs.phase import OVER, RESUMABLE
from websight_tui.runs.state import RunView
from websight_tui.tui import keymap, run_facts
from websight_tui.tui.curves import Metric
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.present import columns
from websight_tui.tui.present_preset import difference_rows, preset_facts
from websight_tui.tui.run_chart import ChartState, view_of
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.widgets.chart import Chart
from websight_tui.tui.widgets.log_view import LogView
from websight_tui.tui.widgets.status_bar import StatusBar
from websight_tui.tui.widgets.table import KeyedTable
from websight_tui.tui.widgets.verdict import banner

TABS = ("log", "jobs", "checkpoints", "settings")
SIDE = (Metric.LEARNING_RATE, Metric.GRAD_NORM, Metric.PACE)


class RunScreen(StateScreen[None]):
    """Follows the run `run_id`."""

    BINDINGS: ClassVar[list[BindingType]] = list(keymap.RUN)
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012 (Textual declares it so)
    AUTO_FOCUS = "#main"

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self.chart = ChartState()
        self.stream = "stdout"
        self._log_shown: tuple[str, str] = ("", "")

    def compose(self) -> ComposeResult:
        yield StatusBar(banner=self.wst.banner)
        with Vertical(id="head"):
            yield Static(id="banner")
            yield Static(id="figures")
        with Horizontal(id="charts"):
            yield Chart(id="main")
            with Vertical(id="side"):
                for index, _ in enumerate(SIDE):
                    yield Chart(id=f"side{index}")
        with ContentSwitcher(id="lower", initial="log"):
            yield LogView(id="log")
            yield KeyedTable(run_facts.JOB_COLUMNS, id="jobs")
            yield KeyedTable(run_facts.CHECKPOINT_COLUMNS, id="checkpoints")
            with VerticalScroll(id="settings"):
                yield Static(id="settings-text")
        yield Input(placeholder="search the log", id="search")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        super().on_mount()
        for index, _ in enumerate(SIDE):
            self.query_one(f"#side{index}", Chart).can_focus = False
        self.wst.controller.ask(lambda engine: engine.focus(self.run_id))

    def on_unmount(self) -> None:
        self.wst.controller.ask(lambda engine: engine.focus(None))

    @property
    def run(self) -> RunView | None:
        return self.state.runs.get(self.run_id)

    # showing

    def update_view(self) -> None:
        run = self.run
        if run is None:
            self.query_one("#banner", Static).update(Text("This run is not in the history.", style=self.palette.warn))
            return
        self._show_head(run)
        self._show_charts(run)
        self._show_lower(run)

    def _show_head(self, run: RunView) -> None:
        head, said = self.query_one("#head"), self.query_one("#banner", Static)
        width = max(20, self.size.width - 4)
        head.border_title = Text(f"{run.spec.run_id}")
        job = run.job
        parts = [f"{glyph(run.phase)} {run.phase.value}", *([f"job {job.job_id}"] if job else []), run.spec.cluster]
        head.border_subtitle = Text(f" {glyph('dot')} ".join(parts))
        said.update(banner(run, self.wst.now, width, 2 if self.has_class("-short") else 3, self.palette))
        self.query_one("#figures", Static).update(run_facts.figures_line(run, width, self.palette))

    def _show_charts(self, run: RunView, *, at_once: bool = False) -> None:
        main, state, palette = self.query_one("#main", Chart), self.chart, self.palette
        main.border_title = Text(state.metric.value)
        main.border_subtitle = Text(state.words())
        main.empty = "No step logged yet." if run.phase not in OVER else "Nothing was logged."
        main.show(view_of(run, state, palette), at_once=at_once)
        if self.query_one("#side").display:
            others = [m for m in (Metric.LOSS, *SIDE) if m is not state.metric][: len(SIDE)]
            for index, metric in enumerate(others):
                side = self.query_one(f"#side{index}", Chart)
                side.border_title = Text(metric.value)
                side.show(view_of(run, state.of(metric), palette), at_once=at_once)

    def _show_lower(self, run: RunView) -> None:
        lower = self.query_one("#lower", ContentSwitcher)
        title = Text()
        for index, tab in enumerate(TABS):
            name = self.stream if tab == "log" else tab
            title.append(f" {glyph('dot')} " if index else "")
            title.append(name, style="bold underline" if tab == lower.current else "not bold dim")
        lower.border_title = title
        log = self.query_one("#log", LogView)
        shown = (self.stream, run.job.job_id if run.job else "")
        log.empty = "No output yet." if run.phase not in OVER else "No output."
        log.show(getattr(run, self.stream), reset=shown != self._log_shown)
        self._log_shown = shown
        lower.border_subtitle = Text(self._log_words(log)) if lower.current == "log" else ""
        now, palette = self.wst.now, self.palette
        if lower.current == "jobs":
            rows = [(job.job_id, run_facts.job_cells(job, now, palette)) for job in reversed(run.jobs)]
            self.query_one("#jobs", KeyedTable).show(rows)
        elif lower.current == "checkpoints":
            self.query_one("#checkpoints", KeyedTable).show(run_facts.checkpoint_rows(run, now))
        elif lower.current == "settings":
            self._show_settings(run)

    def _show_settings(self, run: RunView) -> None:
        from websight_tui.presets import differences

        preset = run.spec.preset
        cluster = self.wst.config.clusters.get(run.spec.cluster, self.wst.cluster)
        text = columns(preset_facts(preset, cluster), self.palette)
        base = self.wst.config.presets.get(preset.name)
        if base is not None and (changed := differences(preset, base)):
            text.append(f"\n\ndiffers from {base.name}\n", style=self.palette.faint)
            text.append_text(difference_rows(changed, self.palette))
        self.query_one("#settings-text", Static).update(text)

    def _log_words(self, log: LogView) -> str:
        parts = ["following" if log.follow else "held still, f follows"]
        if log.query_text:
            parts.append(f"{len(log.matches)} of '{log.query_text[:20]}'")
        return f" {glyph('dot')} ".join([*parts, *(["wrapped"] if log.wrap else [])])

    def on_resize(self) -> None:
        self.call_after_refresh(self._changed)

    @on(LogView.Changed)
    def _log_changed(self) -> None:
        lower = self.query_one("#lower", ContentSwitcher)
        if lower.current == "log":
            lower.border_subtitle = Text(self._log_words(self.query_one("#log", LogView)))

    # the chart's keys

    def _redraw(self, state: ChartState | None) -> None:
        run = self.run
        if state is not None and run is not None:
            self.chart = state
            self._show_charts(run, at_once=True)

    def action_metric(self, step: int) -> None:
        self._redraw(self.chart.next_metric(step))

    def action_axis(self) -> None:
        self._redraw(self.chart.next_axis())

    def action_log_axis(self) -> None:
        self._redraw(self.chart.toggled_log())

    def action_smooth(self, step: int) -> None:
        self._redraw(self.chart.smoother(step))

    def action_whole(self) -> None:
        self._redraw(self.chart.toggled_whole())

    def action_zoom(self, direction: int, x: float | None = None) -> None:
        if (run := self.run) is not None:
            self._redraw(self.chart.zoomed(view_of(run, self.chart, self.palette), direction, x))

    def action_pan(self, direction: int) -> None:
        if (run := self.run) is not None:
            self._redraw(self.chart.panned(view_of(run, self.chart, self.palette), direction))

    def action_move(self, direction: int) -> None:
        if (run := self.run) is not None:
            self._redraw(self.chart.moved(view_of(run, self.chart, self.palette), direction))

    @on(Chart.Hovered, "#main")
    def _hovered(self, message: Chart.Hovered) -> None:
        self._redraw(self.chart.at(message.x))

    @on(Chart.Wheel, "#main")
    def _wheel(self, message: Chart.Wheel) -> None:
        self.action_zoom(message.direction, message.x)

    # the lower half's keys

    def action_tab(self) -> None:
        lower = self.query_one("#lower", ContentSwitcher)
        lower.current = TABS[(TABS.index(lower.current or "log") + 1) % len(TABS)]
        self.update_view()
        if self.focused is None or self.focused.id != "main":
            self.query_one(f"#{lower.current}").focus()

    def action_stream(self) -> None:
        self.stream = "stderr" if self.stream == "stdout" else "stdout"
        self.query_one("#lower", ContentSwitcher).current = "log"
        self.update_view()

    def action_follow(self) -> None:
        log = self.query_one("#log", LogView)
        log.set_follow(not log.follow)

    def action_wrap(self) -> None:
        log = self.query_one("#log", LogView)
        log.set_wrap(not log.wrap)

    def action_search(self) -> None:
        self.query_one("#lower", ContentSwitcher).current = "log"
        field = self.query_one("#search", Input)
        field.add_class("-shown")
        field.value = ""
        field.focus()

    @on(Input.Submitted, "#search")
    def _searched(self, event: Input.Submitted) -> None:
        self._close_search()
        if not self.query_one("#log", LogView).search(event.value) and event.value:
            self.notify(f"'{event.value[:40]}' is not in the last lines of {self.stream}.", markup=False)

    def _close_search(self) -> None:
        self.query_one("#search", Input).remove_class("-shown")
        self.query_one("#log", LogView).focus()

    def action_match(self, direction: int) -> None:
        self.query_one("#log", LogView).step(direction)

    def action_error(self) -> None:
        if not self.query_one("#log", LogView).to_first_error():
            self.notify(f"Nothing in {self.stream} looks like an error.")

    def action_maximise(self) -> None:
        if self.has_class("-charts-only") or self.has_class("-lower-only"):
            self.remove_class("-charts-only", "-lower-only")
        else:
            self.add_class("-charts-only" if self.query_one("#main").has_focus else "-lower-only")
        self.call_after_refresh(self._changed)

    # the run's keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        run = self.run
        if action in ("cancel", "stop"):
            return run is not None and run.phase not in OVER
        return run is not None and run.phase in RESUMABLE if action == "resume" else True

    def action_cancel(self) -> None:
        if (run := self.run) is not None:
            self.wst.ask_cancel(run)

    def action_stop(self) -> None:
        if (run := self.run) is not None:
            self.wst.ask_stop(run)

    def action_resume(self) -> None:
        if (run := self.run) is not None:
            self.wst.ask_resume(run)

    def action_back(self) -> None:
        if self.query_one("#search", Input).has_focus:
            self._close_search()
        elif self.chart.cursor is not None:
            self._redraw(self.chart.at(None))
        else:
            self.app.pop_screen()
