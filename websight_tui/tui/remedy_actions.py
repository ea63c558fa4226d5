"""Does what was chosen of a run's remedies: each becomes a question, a launch review or a wish to the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from websight_tui.presets import Preset
from websight_tui.projection.model import Forecast, Remedy
from websight_tui.projection.remedies import with_epochs
from websight_tui.runs.bounds import partition_max
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import RunView
from websight_tui.slurm_commands.times import format_duration
from websight_tui.tui.remedy_list import Offer, offer

if TYPE_CHECKING:
    from websight_tui.tui.app import WebsightApp
    from websight_tui.tui.ports import EnginePort


BY_ITSELF: Final = (
    "The job saves before each limit, goes back into the queue under the same number and goes on from its checkpoint. "
    "Cancelling the job ends the chain."
)


def offer_for(app: WebsightApp, run: RunView) -> Offer:
    """The remedies of `run` as things stand."""
    from websight_tui.errors import WebsightError

    cluster = app.config.clusters.get(run.spec.cluster, app.cluster)

    def forecast_of(preset: Preset) -> Forecast | None:
        try:
            return app.planner.forecast(cluster, preset)
        except WebsightError:
            return None

    view = app.state.clusters.get(cluster.name)
    most = partition_max(cluster, view.layout) if view is not None else None
    return offer(run, cluster, app.config.presets, forecast_of, app.now, partition_max_s=most)


def act(app: WebsightApp, run_id: str, remedy: Remedy) -> None:
    """Does `remedy` for the run as it is now."""
    run = app.state.runs.get(run_id)
    if run is None:
        return
    preset = run.spec.preset
    match remedy.kind:
        case "resume" if int(remedy.value or 1) < 2:
            app.ask_resume(run)
        case "resume":
            _resume(app, run, remedy, f"\n{BY_ITSELF}", max_jobs=int(remedy.value))
        case "resume-longer":
            _resume(app, run, remedy, time_limit=format_duration(int(remedy.value)))
        case "resume-shorter":
            _resume(app, run, remedy, num_train_epochs=float(remedy.value))
        case "save-and-stop":
            app.ask_stop(run)
        case "another-preset":
            if (other := app.config.presets.get(remedy.value)) is not None:
                _review(app, run, other, other)
        case "fewer-epochs":
            _review(app, run, with_epochs(preset, remedy))
        case "chain":
            _chain(app, run, remedy)
        case "longer-limit":
            seconds = int(remedy.value)
            app.controller.ask(lambda engine: engine.set_time_limit(run_id, seconds))
        case "ask-administrators":
            _draft_request(app, run, int(remedy.value))
        case _:
            app.tell(remedy.title, f"{remedy.cost[:1].upper()}{remedy.cost[1:]}.", good=True)


def _review(app: WebsightApp, run: RunView, preset: Preset, base: Preset | None = None) -> None:
    """The launch review of `preset` on the run's cluster; a job of the run that is still there is not touched."""
    if run.spec.cluster != app.cluster_name and run.spec.cluster in app.config.clusters:
        app.choose_cluster(run.spec.cluster)
    app.review(preset, base or app.config.presets.get(run.spec.preset.name, run.spec.preset))
    if run.phase not in OVER and run.job is not None:
        app.tell(
            f"Job {run.job.job_id} of {run.spec.run_id} stays as it is", "Cancel it once the new run is in the queue."
        )


def _chain(app: WebsightApp, run: RunView, remedy: Remedy) -> None:
    """Lets a run that waits or runs take as many jobs as it needs, under the job that it has."""
    begun = run.job.restarts if run.job is not None else 0
    jobs, allowed = begun + int(remedy.value), run.spec.preset.max_jobs
    if allowed >= jobs:
        said = f"This run may take {allowed} jobs already"
        app.tell(said, "It saves before its limit and goes on by itself.", good=True)
        return
    body = f"{_sentence(remedy.cost)}.\n{BY_ITSELF}"
    _ask(app, f"{remedy.title}?", body, "Go on", lambda engine: engine.set_max_jobs(run.spec.run_id, jobs))


def _resume(app: WebsightApp, run: RunView, remedy: Remedy, more: str = "", **changes: object) -> None:
    """One more job from the newest checkpoint, with `changes` of the preset's fields, after a question."""
    body = f"{_sentence(remedy.cost)}.{more}"
    _ask(app, f"{remedy.title}?", body, "Resume", lambda engine: engine.resume(run.spec.run_id, changes))


def _ask(app: WebsightApp, title: str, body: str, verb: str, do: Callable[[EnginePort], None]) -> None:
    from websight_tui.tui.screens.confirm import ConfirmScreen

    def answered(sure: bool | None) -> None:
        if sure:
            app.controller.ask(do)

    app.push_screen(ConfirmScreen(title, body, verb), answered)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _draft_request(app: WebsightApp, run: RunView, seconds: int) -> None:
    from websight_tui.runs.actions import request_for_time
    from websight_tui.tui.screens.letter import LetterScreen

    if run.job is None:
        return

    def left(copied: bool | None) -> None:
        if copied:
            app.tell("Copied: send it to the cluster's administrators", good=True)

    hint = "Slurm lets users raise a limit only while the job waits. To the cluster's administrators:"
    app.push_screen(LetterScreen("A longer limit", hint, request_for_time(run.job, seconds)), left)
