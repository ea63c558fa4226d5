"""One submission of a run, from what is stored before it to what is stored of its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from websight_tui.errors import StoreError
from websight_tui.projection.history import PastRun
from websight_tui.runs import events as e
from websight_tui.runs.actions import NOT_CONNECTED, Answer
from websight_tui.runs.forecasting import forecast_for, pauses_known
from websight_tui.runs.plan import LaunchPlan
from websight_tui.runs.reconcile import record
from websight_tui.runs.scoring import keep_forecast
from websight_tui.runs.state import Outcome
from websight_tui.runs.store import Store
from websight_tui.runs.submit import submit
from websight_tui.runs.track import RunTrack
from websight_tui.runs.watcher import Watcher
from websight_tui.runspec import RunSpec


def launch(
    plan: LaunchPlan,
    watcher: Watcher,
    store: Store,
    *,
    track_of: Callable[[RunSpec], RunTrack],
    history: Sequence[PastRun],
    emit: Callable[[e.Event], None],
    clock: Callable[[], float],
) -> Answer | None:
    """Submits `plan` over the connection that `watcher` holds: SubmitBegan, SubmitProgress…, SubmitSettled.

    Args:
        store: gets the intent before, the outcome after.
        track_of: the run's track, made for one that is new.
        history: runs of the past, for the forecast that is kept and scored later.

    Returns: why it could not begin; None if it did.
    Raises: WebsightError if nothing was sent.
    """
    plan = plan.at(watcher.home)
    earlier = store.outcome_of(plan.spec.token)
    if earlier is Outcome.REJECTED:
        plan = plan.again()
    elif earlier is not None:
        return Answer(False, f"This run was submitted already ({earlier.value})", "Look at it in the list.")
    spec, now = plan.spec, clock()
    transport, scheduler = watcher.transport, watcher.scheduler
    if transport is None or scheduler is None:
        return NOT_CONNECTED
    if not spec.root.startswith("/"):
        message = f"The home folder on {spec.cluster} is not known"
        return Answer(False, message, "Set an absolute `root` for this cluster.")
    forecast = None if plan.resumes else plan.forecast or forecast_for(watcher.cluster, spec.preset, history)
    watcher.in_progress.add(spec.token)
    try:
        store.begin_submission(spec, now, first=not plan.resumes)
        track = track_of(spec)
        with track.lock:
            track.spec, track.outcome = spec, Outcome.INTENT
            track.earlier = pauses_known(spec, history)
            if forecast is not None:
                keep_forecast(store, spec.run_id, forecast)
                track.forecast = forecast
            emit(e.SubmitBegan(spec, now, forecast))
        settled = submit(
            plan,
            transport,
            scheduler,
            lambda stage, done, total: emit(e.SubmitProgress(spec.run_id, stage, done, total)),
        )
        now = clock()
        try:
            store.settle(spec.token, settled.outcome, now, text=settled.text, hint=settled.hint, job_id=settled.job_id)
        except StoreError as exc:  # what happened there is told all the same; the next start looks it up again
            emit(e.Notice(exc.message, now, exc.hint))
        record(track, spec.token, settled, now, emit, spec.job_name)
    finally:
        watcher.in_progress.discard(spec.token)
        watcher.poll_soon(changed=True)
    return None
