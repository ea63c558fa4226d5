"""The engine behind the app and the command line: one history, one watcher a cluster, events out.

Every method returns at once; what it does comes as events, from other threads. Nothing here touches a screen.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from websight_tui.config import Cluster, Config
from websight_tui.errors import StoreError, WebsightError
from websight_tui.projection.history import PastRun
from websight_tui.remote.port import Prompter, Transport, Unattended
from websight_tui.runs import actions
from websight_tui.runs import events as e
from websight_tui.runs.chaining import set_max_jobs
from websight_tui.runs.checking import Checker
from websight_tui.runs.forecasting import history_of, pauses_known
from websight_tui.runs.foreign import foreign_run_id, foreign_track
from websight_tui.runs.launching import launch
from websight_tui.runs.looking import count_and_tell
from websight_tui.runs.looking_through import LOOK, Looks, Wish
from websight_tui.runs.plan import LaunchPlan, plan_resume
from websight_tui.runs.problems import problems_of
from websight_tui.runs.saved_work.measurer import Measurer, is_open
from websight_tui.runs.saved_work.runner import TaskRunner
from websight_tui.runs.saved_work.tasks import Kind
from websight_tui.runs.setting_up import examine_and_tell, explore_and_tell
from websight_tui.runs.state import Link, Outcome, Sweep
from websight_tui.runs.store import Store
from websight_tui.runs.sweeps.kept import load_sweeps, put_sweep
from websight_tui.runs.sweeps.submitting import submit_members
from websight_tui.runs.track import RunTrack, load_track
from websight_tui.runs.watcher import Watcher
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.model import Job

_LOG: Final = logging.getLogger(__name__)


class Engine:
    """Submits and watches runs on all clusters of `config`.

    Args:
        store: the history; the engine closes it.
        open_transport: makes a transport to a cluster, not connected yet.
        emit: takes every event, from any thread, and returns quickly.
        clock: Unix s.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        open_transport: Callable[[Cluster], Transport],
        emit: Callable[[e.Event], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.config = config
        self.store = store
        self._open_transport = open_transport
        self._sink = emit
        self._clock = clock
        self._tracks: dict[str, RunTrack] = {}
        self._watchers: dict[str, Watcher] = {}
        self._lock = threading.RLock()
        self._checker = Checker(self._emit, clock)
        self._queues: dict[str, tuple[Job, ...]] = {}
        self._tasks = TaskRunner(self._emit, clock, lambda cluster: self._queues.get(cluster, ()))
        self._measurer = Measurer(store, self._emit, clock)
        self._looks = Looks(self._emit, clock)
        self._focused = ""
        self._visible = True
        self._closed = False

    # what is there

    def load(self) -> None:
        """Emits all runs of the history; needs no connection."""
        if self.store.note:
            self._emit(e.Notice(self.store.note, self._clock()))
        if self.store.unkept is not None:
            self._emit(e.HistoryTrouble(self.store.unkept, self._clock()))
        for name in self.config.clusters:
            self._emit(e.LinkChanged(name, Link.OFFLINE, self._clock()))
        try:
            for stored in self.store.runs():
                track = load_track(stored, self.store)
                with self._lock:
                    track = self._tracks.setdefault(stored.spec.run_id, track)
                track.problems = problems_of(track, None)
                track.told_log, track.told_version = track.log, track.log.version
                self._emit(e.RunLoaded(track.view()))
            self._learn_pauses()
            for sweep in load_sweeps(self.store):
                self._emit(e.SweepLoaded(sweep))
        except StoreError as exc:
            self._emit(e.Notice(exc.message, self._clock(), exc.hint))

    def configure(self, config: Config) -> None:
        """Takes a changed configuration; connections that are open stay, and take what does not touch them."""
        new = [name for name in config.clusters if name not in self.config.clusters]
        self.config = config
        for name, watcher in list(self._watchers.items()):
            watcher.cluster = config.clusters.get(name, watcher.cluster)
        for name in new:
            self._emit(e.LinkChanged(name, Link.OFFLINE, self._clock()))

    def transport(self, cluster: str) -> Transport | None:
        """The connection to a cluster, for reading and downloading from another thread; None while there is none."""
        watcher = self._watchers.get(cluster)
        return watcher.transport if watcher is not None else None

    # connections

    def connect(self, cluster: str, prompter: Prompter | None = None) -> None:
        """Logs in to a cluster and watches it; looks for submissions whose answer was lost.

        Args:
            prompter: asks the person; None refuses every question.

        Raises: WebsightError if there is no such cluster in the configuration.
        """
        known = self.config.clusters.get(cluster)
        if known is None:
            names = ", ".join(self.config.clusters)
            raise WebsightError(f"There is no cluster '{cluster}'", f"Known: {names}; add it to {self.config.path}.")
        with self._lock:
            if self._closed or (cluster in self._watchers and self._watchers[cluster].alive):
                return
            watcher = Watcher(
                known,
                lambda: self._tracks_of(cluster),
                self.store,
                open_transport=self._open_transport,
                emit=self._emit,
                clock=self._clock,
            )
            watcher.visible, watcher.focused = self._visible, self._focused
            self._watchers[cluster] = watcher
            watcher.start(prompter or Unattended())

    def disconnect(self, cluster: str) -> None:
        """Ends the connection; jobs go on."""
        with self._lock:
            watcher = self._watchers.pop(cluster, None)
        if watcher is not None:
            watcher.stop()

    # what a person asks for

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

    def cancel(self, run_id: str) -> None:
        """Cancels a run's live jobs, its evaluation too, and looks whether they are gone: ActionDone("cancel")."""
        self._on_run("cancel", run_id, lambda watcher, track: actions.cancel(watcher, [track]))

    def cancel_sweep(self, sweep: Sweep) -> None:
        """Cancels all live jobs of a sweep's runs at once, their evaluations among them: ActionDone("cancel")."""
        tracks = self._by_cluster(sweep.run_ids).get(sweep.cluster, [])
        self._start("cancel", sweep.sweep_id, sweep.cluster, lambda watcher: actions.cancel(watcher, tracks))

    def cancel_job(self, cluster: str, job_id: str) -> None:
        """Cancels one job of the queue, which this app need not have submitted."""
        seen = self._queues.get(cluster, ())
        self._start("cancel", f"{cluster}/{job_id}", cluster, lambda watcher: actions.cancel_job(watcher, job_id, seen))

    def watch_job(self, cluster: str, job_id: str) -> str:
        """Watches a job of the queue that this app did not submit, like a run: RunLoaded, then the usual events.

        Returns: the run id under which it appears.
        """
        run_id = foreign_run_id(cluster, job_id)
        if run_id not in self._tracks:
            self._start("watch", run_id, cluster, lambda watcher: self._watch_job(watcher, cluster, job_id))
        return run_id

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

    def hold(self, run_id: str) -> None:
        """Keeps a run's pending job from starting."""
        self._on_job("hold", run_id, lambda watcher, _, job: actions.hold(watcher, job))

    def release(self, run_id: str) -> None:
        """Lets a run's held job start."""
        self._on_job("release", run_id, lambda watcher, _, job: actions.release(watcher, job))

    def requeue(self, run_id: str) -> None:
        """Puts a run's job back into the queue."""
        self._on_job("requeue", run_id, lambda watcher, _, job: actions.requeue(watcher, job))

    def save_and_stop(self, run_id: str) -> None:
        """Asks a run's running job to save a checkpoint and stop."""

        def go(watcher: Watcher, track: RunTrack, job: Job) -> actions.Answer:
            if track.foreign is not None:
                return actions.Answer(False, "This job was not submitted by this app: a signal could kill it")
            return actions.save_and_stop(watcher, job)

        self._on_job("save and stop", run_id, go)

    def set_max_jobs(self, run_id: str, jobs: int) -> None:
        """Lets a run's job go back into the queue by itself until the run has taken `jobs` jobs: ActionDone."""

        def go(watcher: Watcher, track: RunTrack, job: Job) -> actions.Answer:
            if track.foreign is not None:
                return actions.Answer(False, "This job was not submitted by this app: it does not know how to go on")
            answer = set_max_jobs(watcher, track, job, jobs, self.store)
            self._emit(e.RunLoaded(track.view()))
            return answer

        self._on_job("more jobs", run_id, go)

    def set_time_limit(self, run_id: str, seconds: int) -> None:
        """Changes the limit of a run's job; for a running one that asks for more, drafts a request."""
        self._on_job(
            "set time limit",
            run_id,
            lambda watcher, track, job: actions.set_time_limit(watcher, track, job, seconds),
        )

    def look_at_saved(self, run_id: str) -> None:
        """Looks which of a run's checkpoints are on the cluster, and whether each is whole: SavedSeen."""
        track = self._own(run_id, "look")
        if track is None:
            return
        with track.lock:
            spec = track.spec
            steps = [saved.step for segment in track.log.segments for saved in segment.checkpoints]
        watcher = self._watchers.get(spec.cluster)
        if watcher is not None and watcher.transport is not None:
            self._start("look", run_id, spec.cluster, lambda watcher: self._tasks.look(spec, watcher, steps))

    def fetch(self, run_id: str, step: int | None, folder: Path) -> None:
        """Downloads the adapter of a checkpoint (None: the final one): TaskMoved, the last one with its end."""
        self._on_saved(run_id, "fetch", lambda spec, watcher: self._tasks.fetch(spec, watcher, step, folder))

    def stop_fetch(self, run_id: str) -> None:
        """Stops a download; the next one goes on where it was."""
        self._tasks.stop(run_id, Kind.FETCH)

    def look_through(self, run_id: str, wish: Wish) -> None:
        """Looks through the whole files of a run's newest output: LookMoved, the last one with what was found."""
        if (track := self._track(run_id)) is None:
            return
        with track.lock:
            paths = [stream.tail.path for part in wish.parts if (stream := track.streams.get(part.stream)) is not None]
        stop = self._looks.begin(run_id)

        def go(watcher: Watcher) -> actions.Answer | None:
            if (transport := watcher.transport) is None or len(paths) < len(wish.parts):
                return actions.NOT_CONNECTED
            self._looks.go(run_id, wish, transport, paths, stop)
            return None

        self._start(LOOK, run_id, track.spec.cluster, go)

    def stop_look(self, run_id: str) -> None:
        """Stops looking through a run's log."""
        self._looks.stop(run_id)

    def save_log(self, run_id: str, targets: Mapping[str, Path]) -> None:
        """Downloads whole outputs of a run's newest job as they are: TaskMoved, the last one with its end.

        Args:
            targets: "stdout" or "stderr" → the local file.
        """
        track = self._track(run_id)
        watcher = self._watchers.get(track.spec.cluster) if track is not None else None
        if track is None:
            return
        if watcher is None or watcher.transport is None:
            self._done("save", run_id, actions.NOT_CONNECTED)
            return
        with track.lock:
            files = {track.streams[name].tail.path: path for name, path in targets.items() if name in track.streams}
        self._tasks.save_log(track.spec, watcher, files)

    def stop_save(self, run_id: str) -> None:
        """Stops the download of a log; the next one to the same file goes on where it was."""
        self._tasks.stop(run_id, Kind.LOG)

    def try_picture(self, run_id: str, step: int | None, picture: Path, prompt: str) -> None:
        """Submits one small job that asks a checkpoint where it would click on a picture: TaskMoved."""
        self._on_saved(run_id, "try", lambda spec, watcher: self._tasks.attempt(spec, watcher, step, picture, prompt))

    def merge(self, run_id: str, step: int | None) -> None:
        """Submits one job that merges a checkpoint into its base model, once; follows it if it is there: TaskMoved."""
        self._on_saved(run_id, "merge", lambda spec, watcher: self._tasks.merge(spec, watcher, step))

    def hide(self, run_id: str) -> None:
        """Takes a run off the list; nothing of it is deleted, here or there."""
        self.store.hide(run_id)
        self._emit(e.RunHidden(run_id, self._clock()))

    def unhide(self, run_id: str) -> None:
        """Puts a run back on the list."""
        self.store.hide(run_id, hidden=False)
        if (track := self._tracks.get(run_id)) is not None:
            self._emit(e.RunLoaded(track.view()))

    def focus(self, run_id: str | None) -> None:
        """The run on the screen: its files are read more than once a second."""
        self._focused = run_id or ""
        for watcher in list(self._watchers.values()):
            watcher.focused = self._focused
            watcher.wake()

    def set_visible(self, visible: bool) -> None:
        """Whether anybody looks: the scheduler is not asked while nobody does."""
        if visible != self._visible:
            self._visible = visible
            for watcher in list(self._watchers.values()):
                watcher.visible = visible
                watcher.poll_soon() if visible else watcher.wake()

    def refresh(self, cluster: str) -> None:
        """Asks the scheduler as soon as the site's floor allows."""
        if (watcher := self._watchers.get(cluster)) is not None:
            watcher.poll_soon()

    def close(self) -> None:
        """Ends everything, at once. Jobs go on; what is not settled is looked up at the next start."""
        with self._lock:
            self._closed = True
            watchers = list(self._watchers.values())
        for watcher in watchers:
            watcher.stop()
        self.store.close()

    # inside

    def _own(self, run_id: str, action: str) -> RunTrack | None:
        """The track of a run that this app submitted; says so if it is none."""
        track = self._track(run_id)
        if track is not None and track.foreign is not None:
            self._done(action, run_id, actions.Answer(False, "This job was not submitted by this app"))
            return None
        return track

    def _on_saved(self, run_id: str, action: str, do: Callable[[RunSpec, Watcher], None]) -> None:
        track = self._own(run_id, action)
        if track is not None:
            watcher = self._watchers.get(track.spec.cluster)
            if watcher is None or watcher.transport is None:
                self._done(action, run_id, actions.NOT_CONNECTED)
            else:
                do(track.spec, watcher)

    def _watch_job(self, watcher: Watcher, cluster: str, job_id: str) -> actions.Answer | None:
        transport, scheduler = watcher.transport, watcher.scheduler
        if transport is None or scheduler is None:
            return actions.NOT_CONNECTED
        track = foreign_track(cluster, job_id, transport, scheduler, self._clock())
        with self._lock:
            if self._tracks.setdefault(track.spec.run_id, track) is not track:
                return None
        self._emit(e.RunLoaded(track.view()))
        watcher.wake()
        return None

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

    def _track_for(self, spec: RunSpec) -> RunTrack:
        with self._lock:
            return self._tracks.setdefault(spec.run_id, RunTrack(spec))

    def _submit_sweep(self, watcher: Watcher, sweep: Sweep) -> actions.Answer:
        put_sweep(self.store, sweep)
        self._emit(e.SweepLoaded(sweep))
        return submit_members(
            sweep, self.store, lambda plan: self._submit(watcher, plan), lambda run_id: self._tracks[run_id].text
        )

    def _history(self) -> tuple[PastRun, ...]:
        with self._lock:
            tracks = list(self._tracks.values())
        return history_of(track.view() for track in tracks)

    def _learn_pauses(self) -> None:
        """Runs that are still under way know from the others how long a pause takes that they have not seen yet."""
        with self._lock:
            live = [track for track in self._tracks.values() if any(job.live for job in track.jobs)]
        history = self._history() if live else ()
        for track in live:
            track.earlier = pauses_known(track.spec, history)

    def _on_run(self, action: str, run_id: str, do: Callable[[Watcher, RunTrack], actions.Answer]) -> None:
        if (track := self._track(run_id)) is not None:
            self._start(action, run_id, track.spec.cluster, lambda watcher: do(watcher, track))

    def _on_job(self, action: str, run_id: str, do: Callable[[Watcher, RunTrack, Job], actions.Answer]) -> None:
        def go(watcher: Watcher, track: RunTrack) -> actions.Answer:
            with track.lock:
                job = track.job
            if job is None or (not job.live and action != "requeue"):
                return actions.Answer(False, "It has no job in the queue")
            return do(watcher, track, job)

        self._on_run(action, run_id, go)

    def _start(self, action: str, target: str, cluster: str, do: Callable[[Watcher], actions.Answer | None]) -> None:
        """Does something on a cluster in a thread of its own; its answer becomes ActionDone."""
        watcher = self._watchers.get(cluster)
        if watcher is None or watcher.scheduler is None:
            self._done(action, target, actions.NOT_CONNECTED)
            return

        def work() -> None:
            try:
                answer = do(watcher)
            except WebsightError as exc:
                answer = actions.Answer(False, exc.message, exc.hint)
            except Exception as exc:  # the last resort: a person waits for an answer
                _LOG.exception("%s %s broke off", action, target)
                answer = actions.Answer(False, f"It broke off: {exc!r}", "Look at the queue before you try again.")
            self._emit(e.ActionMoved(cluster, action, self._clock(), over=True))
            if answer is not None:
                self._done(action, target, answer)

        self._emit(e.ActionMoved(cluster, action, self._clock()))
        threading.Thread(target=work, name=f"{action} {target}", daemon=True).start()

    def _done(self, action: str, target: str, answer: actions.Answer) -> None:
        self._emit(e.ActionDone(action, target, answer.ok, answer.message, self._clock(), answer.hint))

    def _track(self, run_id: str) -> RunTrack | None:
        track = self._tracks.get(run_id)
        if track is None:
            self._done("find", run_id, actions.Answer(False, f"There is no run '{run_id}' in the history"))
        return track

    def _by_cluster(self, run_ids: Sequence[str]) -> dict[str, list[RunTrack]]:
        """The runs of this app among them, by cluster."""
        found: dict[str, list[RunTrack]] = {}
        for track in (self._tracks[i] for i in run_ids if i in self._tracks):
            if track.foreign is None:
                found.setdefault(track.spec.cluster, []).append(track)
        return found

    def _tracks_of(self, cluster: str) -> list[RunTrack]:
        with self._lock:
            return [track for track in self._tracks.values() if track.spec.cluster == cluster]

    def _emit(self, event: e.Event) -> None:
        if isinstance(event, e.QueueSeen):
            self._queues[event.cluster] = event.jobs
        if not self._closed:
            self._sink(event)
            self._follow_evaluations(event)

    def _follow_evaluations(self, event: e.Event) -> None:
        """After what can show that a run has finished: at a login, at a job's end, at its log's end."""
        if isinstance(event, e.QueueSeen):
            tracks, cluster = self._tracks_of(event.cluster), event.cluster
        elif isinstance(event, (e.JobsChanged, e.LogMoved)) and (track := self._tracks.get(event.run_id)) is not None:
            tracks, cluster = [track], track.spec.cluster
        else:
            return
        if any(map(is_open, tracks)) and (watcher := self._watchers.get(cluster)) is not None:
            self._measurer.keep_looking(cluster, partial(self._tracks_of, cluster), watcher)
