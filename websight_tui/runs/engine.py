"""The engine behind the app and the command line: one history, one watcher a cluster, events out.

Every method returns at once; what it does comes as events, from other threads. Nothing here touches a screen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from websight_tui.config import Cluster, Config
from websight_tui.errors import StoreError, WebsightError
from websight_tui.remote.port import Prompter, Transport, Unattended
from websight_tui.runs import actions
from websight_tui.runs import events as e
from websight_tui.runs.checking import Checker
from websight_tui.runs.forecasting import pauses_known
from websight_tui.runs.foreign import foreign_run_id, foreign_track
from websight_tui.runs.job_verbs import JobVerbs
from websight_tui.runs.launch_verbs import LaunchVerbs
from websight_tui.runs.looking_through import Looks
from websight_tui.runs.problems import problems_of
from websight_tui.runs.saved_verbs import SavedVerbs
from websight_tui.runs.saved_work.measurer import Measurer, is_open
from websight_tui.runs.saved_work.runner import TaskRunner
from websight_tui.runs.state import Link
from websight_tui.runs.store import Store
from websight_tui.runs.sweeps.kept import load_sweeps
from websight_tui.runs.track import load_track
from websight_tui.runs.watcher import Watcher


class Engine(LaunchVerbs, JobVerbs, SavedVerbs):
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
        super().__init__(config, store, clock)
        self._open_transport = open_transport
        self._sink = emit
        self._checker = Checker(self._emit, clock)
        self._tasks = TaskRunner(self._emit, clock, lambda cluster: self._queues.get(cluster, ()))
        self._measurer = Measurer(store, self._emit, clock)
        self._looks = Looks(self._emit, clock)
        self._focused = ""
        self._visible = True
        self._closed = False

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

    def watch_job(self, cluster: str, job_id: str) -> str:
        """Watches a job of the queue that this app did not submit, like a run: RunLoaded, then the usual events.

        Returns: the run id under which it appears.
        """
        run_id = foreign_run_id(cluster, job_id)
        if run_id not in self._tracks:
            self._start("watch", run_id, cluster, lambda watcher: self._watch_job(watcher, cluster, job_id))
        return run_id

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

    def _learn_pauses(self) -> None:
        """Runs that are still under way know from the others how long a pause takes that they have not seen yet."""
        with self._lock:
            live = [track for track in self._tracks.values() if any(job.live for job in track.jobs)]
        history = self._history() if live else ()
        for track in live:
            track.earlier = pauses_known(track.spec, history)

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
