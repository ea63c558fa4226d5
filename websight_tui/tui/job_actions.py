"""What a person can do with a run's job beside ending it: back into the queue, its id, a shell inside it, watching."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from websight_tui.config import POCKET
from websight_tui.errors import WebsightError
from websight_tui.runs.state import RunView

if TYPE_CHECKING:
    from websight_tui.tui.app import WebsightApp
    from websight_tui.tui.ports import EnginePort


class JobActions:
    """Verbs about one job; mixed into the app by `Actions`."""

    @property
    def _app(self) -> WebsightApp:
        return cast("WebsightApp", self)

    def show_remedies(self, run: RunView) -> None:
        """Lists what can be done about the run, and does what is chosen."""
        from websight_tui.projection.model import Remedy
        from websight_tui.tui.remedy_actions import act, offer_for
        from websight_tui.tui.screens.remedies import RemediesScreen

        app, run_id = self._app, run.spec.run_id

        def chosen(remedy: Remedy | None) -> None:
            if remedy is not None:
                act(app, run_id, remedy)

        app.push_screen(RemediesScreen(run_id, offer_for(app, run)), chosen)

    def ask_requeue(self, run: RunView) -> None:
        """Puts a run's job back into the queue, after a question that says what is lost."""
        from websight_tui.tui.run_facts import loss_of_cancel
        from websight_tui.tui.screens.confirm import ConfirmScreen

        app, run_id, job = self._app, run.spec.run_id, run.job
        if job is None:
            return
        running = job.state == "RUNNING"
        ends = "ends at once and " if running else ""
        body = (
            f"Job {job.job_id} {ends}waits in the queue again under the same id, with its whole limit, and goes on "
            "from the newest valid checkpoint."
        )
        lost = f" {loss_of_cancel(run)}" if running else ""

        def answered(sure: bool | None) -> None:
            if sure:
                app.controller.ask(lambda engine: engine.requeue(run_id))

        app.push_screen(ConfirmScreen("Requeue this job?", body + lost, "Requeue", danger=running), answered)

    def copy_job_id(self, run: RunView) -> None:
        """Puts the job's id into the clipboard of the person's terminal (OSC 52)."""
        if run.job is not None:
            self._app.copy_to_clipboard(run.job.job_id)
            self._app.tell(f"Copied job id {run.job.job_id}", good=True)

    def resubmit(self, run: RunView) -> None:
        """Opens the form with the run's settings, for another launch."""
        app = self._app
        if run.spec.cluster != app.cluster_name and run.spec.cluster in app.config.clusters:
            app.choose_cluster(run.spec.cluster)
        app.edit(run.spec.preset, app.config.presets.get(run.spec.preset.name, run.spec.preset))

    def watch_job(self, job_id: str) -> None:
        """Watches a job of the queue that was not submitted by this app, on a run screen of its own."""
        from websight_tui.runs.foreign import foreign_run_id

        app, cluster = self._app, self._app.cluster_name

        def watch(engine: EnginePort) -> None:
            engine.watch_job(cluster, job_id)

        app.controller.ask(watch)
        app.open_run(foreign_run_id(cluster, job_id))

    def write_report(self, run: RunView) -> None:
        """Writes the run as an HTML page into the folder the app was started in, and says where."""
        from websight_tui.runs.events import ActionMoved

        app, base, now = self._app, self._app.config.presets.get(run.spec.preset.name), self._app.now
        cluster = app.cluster_name

        def write() -> None:
            from websight_tui.report.of_run import report_of_run
            from websight_tui.report.write import made_words, written

            report = report_of_run(run, base, now=now, made=made_words(now))
            path = Path.cwd() / f"{run.spec.run_id.replace(':', '-').replace('/', '-')}-report.html"
            try:
                path.write_bytes(written(report, run.log, "html"))
            except OSError as exc:
                said = partial(app.tell, f"{path} cannot be written: {exc.strerror or exc}", "Start in another folder.")
            else:
                said = partial(app.tell, f"Report written to {path}", "Open it in a browser.", good=True)
            app.controller.emit(ActionMoved(cluster, "report", app.now, over=True))
            app.call_from_anywhere(said)

        app.controller.emit(ActionMoved(cluster, "report", now))
        app.run_worker(write, thread=True, description="writes a report", exit_on_error=False)

    def open_shell(self, run: RunView) -> None:
        """A shell inside the running job, on the person's own terminal; the app comes back when it ends."""

        from websight_tui.remote.openssh_command import terminal_command
        from websight_tui.slurm_commands import commands

        app, job = self._app, run.job
        if job is None or job.state != "RUNNING":
            app.tell("A shell needs a running job", "This one is not running.")
            return
        if run.spec.cluster == POCKET:
            app.tell(
                "The embedded cluster has no shells in its jobs", "They are processes of this machine: see the log."
            )
            return
        cluster = app.config.clusters.get(run.spec.cluster)
        if cluster is None:
            app.tell(f"Cluster '{run.spec.cluster}' is not configured any more", "Add it to config.toml.")
            return
        try:
            command = terminal_command(cluster.endpoint, commands.shell_in(job.job_id))
            status = self.run_on_terminal(command, f"job {job.job_id}")
        except WebsightError as exc:
            app.tell(exc.message, exc.hint)
            return
        if status:
            app.tell(
                f"The shell in job {job.job_id} ended with status {status}",
                "255 means that ssh could not log in; srun needs Slurm 20.11 or later for --overlap.",
            )

    def run_on_terminal(self, command: list[str], title: str) -> int:
        """Hands the terminal to `command` until it ends, and gives its exit status. Nothing is drawn meanwhile; events
        wait.

        Raises: WebsightError where there is no terminal to hand over, or the program cannot be started.
        """
        from textual.app import SuspendNotSupported

        try:
            with self._app.suspend():
                sys.stdout.write(f"\n{title}: `exit` comes back to websight-tui\n\n")
                sys.stdout.flush()
                status = subprocess.run(command, check=False).returncode
                if status:
                    input(f"\nIt ended with status {status}. Enter goes back to websight-tui. ")
                return status
        except SuspendNotSupported as exc:
            raise WebsightError(
                "This terminal cannot be handed to a shell", "Open another one and use ssh and srun there."
            ) from exc
        except (OSError, EOFError, KeyboardInterrupt) as exc:
            raise WebsightError(f"The shell could not be opened: {exc}", "Try the same in another terminal.") from exc
