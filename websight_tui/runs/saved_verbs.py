"""What a person asks of what a run has left: its checkpoints and its logs, on the cluster and from there to here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from websight_tui.runs import actions
from websight_tui.runs.desk import Desk
from websight_tui.runs.looking_through import LOOK, Looks, Wish
from websight_tui.runs.saved_work.runner import TaskRunner
from websight_tui.runs.saved_work.tasks import Kind
from websight_tui.runs.watcher import Watcher
from websight_tui.runspec import RunSpec


class SavedVerbs(Desk):
    """Verbs on checkpoints and logs."""

    _tasks: TaskRunner
    _looks: Looks

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

    def try_picture(self, run_id: str, step: int | None, picture: Path, prompt: str) -> None:
        """Submits one small job that asks a checkpoint where it would click on a picture: TaskMoved."""
        self._on_saved(run_id, "try", lambda spec, watcher: self._tasks.attempt(spec, watcher, step, picture, prompt))

    def merge(self, run_id: str, step: int | None) -> None:
        """Submits one job that merges a checkpoint into its base model, once; follows it if it is there: TaskMoved."""
        self._on_saved(run_id, "merge", lambda spec, watcher: self._tasks.merge(spec, watcher, step))

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

    def _on_saved(self, run_id: str, action: str, do: Callable[[RunSpec, Watcher], None]) -> None:
        track = self._own(run_id, action)
        if track is not None:
            watcher = self._watchers.get(track.spec.cluster)
            if watcher is None or watcher.transport is None:
                self._done(action, run_id, actions.NOT_CONNECTED)
            else:
                do(track.spec, watcher)
