"""What the engine's verbs share: the runs, a watcher for each cluster, and one way to do something there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from websight_tui.config import Config
from websight_tui.errors import WebsightError
from websight_tui.runs import actions
from websight_tui.runs import events as e
from websight_tui.runs.store import Store
from websight_tui.runs.track import RunTrack
from websight_tui.runs.watcher import Watcher
from websight_tui.slurm_commands.model import Job

_LOG: Final = logging.getLogger(__name__)


class Desk:
    """Runs and clusters by name.

    Args:
        store: the history.
        clock: Unix s.
    """

    def __init__(self, config: Config, store: Store, clock: Callable[[], float]) -> None:
        self.config = config
        self.store = store
        self._clock = clock
        self._tracks: dict[str, RunTrack] = {}
        self._watchers: dict[str, Watcher] = {}
        self._queues: dict[str, tuple[Job, ...]] = {}
        self._lock = threading.RLock()

    def _emit(self, event: e.Event) -> None:
        """Tells what happened, from any thread."""
        raise NotImplementedError

    def _own(self, run_id: str, action: str) -> RunTrack | None:
        """The track of a run that this app submitted; says so if it is none."""
        track = self._track(run_id)
        if track is not None and track.foreign is not None:
            self._done(action, run_id, actions.Answer(False, "This job was not submitted by this app"))
            return None
        return track

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
