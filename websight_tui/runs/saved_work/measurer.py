"""Looks at what came of runs that have ended, and submits the evaluations that their own jobs could not submit."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from websight_tui.bundle_files import bundle_files
from websight_tui.errors import RemoteError, WebsightError
from websight_tui.runs import events as e
from websight_tui.runs.actions import NOT_CONNECTED, Answer
from websight_tui.runs.bundle import Bundle
from websight_tui.runs.measuring import keep, measure
from websight_tui.runs.phase import phase_of
from websight_tui.runs.poll import QUICKEST_S
from websight_tui.runs.saved_work import evaluation
from websight_tui.runs.saved_work.beside import can_be_evaluated, evaluating
from websight_tui.runs.saved_work.jobs import submit_once
from websight_tui.runs.saved_work.tasks import Kind, Stand, Task
from websight_tui.runs.state import Evaluation, Measured, Phase
from websight_tui.runs.store import Store
from websight_tui.slurm_commands import commands, parse
from websight_tui.slurm_commands.merge import ENDED
from websight_tui.slurm_commands.model import Job
from websight_tui.slurm_commands.words import state_words

if TYPE_CHECKING:
    from websight_tui.runs.track import RunTrack
    from websight_tui.runs.watcher import Watcher

_LOG: Final = logging.getLogger(__name__)
_AGAIN_S: Final = 15.0
_AGAIN_FOR_EACH_S: Final = 2.0
"""Seconds between two looks that nobody has asked for: a look reads a few small files of each run."""
_LATE_S: Final = 120.0
"""A job that left the queue may have said how it ended, on a file system that shows it this much later."""
_POLL_S: Final = 40.0


class Measurer:
    """Looks at runs' folders and tells what is there: a RunMeasured for each.

    Args:
        emit: takes events, from any thread.
        clock: Unix s.
    """

    def __init__(self, store: Store, emit: Callable[[e.Event], None], clock: Callable[[], float]) -> None:
        self._store, self._emit, self._clock = store, emit, clock
        self._lock = threading.Lock()
        self._missed: dict[str, float] = {}
        self._looking: set[str] = set()

    def look(self, tracks: Sequence[RunTrack], watcher: Watcher) -> None:
        """Looks at each of `tracks`; one that finished without the evaluation it was launched with gets its job.

        Raises: StoreError.
        """
        for track in tracks:
            if (transport := watcher.transport) is None:
                return
            try:
                measured = self._followed(track, measure(track.spec, transport), watcher)
                keep(self._store, track.spec.run_id, measured)
            except RemoteError as exc:  # what was not known stays so
                _LOG.info("%s could not be measured: %s", track.spec.run_id, exc.message)
                measured = track.measured or Measured()
            track.measured = measured
            self._emit(e.RunMeasured(track.spec.run_id, measured))

    def keep_looking(self, cluster: str, tracks: Callable[[], Sequence[RunTrack]], watcher: Watcher) -> None:
        """Looks at runs whose evaluation is still to come until it has come, in a thread of its own; one a cluster."""
        with self._lock:
            if cluster in self._looking:
                return
            self._looking.add(cluster)

        def go() -> None:
            try:
                while not watcher.stopping and (still := [track for track in tracks() if is_open(track)]):
                    if watcher.visible and watcher.transport is not None:
                        self.look(still, watcher)
                    watcher.pause(look_again_s(len(still), watcher.cluster.poll_floor_s))
            except WebsightError as exc:
                _LOG.info("evaluations could not be looked at: %s", exc.message)
            finally:
                with self._lock:
                    self._looking.discard(cluster)

        threading.Thread(target=go, name=f"look at evaluations on {cluster}", daemon=True).start()

    def begin(self, tracks: Sequence[RunTrack], watcher: Watcher) -> Answer:
        """Submits an evaluation for each of `tracks` that has an adapter and neither one under way nor one done."""
        begun, why = 0, ""
        for track in tracks:
            if (transport := watcher.transport) is None:
                return NOT_CONNECTED
            measured = measure(track.spec, transport)
            if measured.evaluation not in (Evaluation.NONE, Evaluation.FAILED):
                measured = self._followed(track, measured, watcher)
            if not can_be_evaluated(track.spec.preset):
                why = why or f"{track.spec.preset.name} names no test_dataset"
            elif measured.adapter_bytes is None:
                why = why or f"{track.spec.preset.name} has no final adapter"
            elif measured.evaluation in (Evaluation.NONE, Evaluation.FAILED):
                measured = self._submit(track, measured, watcher)
                refused = measured.evaluation is Evaluation.FAILED
                begun, why = begun + (not refused), why or measured.why
            keep(self._store, track.spec.run_id, measured)
            track.measured = measured
            self._emit(e.RunMeasured(track.spec.run_id, measured))
        words = "1 evaluation is" if begun == 1 else f"{begun} evaluations are"
        return Answer(not why, f"{words} submitted" + (f"; {why}" if why else ""))

    # inside

    def _followed(self, track: RunTrack, measured: Measured, watcher: Watcher) -> Measured:
        """What a look has found, and what follows from it."""
        run_id = track.spec.run_id
        if measured.evaluation in (Evaluation.WAITING, Evaluation.RUNNING):
            measured = self._checked(track, measured, watcher)
        else:
            self._missed.pop(run_id, None)
        untried = not measured.attempt or (measured.refused and measured.attempt == 1)
        wanted = track.spec.evaluate and measured.adapter_bytes is not None and _phase(track) is Phase.FINISHED
        return self._submit(track, measured, watcher) if wanted and untried else measured

    def _submit(self, track: RunTrack, measured: Measured, watcher: Watcher) -> Measured:
        """Submits the next attempt, exactly once. Raises RemoteError if nothing was submitted."""
        transport, scheduler = watcher.transport, watcher.scheduler
        if transport is None or scheduler is None:
            return measured
        attempt = measured.attempt + 1
        with self._lock:
            bundle = Bundle(bundle_files())
            job = evaluating(replace(track.spec, bundle=bundle.sha), attempt)
            task = submit_once(job, transport, scheduler, bundle, Task(Kind.EVALUATE, None), lambda _: None)
        watcher.poll_soon(changed=True)
        self._missed.pop(track.spec.run_id, None)
        if task.stand is Stand.FAILED:
            return replace(
                measured,
                evaluation=Evaluation.FAILED,
                attempt=attempt,
                why=task.message,
                refused=True,
                asked=0,
                to_ask=0,
            )
        return replace(
            measured, evaluation=Evaluation.WAITING, attempt=attempt, why="", refused=False, asked=0, to_ask=0
        )

    def _checked(self, track: RunTrack, measured: Measured, watcher: Watcher) -> Measured:
        """An evaluation that has not said that it ended: whether it is over all the same (killed, cancelled)."""
        spec, scheduler, transport = track.spec, watcher.scheduler, watcher.transport
        job = evaluating(spec, measured.attempt)
        if scheduler is None or transport is None or _live(watcher.queue, job.token):
            self._missed.pop(spec.run_id, None)
            return measured
        if not watcher.wait_for_poll(_POLL_S) or _live(watcher.queue, job.token):
            return measured
        now = self._clock()
        ended = parse.named(watcher.queue, job.token)
        if ended is None:
            answer = scheduler.run(commands.find_by_name(job.job_name, now - spec.created_at))
            ended = parse.named(parse.parse_accounting(answer.stdout), job.token) if answer.exit == 0 else None
        measured = measure(spec, transport)
        if measured.evaluation not in (Evaluation.WAITING, Evaluation.RUNNING):
            return measured
        if ended is not None and ended.state in ENDED - {"COMPLETED"}:
            return replace(measured, evaluation=Evaluation.FAILED, why=f"its job was {state_words(ended)}")
        if now - self._missed.setdefault(spec.run_id, now) > _LATE_S:
            why = "its job left the queue without a word"
            return replace(measured, evaluation=Evaluation.FAILED, why=why)
        return measured


def look_again_s(runs: int, floor_s: float) -> float:
    """Seconds between two looks at `runs` runs, on a cluster whose scheduler may be asked every `floor_s`."""
    return QUICKEST_S if floor_s <= QUICKEST_S else max(_AGAIN_S, floor_s, _AGAIN_FOR_EACH_S * runs)


def is_open(track: RunTrack) -> bool:
    """Whether a run has finished and something of its evaluation is still to come."""
    if track.foreign is not None or not evaluation.is_open(track.measured, wanted=track.spec.evaluate):
        return False
    return _phase(track) is Phase.FINISHED


def _phase(track: RunTrack) -> Phase:
    with track.lock:
        return phase_of(track.outcome, track.jobs, track.log)


def _live(queue: Sequence[Job], token: str) -> bool:
    return any(job.live and job.state not in ENDED for job in queue if parse.named([job], token))
