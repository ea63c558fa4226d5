"""The one place where the state changes: `reduce(state, event) -> state`, pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar, assert_never

from websight_tui.runs import events as e
from websight_tui.runs.phase import phase_of
from websight_tui.runs.state import AppState, ClusterView, Link, Outcome, RunView
from websight_tui.words import sentences

V = TypeVar("V")


def reduce(state: AppState, event: e.Event) -> AppState:
    """The state after `event`. Events about a run that is not known (yet) change nothing."""
    match event:
        case e.LinkChanged():
            known = state.clusters.get(event.cluster)
            address = event.address or (known.address if known else "")
            home = event.home or (known.home if known else "")
            planned: dict[str, Any] = {} if event.link is Link.ONLINE else {"next_poll_at": None}
            since = known.since if known is not None and known.link is event.link else event.at
            stage: dict[str, Any] = {"stage": event.stage, "stage_done": event.done, "stage_total": event.total}
            stage |= {"since": since, "again_at": event.again_at}
            if event.skew_s is not None:
                stage["skew_s"] = event.skew_s
            said = {"error": event.error, "address": address, "home": home}
            return _cluster(state, event.cluster, link=event.link, **said, **stage, **planned)
        case e.QueueSeen():
            return _cluster(state, event.cluster, queue=event.jobs, queue_at=event.at, scheduler_error="")
        case e.LayoutSeen():
            return _cluster(state, event.cluster, layout=event.layout)
        case e.SchedulerTrouble():
            return _cluster(state, event.cluster, scheduler_error=event.text)
        case e.HistoryTrouble():
            return replace(state, unwritten=event.trouble)
        case e.PollPlanned():
            return _cluster(
                state, event.cluster, next_poll_at=event.next_poll_at, calls_per_minute=event.calls_per_minute
            )
        case e.RunLoaded():
            return _put(state, event.run)
        case e.RunHidden():
            left = {run_id: run for run_id, run in state.runs.items() if run_id != event.run_id}
            return replace(state, runs=MappingProxyType(left))
        case e.SubmitBegan():
            run = state.runs.get(event.spec.run_id) or RunView(event.spec)
            run = replace(run, spec=event.spec, outcome=Outcome.INTENT, outcome_text="", stage="", seen_at=event.at)
            return _put(state, replace(run, forecast=event.forecast or run.forecast))
        case e.SubmitProgress():
            return _run(state, event.run_id, stage=event.stage, stage_done=event.done, stage_total=event.total)
        case e.SubmitSettled():
            text = sentences(event.text, event.hint)
            return _run(
                state,
                event.run_id,
                outcome=event.outcome,
                outcome_text=text,
                stage="",
                stage_done=0,
                stage_total=0,
                seen_at=event.at,
            )
        case e.JobsChanged():
            return _run(state, event.run_id, jobs=event.jobs, seen_at=event.at)
        case e.LogMoved():
            return _run(
                state, event.run_id, log=event.log, log_version=event.version, log_unread=event.unread, seen_at=event.at
            )
        case e.TailMoved():
            return _run(state, event.run_id, **{event.stream: event.tail}, seen_at=event.at)
        case e.Projected():
            return _run(state, event.run_id, projection=event.projection)
        case e.VerdictChanged():
            judged = state.runs.get(event.run_id)
            so_far = judged.verdicts if judged is not None else ()
            return _run(state, event.run_id, verdicts=(*so_far, event.change))
        case e.Scored():
            return _run(state, event.run_id, score=event.score)
        case e.ProblemsFound():
            return _run(state, event.run_id, problems=event.problems)
        case e.RunMeasured():
            return _run(state, event.run_id, measured=event.measured)
        case e.SweepLoaded():
            return replace(state, sweeps=_with(state.sweeps, event.sweep.sweep_id, event.sweep))
        case e.ActionMoved():
            view = state.clusters.get(event.cluster)
            rest = tuple(busy for busy in (view.busy if view is not None else ()) if busy[0] != event.action)
            return _cluster(state, event.cluster, busy=rest if event.over else (*rest, (event.action, event.at)))
        case e.SavedSeen():
            return _run(state, event.run_id, saved=event.saved)
        case e.TaskMoved():
            before = state.runs[event.run_id].tasks if event.run_id in state.runs else ()
            others = tuple(task for task in before if task.kind is not event.task.kind)
            return _run(state, event.run_id, tasks=(*others, event.task))
        case (
            e.JobCountsFound()
            | e.PreflightDone()
            | e.SiteSeen()
            | e.CheckMoved()
            | e.CheckMade()
            | e.LookMoved()
            | e.ActionDone()
            | e.Notice()
        ):
            return state
    assert_never(event)


def _cluster(state: AppState, name: str, **changes: Any) -> AppState:
    view = replace(state.clusters.get(name) or ClusterView(name), **changes)
    return replace(state, clusters=_with(state.clusters, name, view))


def _run(state: AppState, run_id: str, **changes: Any) -> AppState:
    run = state.runs.get(run_id)
    return state if run is None else _put(state, replace(run, **changes))


def _put(state: AppState, run: RunView) -> AppState:
    run = replace(run, phase=phase_of(run.outcome, run.jobs, run.log))
    return replace(state, runs=_with(state.runs, run.spec.run_id, run))


def _with(mapping: Mapping[str, V], key: str, value: V) -> Mapping[str, V]:
    return MappingProxyType({**mapping, key: value})
