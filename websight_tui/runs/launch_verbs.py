"""What a person asks before and for a launch: a look at the cluster, a check, a run, a sweep, its evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from websight_tui.projection.history import PastRun
from websight_tui.runs import actions
from websight_tui.runs import events as e
from websight_tui.runs.checking import Checker
from websight_tui.runs.desk import Desk
from websight_tui.runs.forecasting import history_of
from websight_tui.runs.launching import launch
from websight_tui.runs.looking import count_and_tell
from websight_tui.runs.plan import LaunchPlan, plan_resume
from websight_tui.runs.saved_work.measurer import Measurer
from websight_tui.runs.setting_up import examine_and_tell, explore_and_tell
from websight_tui.runs.state import Outcome, Sweep
from websight_tui.runs.sweeps.kept import put_sweep
from websight_tui.runs.sweeps.submitting import submit_members
from websight_tui.runs.track import RunTrack
from websight_tui.runs.watcher import Watcher
from websight_tui.runspec import RunSpec


class LaunchVerbs(Desk):
    """Verbs that lead to a submission."""

    _checker: Checker
    _measurer: Measurer

    def preflight(self, plan: LaunchPlan) -> None:
        """Checks `plan` on its cluster without submitting it: PreflightDone, unless a newer check takes its place."""
        self._checker.begin(plan, self._watchers.get(plan.spec.cluster))

    def explore(self, cluster: str) -> None:
        """Asks a cluster what it offers: SiteSeen; ActionDone("explore") if there is no connection."""

        def go(watcher: Watcher) -> actions.Answer | None:
            return explore_and_tell(watcher, self._emit, self._clock)

        self._start("explore", cluster, cluster, go)

    def examine(self, plan: LaunchPlan) -> None:
        """Checks a cluster for the launch of `plan`, over the connection that is there: a CheckMade each finding."""

        def go(watcher: Watcher) -> actions.Answer | None:
            return examine_and_tell(watcher, plan, self._emit, self._clock)

        self._start("examine", plan.spec.run_id, plan.spec.cluster, go)

    def submit(self, plan: LaunchPlan) -> None:
        """Submits `plan`: SubmitBegan, SubmitProgress…, SubmitSettled; ActionDone("submit") if it could not begin."""
        self._start("submit", plan.spec.run_id, plan.spec.cluster, lambda watcher: self._submit(watcher, plan))

    def submit_sweep(self, sweep: Sweep) -> None:
        """Submits what of a sweep has no job yet, one run after the other: SweepLoaded, each run's events of `submit`,
        then ActionDone("sweep"). Called again it submits the rest; no run goes twice."""
        self._start("sweep", sweep.sweep_id, sweep.cluster, lambda watcher: self._submit_sweep(watcher, sweep))

    def resume(self, run_id: str, changes: Mapping[str, object] | None = None) -> None:
        """Gives a run that has stopped one more job: events as of `submit`.

        Args:
            changes: {field: value} of its preset that it goes on with, of those that the trainer lets change
                (`trainer.spec.MAY_CHANGE`, and fewer epochs).
        """
        track = self._track(run_id)
        if track is None:
            return
        with track.lock:
            if track.foreign is not None:
                answer = actions.Answer(False, "This job was not submitted by this app", "Submit a run of your own.")
                self._done("resume", run_id, answer)
                return
            busy = next((job for job in track.jobs if job.live), None)
            spec, outcome = track.spec, track.outcome
        if busy is not None or outcome in (Outcome.INTENT, Outcome.UNKNOWN):
            message = f"Job {busy.job_id} is still in the queue" if busy else "Its last submission is not settled yet"
            self._done("resume", run_id, actions.Answer(False, message, "Cancel it or wait for its end."))
            return

        def go(watcher: Watcher) -> actions.Answer | None:
            preset = replace(spec.preset, **(changes or {}))  # type: ignore[arg-type]
            return self._submit(watcher, plan_resume(replace(spec, preset=preset), cluster=watcher.cluster))

        self._start("resume", run_id, spec.cluster, go)

    def measure(self, run_ids: Sequence[str]) -> None:
        """Looks into the folders of runs for adapter and evaluation: a RunMeasured for each. A finished run whose own
        job could not submit the evaluation that it was launched with gets it now."""
        for cluster, tracks in self._by_cluster(run_ids).items():
            if (watcher := self._watchers.get(cluster)) is not None and watcher.transport is not None:
                self._start("measure", cluster, cluster, partial(self._measurer.look, tracks))

    def evaluate(self, run_ids: Sequence[str]) -> None:
        """Submits a job for each of these runs that measures its adapter's clicks, where none is under way or done: a
        RunMeasured for each, then ActionDone("evaluate") with the cluster as its target."""
        for cluster, tracks in self._by_cluster(run_ids).items():
            self._start("evaluate", cluster, cluster, partial(self._measurer.begin, tracks))

    def count_jobs(self, cluster: str) -> None:
        """Asks how many jobs the site lets the user have at once: JobCountsFound."""
        self._start("count jobs", cluster, cluster, lambda watcher: count_and_tell(watcher, self._emit))

    def _submit(self, watcher: Watcher, plan: LaunchPlan) -> actions.Answer | None:
        return launch(
            plan,
            watcher,
            self.store,
            track_of=self._track_for,
            history=self._history(),
            emit=self._emit,
            clock=self._clock,
        )

    def _submit_sweep(self, watcher: Watcher, sweep: Sweep) -> actions.Answer:
        put_sweep(self.store, sweep)
        self._emit(e.SweepLoaded(sweep))
        return submit_members(
            sweep, self.store, lambda plan: self._submit(watcher, plan), lambda run_id: self._tracks[run_id].text
        )

    def _track_for(self, spec: RunSpec) -> RunTrack:
        with self._lock:
            return self._tracks.setdefault(spec.run_id, RunTrack(spec))

    def _history(self) -> tuple[PastRun, ...]:
        with self._lock:
            tracks = list(self._tracks.values())
        return history_of(track.view() for track in tracks)
