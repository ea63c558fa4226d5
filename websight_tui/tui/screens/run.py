"""One run: its verdict and how that changed, its curves, its log, its jobs and checkpoints."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.widgets import ContentSwitcher, Input, Static

from websight_tui.runs.phase import OVER, RESUMABLE
from websight_tui.runs.state import Phase, RunView
from websight_tui.tui import keymap, run_facts, verdict_rows
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.present import columns, foreign
from websight_tui.tui.present_preset import difference_rows, preset_facts
from websight_tui.tui.remedy_list import wants_remedy
from websight_tui.tui.saved_rows import COLUMNS
from websight_tui.tui.screens.run_charts import SMALL, RunCharts
from websight_tui.tui.screens.run_log import LogKeys
from websight_tui.tui.screens.run_saved import ON_SAVED, SavedKeys
from websight_tui.tui.widgets.chart import Chart
from websight_tui.tui.widgets.key_line import KeyLine
from websight_tui.tui.widgets.log_view import LogView
from websight_tui.tui.widgets.status_bar import StatusBar
from websight_tui.tui.widgets.still import entitle, put
from websight_tui.tui.widgets.table import KeyedTable
from websight_tui.tui.widgets.verdict import banner

_ON_RUN = frozenset(
    ("remedies", "cancel", "stop", "resume", "limit", "hold", "requeue", "change", "copy", "report", "shell")
)
TABS = ("log", "jobs", "checkpoints", "verdicts", "settings")
_FOCUSED = {"checkpoints": "#saved", "verdicts": "#changes"}
"""What has the keys in a tab that holds more than one thing."""


class RunScreen(RunCharts, LogKeys, SavedKeys):
    """Follows the run `run_id`."""

    BINDINGS: ClassVar[list[BindingType]] = list(keymap.RUN)
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-middle"), (36, "-tall"), (50, "-high")]  # noqa: RUF012 (Textual declares it so)
    AUTO_FOCUS = "#main"

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self._log_shown: tuple[str, str] = ("", "")

    def compose(self) -> ComposeResult:
        yield StatusBar(banner=self.wst.banner)
        with Vertical(id="head"):
            yield Static(id="banner")
            yield Static(id="figures")
        with Container(id="charts"):
            yield Chart(id="main")
            with Container(id="side"):
                for index, _ in enumerate(SMALL):
                    yield Chart(id=f"side{index}")
        with ContentSwitcher(id="lower", initial="log"):
            yield LogView(id="log")
            yield KeyedTable(run_facts.JOB_COLUMNS, id="jobs")
            with Vertical(id="checkpoints"):
                yield KeyedTable(COLUMNS, id="saved")
                yield Static(id="tasks")
            with Vertical(id="verdicts"):
                yield KeyedTable(verdict_rows.COLUMNS, id="changes")
                yield Static(id="reason")
            with VerticalScroll(id="settings"):
                yield Static(id="settings-text")
        yield Input(placeholder="search the log (regular expression)", id="search")
        yield KeyLine()

    def on_mount(self) -> None:
        super().on_mount()
        for index, _ in enumerate(SMALL):
            self.query_one(f"#side{index}", Chart).can_focus = False
        self.watch(self.query_one("#changes", KeyedTable), "chosen", self._show_reason, init=False)
        self.wst.controller.ask(lambda engine: engine.focus(self.run_id))

    def on_unmount(self) -> None:
        self.wst.controller.ask(lambda engine: engine.stop_look(self.run_id))
        self.wst.controller.ask(lambda engine: engine.focus(None))

    @property
    def run(self) -> RunView | None:
        return self.state.runs.get(self.run_id)

    # showing

    def update_view(self) -> None:
        run = self.run
        if run is None:
            # a job that is not ours has its cluster's name and a colon before its id (runs.foreign)
            said = "Looking for this job on the cluster…" if ":" in self.run_id else "This run is not in the history."
            self.query_one("#banner", Static).update(Text(said, style=self.palette.faint))
            return
        self._show_head(run)
        self.show_charts()
        self._show_lower(run)
        self.show_answer(run)

    def _show_head(self, run: RunView) -> None:
        head, said = self.query_one("#head"), self.query_one("#banner", Static)
        width = max(20, self.size.width - 4)
        job = run.job
        parts = [f"{glyph(run.phase)} {run.phase.value}", *([f"job {job.job_id}"] if job else []), run.spec.cluster]
        entitle(head, run.spec.run_id, f" {glyph('dot')} ".join(parts))
        height = 2 if self.has_class("-short") else 3
        keys = self.wst.config.keys
        hint = f"{keys.get('run.remedies', 'r')} remedies" if wants_remedy(run) else ""
        if run.phase is Phase.FINISHED and not foreign(run):
            hint = f"{keys.get('run.tab', 'v')} checkpoints: download, test or merge the adapter"
        put(said, banner(run, self.wst.now, width, height, self.palette, hint=hint))
        put(self.query_one("#figures", Static), run_facts.figures_line(run, width, self.palette))

    def _show_lower(self, run: RunView) -> None:
        lower = self.query_one("#lower", ContentSwitcher)
        title = Text()
        for index, tab in enumerate(TABS):
            name = self.stream if tab == "log" else tab
            title.append(f" {glyph('dot')} " if index else "")
            title.append(name, style="bold underline" if tab == lower.current else "not bold dim")
        log = self.query_one("#log", LogView)
        shown = (self.stream, run.job.job_id if run.job else "")
        log.empty = "No output yet." if run.phase not in OVER else "No output."
        if shown[1] != self._log_shown[1]:
            self.place = None  # it is another job's
        log.show(self.shown_tail(run), reset=shown != self._log_shown)
        self._log_shown = shown
        entitle(lower, title, self.log_words() if lower.current == "log" else "")
        now, palette = self.wst.now, self.palette
        if lower.current == "jobs":
            rows = [(job.job_id, run_facts.job_cells(job, now, palette)) for job in reversed(run.jobs)]
            self.query_one("#jobs", KeyedTable).show(rows)
        elif lower.current == "checkpoints":
            self.show_saved(run)
        elif lower.current == "verdicts":
            self.query_one("#changes", KeyedTable).show(verdict_rows.verdict_rows(run, now, palette))
            self._show_reason()
        elif lower.current == "settings":
            self._show_settings(run)

    def _show_reason(self) -> None:
        if (run := self.run) is not None:
            key = self.query_one("#changes", KeyedTable).key
            put(self.query_one("#reason", Static), verdict_rows.reason_of(run, key, self.palette))

    def _show_settings(self, run: RunView) -> None:
        from websight_tui.presets import differences

        preset = run.spec.preset
        cluster = self.wst.config.clusters.get(run.spec.cluster, self.wst.cluster)
        text = columns(preset_facts(preset, cluster), self.palette)
        base = self.wst.config.presets.get(preset.name)
        if base is not None and (changed := differences(preset, base)):
            text.append(f"\n\ndiffers from {base.name}\n", style=self.palette.faint)
            text.append_text(difference_rows(changed, self.palette))
        put(self.query_one("#settings-text", Static), text)

    def on_resize(self) -> None:
        self.call_after_refresh(self._changed)

    @on(LogView.Changed)
    def _log_changed(self) -> None:
        if self.place is not None and self.log_view.follow:
            self.leave_place()  # the End key: the log's end, not the place's
        lower = self.query_one("#lower", ContentSwitcher)
        if lower.current == "log":
            entitle(lower, subtitle=self.log_words())

    # the lower half's keys

    def action_tab(self) -> None:
        self.show_lower()
        lower = self.query_one("#lower", ContentSwitcher)
        lower.current = TABS[(TABS.index(lower.current or "log") + 1) % len(TABS)]
        self.update_view()
        self.refresh_bindings()
        if self.focused is None or self.focused.id != "main":
            self.query_one(_FOCUSED.get(lower.current, f"#{lower.current}")).focus()

    def action_maximise(self) -> None:
        if self.has_class("-charts-only") or self.has_class("-lower-only"):
            self.remove_class("-charts-only", "-lower-only")
        else:
            self.add_class("-charts-only" if self.query_one("#main").has_focus else "-lower-only")
        self.call_after_refresh(self._changed)

    # the run's keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Keys that have nothing to act on are not offered."""
        run = self.run
        if action in ON_SAVED:
            return run is not None and not foreign(run) and self.saved_shown()
        if action not in _ON_RUN:
            return True
        if run is None:
            return False
        job, over = run.job, run.phase in OVER
        live = job is not None and job.live and not over
        return {
            "remedies": True,
            "cancel": not over,
            "stop": not over and not foreign(run),
            "resume": run.phase in RESUMABLE and not foreign(run),
            "limit": live,
            "hold": live and job is not None and job.state == "PENDING",
            "requeue": not foreign(run) and job is not None and (job.state == "RUNNING" or run.phase in RESUMABLE),
            "change": not foreign(run),
            "copy": job is not None,
            "report": True,
            "shell": live and job is not None and job.state == "RUNNING",
        }[action]

    def action_remedies(self) -> None:
        if (run := self.run) is not None:
            self.wst.show_remedies(run)

    def action_requeue(self) -> None:
        if (run := self.run) is not None:
            self.wst.ask_requeue(run)

    def action_change(self) -> None:
        if (run := self.run) is not None:
            self.wst.resubmit(run)

    def action_report(self) -> None:
        if (run := self.run) is not None:
            self.wst.write_report(run)

    def action_copy(self) -> None:
        if (run := self.run) is not None:
            self.wst.copy_job_id(run)

    def action_shell(self) -> None:
        if (run := self.run) is not None:
            self.wst.open_shell(run)

    def action_limit(self) -> None:
        if (run := self.run) is not None:
            self.wst.ask_limit(run)

    def action_hold(self) -> None:
        if (run := self.run) is not None and run.job is not None:
            self.wst.hold_or_release(run, run.job)

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
            self.close_search()
        elif self.stop_looking():
            return
        elif self.place is not None:
            self.leave_place()
        elif self.chart.cursor is not None:
            self.redraw(self.chart.pin(None))
        else:
            self.app.pop_screen()
