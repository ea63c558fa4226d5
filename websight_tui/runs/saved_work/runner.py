"""Does what a person asks of a run's checkpoints and logs, in threads of its own; TaskMoved tells how far each is."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from websight_tui import words
from websight_tui.bundle_files import bundle_files
from websight_tui.errors import ConnectionLost, RemoteError, WebsightError
from websight_tui.metrics.terminal_text import plain
from websight_tui.remote.port import Progress, Transport
from websight_tui.runs import events as e
from websight_tui.runs.bundle import Bundle
from websight_tui.runs.saved_work import beside, jobs
from websight_tui.runs.saved_work.checkpoints import look
from websight_tui.runs.saved_work.fetching import FetchStopped, fetch_adapter, fetch_files
from websight_tui.runs.saved_work.tasks import Kind, Stand, Task, name_of
from websight_tui.runs.watcher import Watcher
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.model import Job

_LOG: Final = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 1.0
_ASK_QUEUE_EVERY: Final = 15
"""Looks into a job's folder between two wishes to see the queue."""
_MISSED: Final = 3
"""Polls in a row without the job after which it is over: it was killed before it could say so."""


class TaskRunner:
    """One task of a kind for each run at a time.

    Args:
        emit: takes events, from any thread.
        clock: Unix s.
        queue_of: the jobs that a cluster's queue held when it was last seen.
    """

    def __init__(
        self,
        emit: Callable[[e.Event], None],
        clock: Callable[[], float],
        queue_of: Callable[[str], Sequence[Job]],
    ) -> None:
        self._emit, self._clock, self._queue_of = emit, clock, queue_of
        self._lock = threading.Lock()
        self._stops: dict[tuple[str, Kind], threading.Event] = {}

    def look(self, spec: RunSpec, watcher: Watcher, steps: Sequence[int]) -> None:
        """Looks which of the checkpoints at `steps` are there: SavedSeen. Raises RemoteError."""
        if (transport := watcher.transport) is not None:
            self._emit(e.SavedSeen(spec.run_id, look(transport, spec, steps), self._clock()))

    def stop(self, run_id: str, kind: Kind) -> None:
        """Stops a download where it is."""
        with self._lock:
            stop = self._stops.get((run_id, kind))
        if stop is not None:
            stop.set()

    def fetch(self, spec: RunSpec, watcher: Watcher, step: int | None, folder: Path) -> None:
        """Downloads an adapter into `folder`; the end of it is in the last TaskMoved."""
        task = Task(Kind.FETCH, step, stage=f"downloading {name_of(step)}", in_bytes=True)

        def get(transport: Transport, progress: Progress, stopping: Callable[[], bool]) -> str:
            fetch_adapter(transport, spec, step, folder, progress, stopping)
            return f"{name_of(step).capitalize()} is in {plain(str(folder), 200)}"

        self._download(spec, watcher, task, get)

    def save_log(self, spec: RunSpec, watcher: Watcher, files: Mapping[str, Path]) -> None:
        """Downloads a job's outputs, remote path → local file, as they are; the end of it is in the last TaskMoved."""
        task = Task(Kind.LOG, None, stage="downloading the log", in_bytes=True)

        def get(transport: Transport, progress: Progress, stopping: Callable[[], bool]) -> str:
            count = fetch_files(transport, files, progress, stopping)
            names = " and ".join(plain(str(path), 200) for path in files.values())
            return f"Saved the whole log ({words.size(count)}) to {names}"

        self._download(spec, watcher, task, get)

    def attempt(self, spec: RunSpec, watcher: Watcher, step: int | None, picture: Path, prompt: str) -> None:
        """Asks a checkpoint, in a job of its own, where it would click on `picture`."""
        task = Task(Kind.TRY, step, stage="preparing")

        def work(_: threading.Event) -> Task:
            bundle = Bundle(bundle_files())
            name = f"picture{picture.suffix.lower()}"
            job = beside.trial(dataclasses.replace(spec, bundle=bundle.sha), step, name, prompt)
            return self._through(job, watcher, bundle, task, [(name, picture)])

        self._run(spec, task, work)

    def merge(self, spec: RunSpec, watcher: Watcher, step: int | None) -> None:
        """Merges a checkpoint in a job of its own, or follows the merge that was submitted before."""
        task = Task(Kind.MERGE, step, stage="preparing")

        def work(_: threading.Event) -> Task:
            transport = watcher.transport
            if transport is None:
                raise ConnectionLost("Not connected to this cluster", "Connect, then try again.")
            bundle = Bundle(bundle_files())
            job = jobs.next_merge(transport, dataclasses.replace(spec, bundle=bundle.sha), step)
            return self._through(job, watcher, bundle, task)

        self._run(spec, task, work)

    # inside

    def _run(self, spec: RunSpec, task: Task, work: Callable[[threading.Event], Task]) -> None:
        key = (spec.run_id, task.kind)
        with self._lock:
            if key in self._stops:
                return
            stop = self._stops[key] = threading.Event()
        self._tell(spec, task)

        def go() -> None:
            try:
                ended = work(stop)
            except WebsightError as exc:
                ended = dataclasses.replace(task, stand=Stand.FAILED, message=exc.message, hint=exc.hint)
            except Exception as exc:  # the last resort: a person waits for an answer
                _LOG.exception("%s of %s broke off", task.kind, spec.run_id)
                ended = dataclasses.replace(task, stand=Stand.FAILED, message=f"It broke off: {exc!r}")
            with self._lock:
                self._stops.pop(key, None)
            self._tell(spec, ended)

        threading.Thread(target=go, name=f"{task.kind} {spec.run_id}", daemon=True).start()

    def _download(
        self,
        spec: RunSpec,
        watcher: Watcher,
        task: Task,
        get: Callable[[Transport, Progress, Callable[[], bool]], str],
    ) -> None:
        """Tells how far `get` is, and how it ended: it answers with what to say."""

        def work(stop: threading.Event) -> Task:
            transport = watcher.transport
            if transport is None:
                raise ConnectionLost("Not connected to this cluster", "Connect, then try again.")
            shown = -1

            def progress(done: int, total: int) -> None:
                nonlocal shown
                percent = done * 200 // total if total else 0
                if percent != shown:
                    shown = percent
                    self._tell(spec, dataclasses.replace(task, done=done, total=total))

            try:
                said = get(transport, progress, stop.is_set)
            except FetchStopped as exc:
                return dataclasses.replace(task, stand=Stand.STOPPED, message=exc.message, hint=exc.hint)
            return dataclasses.replace(task, stand=Stand.DONE, message=said)

        self._run(spec, task, work)

    def _tell(self, spec: RunSpec, task: Task) -> None:
        self._emit(e.TaskMoved(spec.run_id, task, self._clock()))

    def _through(
        self, job: beside.Beside, watcher: Watcher, bundle: Bundle, task: Task, uploads: Sequence[tuple[str, Path]] = ()
    ) -> Task:
        """Submits a job and follows it to its end."""
        transport, scheduler = watcher.transport, watcher.scheduler
        if transport is None or scheduler is None:
            raise ConnectionLost("Not connected to this cluster", "Connect, then try again.")
        task = jobs.submit_once(
            job, transport, scheduler, bundle, task, lambda moved: self._tell(job.spec, moved), uploads
        )
        watcher.poll_soon(changed=True)
        told: Task | None = None
        looks = missed = 0
        while task.stand is Stand.RUNNING:
            if task != told:
                self._tell(job.spec, task)
                told = task
            watcher.pause(_LOOK_EVERY_S)
            if watcher.stopping:
                return dataclasses.replace(
                    task, stand=Stand.STOPPED, message="The job goes on on the cluster", hint="Ask again to follow it."
                )
            looks += 1
            transport = watcher.transport
            if transport is None:
                task = dataclasses.replace(task, stage="not connected; the job goes on")
                continue
            try:
                seen = jobs.see(transport, job.folder)
            except RemoteError:
                continue  # the watcher says that the connection is gone, and brings it back
            known = next((j for j in self._queue_of(job.spec.cluster) if j.name.startswith(job.token)), None)
            task = jobs.progressed(task, seen, job, known.reason if known is not None else "")
            if task.stand is Stand.RUNNING and looks % _ASK_QUEUE_EVERY == 0:
                missed = 0 if self._alive(job, watcher) else missed + 1
                if missed >= _MISSED:
                    return self._vanished(job, watcher, task)
        return task

    def _alive(self, job: beside.Beside, watcher: Watcher) -> bool:
        """Whether the queue has the job, by a poll that is newer than now; True where that cannot be said."""
        if not watcher.wait_for_poll(40.0):
            return True
        return any(j.live for j in self._queue_of(job.spec.cluster) if j.name.startswith(job.token))

    def _vanished(self, job: beside.Beside, watcher: Watcher, task: Task) -> Task:
        """The job is out of the queue and did not say how it ended: it was killed, or never began."""
        transport = watcher.transport
        if transport is not None:
            seen = jobs.see(transport, job.folder)
            if seen.exit is not None:
                return jobs.progressed(task, seen, job, "")
            transport.upload(b"143\n", f"{job.folder}/exit")  # so that another try is a new job
        message = "The job left the queue without a word: cancelled, out of time or out of memory"
        return dataclasses.replace(task, stand=Stand.FAILED, message=message, hint=f"Its output is in {job.folder}.")
