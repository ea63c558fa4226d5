"""What a person can ask for from any screen: questions first where something is lost, then a wish to the controller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from websight_tui.presets import Preset
from websight_tui.runs.state import Link, RunView
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.undo import Undoing

if TYPE_CHECKING:
    from websight_tui.slurm_commands.model import Job


_ANOTHER: Final = "\0another"
"""In the place of a cluster's name."""


class Actions(Undoing):
    """The app's verbs; mixed into WebsightApp."""

    def action_leave(self) -> None:
        """Ends the app at once; jobs go on."""
        self._app.exit()

    def action_help(self) -> None:
        from websight_tui.tui.screens.help import HelpScreen, group_of

        screen = self._app.screen
        if not isinstance(screen, HelpScreen):
            ids = {active.binding.id or "" for active in screen.active_bindings.values()}
            self._app.push_screen(HelpScreen(self._app.config.keys, group_of(ids)))

    def action_more_keys(self) -> None:
        from websight_tui.tui.widgets.key_line import KeyLine

        for line in self._app.screen.query(KeyLine):
            line.open = not line.open

    def action_refresh(self) -> None:
        app = self._app
        app.controller.ask(lambda engine: engine.refresh(app.cluster_name))

    def action_next_theme(self) -> None:
        from websight_tui.tui.themes import THEMES

        names = [theme.name for theme in THEMES]
        at = names.index(self._app.theme) if self._app.theme in names else -1
        self._app.theme = names[(at + 1) % len(names)]
        self._app.notify(f"Theme {self._app.theme}. Keep it in the settings (,).", markup=False)

    def action_settings(self) -> None:
        from websight_tui.tui.screens.settings import SettingsScreen

        if not isinstance(self._app.screen, SettingsScreen):
            self._app.push_screen(SettingsScreen())

    def action_save_screenshot(self) -> None:
        from pathlib import Path

        path = self._app.save_screenshot(path=str(Path.cwd()))
        self._app.notify(f"Saved {path}", markup=False)

    def action_switch_cluster(self) -> None:
        from websight_tui.tui.first_minute import ask_where
        from websight_tui.tui.screens.choose import ChooseScreen

        app = self._app
        width = max(map(len, app.config.clusters), default=0)
        options = []
        for name, cluster in app.config.clusters.items():
            view = app.state.clusters.get(name)
            link = view.link if view is not None else Link.OFFLINE
            place = cluster.endpoint.host or "this machine"
            options.append((name, f"{glyph(link)} {name:<{width}}   {link.value:<12}   {place}"))
        options.append((_ANOTHER, "  another one"))

        def chosen(name: str | None) -> None:
            if name == _ANOTHER:
                ask_where(app)
            elif name is not None:
                app.choose_cluster(name)

        app.push_screen(ChooseScreen("Connect to", options, app.cluster_name), chosen)

    def choose_cluster(self, name: str) -> None:
        """Makes `name` the cluster that launches go to, and connects to it."""
        self._app.cluster_name = name
        self._app.controller.connect(name)
        self._app.mutate_reactive(type(self._app).state)

    def review(self, preset: Preset, base: Preset | None = None) -> None:
        """Shows what launching `preset` would do."""
        from websight_tui.tui.screens.launch import LaunchScreen

        self._app.push_screen(LaunchScreen(preset, base or preset))

    def review_sweep(self, presets: Sequence[Preset]) -> None:
        """Shows what launching several presets together would do."""
        from websight_tui.tui.screens.sweep_launch import SweepLaunchScreen

        self._app.push_screen(SweepLaunchScreen(presets))

    def open_sweep(self, sweep_id: str) -> None:
        """Shows the table of one sweep."""
        from websight_tui.tui.screens.sweep import SweepScreen

        self._app.push_screen(SweepScreen(self._app.state.sweeps[sweep_id]))

    def choose_sweep(self) -> None:
        """Shows the only sweep, or asks which."""
        from websight_tui.runs.sweeps.table import rows_of, summary
        from websight_tui.tui.screens.choose import ChooseScreen

        app = self._app
        newest_first = list(app.state.sweeps.values())[::-1]
        if len(newest_first) == 1:
            self.open_sweep(newest_first[0].sweep_id)
            return
        options = [
            (sweep.sweep_id, f"{sweep.sweep_id}  {summary(rows_of(sweep, app.state.runs, app.now))}")
            for sweep in newest_first
        ]
        app.push_screen(ChooseScreen("Which sweep?", options), lambda found: self.open_sweep(found) if found else None)

    def edit(self, preset: Preset, base: Preset | None = None) -> None:
        """Opens the form of `preset`."""
        from websight_tui.tui.screens.edit import EditScreen

        self._app.push_screen(EditScreen(preset, base or preset))

    def compare_presets(self, preset: Preset) -> None:
        """Shows two presets side by side."""
        from websight_tui.tui.screens.compare import CompareScreen

        self._app.push_screen(CompareScreen(preset))

    def open_run(self, run_id: str) -> None:
        """Shows one run."""
        from websight_tui.tui.screens.run import RunScreen

        self._app.push_screen(RunScreen(run_id))

    def overlay(self, run_id: str | None) -> None:
        """Shows the curves of several runs over each other."""
        from websight_tui.tui.screens.overlay import OverlayScreen

        self._app.push_screen(OverlayScreen(run_id))

    def ask_cancel(self, run: RunView) -> None:
        """Cancels a run's job, after a question that says what is lost."""
        from websight_tui.tui.run_facts import loss_of_cancel
        from websight_tui.tui.screens.confirm import ConfirmScreen

        app, run_id = self._app, run.spec.run_id
        job = run.job
        body = f"{'Job ' + job.job_id if job else 'The job'} of run {run_id} is ended at once. {loss_of_cancel(run)}"

        def answered(sure: bool | None) -> None:
            if sure:
                app.controller.ask(lambda engine: engine.cancel(run_id))

        app.push_screen(ConfirmScreen("Cancel this run?", body, "Cancel it", danger=True), answered)

    def ask_cancel_job(self, job: Job) -> None:
        """Cancels a job of the queue that is no run of this app, after a question."""
        from websight_tui.metrics.terminal_text import plain
        from websight_tui.tui.screens.confirm import ConfirmScreen

        app, cluster, job_id = self._app, self._app.cluster_name, job.job_id

        def answered(sure: bool | None) -> None:
            if sure:
                app.controller.ask(lambda engine: engine.cancel_job(cluster, job_id))

        body = f"Job {job_id} ({plain(job.name, 60)}) was not started here. It is ended at once."
        app.push_screen(ConfirmScreen("Cancel this job?", body, "Cancel it", danger=True), answered)

    def ask_stop(self, run: RunView) -> None:
        """Asks the run to save a checkpoint and stop."""
        from websight_tui.tui.screens.confirm import ConfirmScreen

        app, run_id = self._app, run.spec.run_id

        def answered(sure: bool | None) -> None:
            if sure:
                app.controller.ask(lambda engine: engine.save_and_stop(run_id))

        body = "It finishes its step, saves a checkpoint and ends its job. Nothing trained is lost; resume it any time."
        app.push_screen(ConfirmScreen("Save and stop?", body, "Save and stop"), answered)

    def ask_resume(self, run: RunView) -> None:
        """Gives a stopped run one more job, after a question."""
        from websight_tui.tui.screens.confirm import ConfirmScreen

        app, run_id = self._app, run.spec.run_id
        body = f"One more job is submitted for run {run_id}. It goes on from the newest valid checkpoint."

        def answered(sure: bool | None) -> None:
            if sure:
                app.controller.ask(lambda engine: engine.resume(run_id))

        app.push_screen(ConfirmScreen("Resume this run?", body, "Resume"), answered)

    def hold_or_release(self, run: RunView, job: Job) -> None:
        """Keeps a pending job from starting, or lets it start again."""
        run_id = run.spec.run_id
        if job.reason.startswith("JobHeld"):
            self._app.controller.ask(lambda engine: engine.release(run_id))
        else:
            self._app.controller.ask(lambda engine: engine.hold(run_id))

    def ask_limit(self, run: RunView) -> None:
        """Changes the time limit of a run's job."""
        from websight_tui.slurm_commands.times import parse_duration
        from websight_tui.tui.screens.ask import AskScreen

        app, run_id, job = self._app, run.spec.run_id, run.job
        now = run.spec.preset.time_limit or app.cluster.time_limit

        def answered(text: str | None) -> None:
            seconds = parse_duration(text) if text else None
            if seconds is not None:
                app.controller.ask(lambda engine: engine.set_time_limit(run_id, seconds))

        hint = "H:MM:SS or D-HH:MM:SS. A running job's limit can be shortened; raising it takes an administrator."
        title = f"Time limit of job {job.job_id if job else '?'}"
        app.push_screen(AskScreen(title, hint, now, check=_limit_problem), answered)


def _limit_problem(text: str) -> str:
    from websight_tui.slurm_commands.times import parse_duration

    return "" if parse_duration(text) is not None else "expected H:MM:SS, such as 8:00:00"
