"""Home: the verdict of what is chosen in large letters; below it the lists, the details, and the curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.css.types import EdgeType
from textual.widgets import Static

from websight_tui.runs.phase import OVER
from websight_tui.runs.state import RunView
from websight_tui.tui import headlines, home_rows
from websight_tui.tui.glyphs import plain_ascii
from websight_tui.tui.headlines import Headline
from websight_tui.tui.home_layout import Heights, heights
from websight_tui.tui.present import columns, squeezed, wrapped
from websight_tui.tui.present_preset import preset_facts, preset_row
from websight_tui.tui.screens.home_keys import HomeKeys
from websight_tui.tui.widgets.chart import Chart
from websight_tui.tui.widgets.forecast_bars import ForecastBars
from websight_tui.tui.widgets.key_line import KeyLine
from websight_tui.tui.widgets.status_bar import StatusBar
from websight_tui.tui.widgets.still import entitle, put
from websight_tui.tui.widgets.table import KeyedTable

_LISTS: Final = ("presets", "runs", "queue")
_SIDE_BY_SIDE: Final = 100
"""Columns from which on bars and curve stand beside each other."""


class HomeScreen(HomeKeys):
    """The first screen."""

    HORIZONTAL_BREAKPOINTS = [(0, "-small"), (110, "-middle"), (140, "-roomy")]  # noqa: RUF012 (Textual declares it so)

    def __init__(self) -> None:
        super().__init__()
        self._drawn: tuple[str, int] | None = None
        self._heights: Heights | None = None
        self._edge: tuple[EdgeType, str] | None = None
        self._filling = False

    def compose(self) -> ComposeResult:
        yield StatusBar(banner=self.wst.banner)
        yield Static(id="hero")
        with Horizontal(id="body"):
            with Vertical(id="lists"):
                yield KeyedTable(home_rows.PRESET_COLUMNS, id="presets")
                yield KeyedTable(home_rows.RUN_COLUMNS, id="runs", show_header=False)
                yield KeyedTable(home_rows.QUEUE_COLUMNS, id="queue", show_header=False)
            with VerticalScroll(id="details", can_focus=False):
                yield Static(id="facts")
        with Horizontal(id="lower"):
            yield ForecastBars(id="bars")
            yield Chart(id="preview")
        yield KeyLine()

    def on_mount(self) -> None:
        super().on_mount()
        for name in _LISTS:
            self._table(name).border_title = name.capitalize()
            self.watch(self._table(name), "chosen", self._moved, init=False)
        self.query_one("#bars").border_title = "Presets against the limit"
        self.query_one("#preview", Chart).can_focus = False
        self.watch(self.query_one(KeyLine), "virtual_size", self._keys_opened, init=False)
        self._table("presets").focus()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.update_view()
        self._table("presets").choose(self.wst.first_preset)

    def update_view(self) -> None:
        self._filling = True  # a cursor that comes with its rows needs no details of its own
        try:
            self._fill_lists()
        finally:
            self._filling = False
        self._show_details()

    def _fill_lists(self) -> None:
        app, palette, cluster = self.wst, self.palette, self.wst.cluster
        presets = app.config.presets.values()
        marked = len(self.marked)
        entitle(self._table("presets"), subtitle=f"{marked} marked, Enter launches them together" if marked > 1 else "")
        self._table("presets").show(
            [
                (
                    p.name,
                    preset_row(i, p, cluster, made := app.forecast(p), palette, app.bounds(p, made))
                    | (home_rows.mark(palette) if p.name in self._marked else {}),
                )
                for i, p in enumerate(presets, 1)
            ]
        )
        runs, queue, view = self._table("runs"), self._table("queue"), app.cluster_view
        runs.say(home_rows.empty_runs(app.loaded, palette))
        listed = {r.spec.run_id: r for r in app.runs}
        runs.show_many(list(listed), lambda run_id: home_rows.run_row(listed[run_id], app.now, palette))
        entitle(runs, subtitle=home_rows.runs_subtitle(list(listed.values())))
        queue.say(home_rows.empty_queue(view, palette))
        jobs = self.jobs
        queue.show_many(tuple(jobs), lambda job_id: home_rows.job_row(jobs[job_id], self.state, app.now, palette))
        entitle(queue, subtitle=home_rows.queue_subtitle(view, app.now, palette))

    # the right side, the large word, and the curves

    def _show_details(self) -> None:
        pane, now, palette = self.pane, self.wst.now, self.palette
        run = self.chosen_run if pane != "presets" else None
        if pane == "presets":
            head, title = self._preset_details(), f"Forecast of {self.chosen_preset.name}"
        elif run is not None:
            head, title = headlines.of_run(run, now, palette), f"Run {home_rows.run_name(run)}"
            self._say(run.spec.run_id, home_rows.run_facts(run, now, palette, self._room))
        elif (job := self.chosen_job) is not None:
            head, title = headlines.of_job(job, now, palette), f"Job {job.job_id}"
            self._say(f"Job {job.job_id}", home_rows.job_facts(job, now, self._room))
        else:
            view, name, unwritten = self.wst.cluster_view, self.wst.cluster_name, self.state.unwritten
            title, wrong = pane.capitalize(), view is not None and bool(view.error or view.scheduler_error)
            if unwritten is not None:
                head, wrong = headlines.of_history(unwritten, palette), True
            else:
                head = headlines.of_cluster(view, name, pane, palette)
            wrong = wrong and not head.whole(*self._hero_room, palette)  # it need not be said twice
            said = self._paragraphs(head.lines if wrong else (), palette.text)
            self._say(f"Cluster {name}", home_rows.cluster_facts(self.wst.cluster, view), said)
        self._share_out()
        self._show_hero(head, title)
        self._show_lower(run)

    def _preset_details(self) -> Headline:
        preset, palette = self.chosen_preset, self.palette
        forecast = self.wst.forecast(preset)
        bounds = self.wst.bounds(preset, forecast)
        head = headlines.of_preset(forecast, palette, self._track_record(), bounds)
        before = self._paragraphs([Text(preset.summary, style="italic")] if preset.summary else ())
        after = self._paragraphs(head.lines[headlines.SHOWN :], palette.faint)
        facts = preset_facts(preset, self.wst.cluster, self._room - home_rows.LABEL - 1)
        self._say(preset.name, facts, before, [Text(), *after[:-1]] if after else ())
        return head

    def _track_record(self) -> str:
        if all(run.score is None for run in self.wst.runs):
            return ""
        from websight_tui.projection.forecast import track_record
        from websight_tui.runs.forecasting import scores_of

        return track_record(scores_of(self.wst.runs))

    @property
    def _room(self) -> int:
        """Cells of a line beside the lists."""
        return max(20, self.query_one("#details").scrollable_content_region.width - 1)

    def _paragraphs(self, said: Sequence[Text | str], style: str = "") -> list[Text]:
        """Sentences in lines that fit beside the lists, an empty one after each."""
        texts = [text if isinstance(text, Text) else Text(text, style) for text in said]
        return [line for text in texts for line in (*wrapped(text, self._room), Text())]

    def _say(
        self,
        title: str,
        facts: Sequence[tuple[str, Text | str]],
        before: Sequence[Text] = (),
        after: Sequence[Text] = (),
    ) -> None:
        entitle(self.query_one("#details"), title)
        lines = [*before, *columns(facts, self.palette, home_rows.LABEL).split("\n", allow_blank=True), *after]
        rows = self.query_one("#details").content_size.height  # no key scrolls here
        put(self.query_one("#facts", Static), squeezed(lines, rows))

    def _show_hero(self, head: Headline, title: str) -> None:
        hero = self.query_one("#hero", Static)
        framed = self._heights is not None and self._heights.framed
        put(hero, head.text(*self._hero_room, self.palette))
        entitle(hero, title if framed else "")
        kind: EdgeType = "none" if not framed else "ascii" if plain_ascii() else "round"
        if (edge := (kind, head.colour)) != self._edge:  # Textual draws a border anew even if it is the same
            self._edge = hero.styles.border = edge

    @property
    def _hero_room(self) -> tuple[int, int]:
        """Columns and rows within the frame around the large word."""
        framed = self._heights is not None and self._heights.framed
        rows = self._heights.hero - 2 * framed if self._heights else 3
        return max(20, self.size.width - 2 - 2 * framed), rows

    def _share_out(self) -> None:
        """Gives every pane the rows it needs."""
        used = self.message_rows or self.query_one(KeyLine).size.height or 1
        view = self.wst.cluster_view
        wanted = heights(
            self.size.height - 1 - used,
            presets=len(self.wst.config.presets),
            runs=len(self.wst.runs),
            jobs=len(view.queue) if view else 0,
        )
        if wanted != self._heights:
            self._heights = wanted
            for name in ("hero", "presets", "runs", "queue", "lower"):
                self.query_one(f"#{name}").styles.height = getattr(wanted, name)
            self.query_one("#lower").display = wanted.lower > 0
            self.call_after_refresh(self._changed)

    def _show_lower(self, chosen: RunView | None) -> None:
        if not self._heights or not self._heights.lower:
            return
        shown, preview = self.query_one("#bars", ForecastBars), self.query_one("#preview", Chart)
        run = chosen if chosen is not None and chosen.log.segments else self._newest_curve()
        preview.display = run is not None
        shown.set_class(run is None, "-alone")
        shown.display = self.size.width >= _SIDE_BY_SIDE or run is None
        forecasts = {p.name: self.wst.forecast(p) for p in self.wst.config.presets.values()}
        shown.show(forecasts, self.chosen_preset.name, self.palette)
        drawn = (run.spec.run_id, run.log_version) if run is not None else None
        if run is not None and drawn != self._drawn:
            from websight_tui.tui.run_chart import ChartState, view_of

            entitle(preview, f"Loss of {home_rows.run_name(run)}")
            view = view_of(run, ChartState(), self.palette)
            preview.show(view)
            if view.layers[0].curve.behind:
                drawn = None
                self.go_on(self._show_details)
        self._drawn = drawn

    def _newest_curve(self) -> RunView | None:
        """The newest run that has logged something, one under way first."""
        known = [run for run in self.wst.runs if run.log.segments]
        return next((run for run in known if run.phase not in OVER), known[0] if known else None)

    def on_resize(self, _: events.Resize) -> None:
        self.call_after_refresh(self._changed)

    def _keys_opened(self) -> None:
        self.call_after_refresh(self._changed)

    def _moved(self) -> None:
        if self.is_current:
            if not self._filling:
                self._show_details()
            self.refresh_bindings()

    def on_descendant_focus(self) -> None:
        if self._heights is not None:  # before the first frame, which shows them by itself
            self._moved()

    @on(KeyedTable.RowSelected)
    def _picked(self, event: KeyedTable.RowSelected) -> None:
        event.stop()
        self.action_launch() if self.pane == "presets" else self.action_open()
