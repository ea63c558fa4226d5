"""Reads what runs write, by offset, several files in one round trip, and turns it into events."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from websight_tui.errors import StoreError
from websight_tui.remote.port import Transport
from websight_tui.runs import events as e
from websight_tui.runs.problems import problems_of
from websight_tui.runs.projecting import projection_of
from websight_tui.runs.store import Store
from websight_tui.runs.tail import Step, Tail
from websight_tui.runs.track import EVENTS, FIRST_LOOK, Reader, RunTrack
from websight_tui.runs.verdict_history import keep_verdict

_ROUNDS: Final = 8
"""Round trips of one reading; what is left then waits for the next one."""
_FLOOD: Final = 8 * 1024 * 1024
"""Unread bytes of an output from which on the middle is skipped."""
_KEPT_OUTPUT: Final = 256 * 1024
"""Bytes of an output that are kept in the history."""
_STRETCH: Final = 32 * 1024
"""Bytes of a log that are parsed at a stretch, a millisecond or two."""
_LONGEST_REST_S: Final = 0.01
_SIGNS_EVERY_S: Final = 60.0
_PROJECT_EVERY_S: Final = 10.0
"""Seconds between two projections of a log that is silent."""
_SHARE: Final = 10.0
"""Judging a very long log takes its time: that long it is left alone, times this, before it is judged again."""


def read_files(
    tracks: Sequence[RunTrack],
    transport: Transport,
    store: Store,
    emit: Callable[[e.Event], None],
    now: float,
    *,
    skew_s: float,
    stopping: Callable[[], bool],
) -> None:
    """Reads all that is new in the files of `tracks` and emits what moved.

    Args:
        skew_s: the cluster's clock less ours, seconds.

    Raises: RemoteFileError, RemoteTimeout, ConnectionLost; StoreError, after which nothing is lost: it is read again.
    """
    for track in tracks:
        with track.lock:
            track.follow_newest()
            track.read_at = now
            track.looks += 1
    waiting = [(track, name, tail) for track in tracks for name, tail in list(track.tails())]
    for _ in range(_ROUNDS):
        if not waiting or stopping():
            break
        chunks = transport.read_many([tail.request() for _, _, tail in waiting])
        again = []
        for (track, name, tail), chunk in zip(waiting, chunks, strict=True):
            with track.lock:
                if tail not in [known for _, known in track.tails()]:
                    continue
                before = tail.mark()
                step = tail.take(chunk)
                try:
                    _keep(track, name, tail, step, store)
                except StoreError:
                    tail.go_back(before)  # what could not be kept is read again
                    raise
                _use(track, name, tail, step)
                if name == EVENTS:
                    track.unread = step.size - tail.offset if step.more and not step.restarted else 0
                if step.more:
                    again.append((track, name, track.events if name == EVENTS else tail))
        waiting = again
    for track in tracks:
        tell(track, emit, now, skew_s)
        keep_verdict(track, store, emit, now, skew_s)


def _keep(track: RunTrack, name: str, tail: Tail, step: Step, store: Store) -> None:
    """Keeps what an answer brought in the history, before anything else is made of it. Raises StoreError."""
    if track.foreign is not None:
        return
    run_id = track.spec.run_id
    if step.restarted:
        store.forget_file(run_id, name)
    elif step.data:
        keep = 0 if name == EVENTS else _KEPT_OUTPUT
        store.append(run_id, name, step.offset, step.data, tail.identity, keep=keep)


def _use(track: RunTrack, name: str, tail: Tail, step: Step) -> None:
    if name == EVENTS:
        if step.restarted:
            track.restart_log()
        elif step.data:
            _parse(track.reader, step.data)
        return
    stream = track.streams[name.partition(":")[0]]
    stream.size = max(step.size, stream.size) if not step.restarted else step.size
    if step.restarted:
        stream.begin_anew()
    elif step.data:
        stream.feed(step.data, track.looks, offset=step.offset)
        if track.foreign is not None:
            track.foreign.reader.feed(step.data, "err" if name.startswith("stderr") else "out")
            return
    if stream.size - tail.offset > _FLOOD:
        skipped = stream.size - FIRST_LOOK - tail.offset
        tail.skip_to_end(stream.size, FIRST_LOOK)
        stream.skip(skipped, track.looks)


def _parse(reader: Reader, data: bytes) -> None:
    """Feeds the reader, and rests after each stretch for as long as that took.

    The screen is drawn by another thread of the same interpreter: a frame takes twice its time while a log is parsed.
    Parsing has the time to rest: what is read within a second takes it a fifth of one.
    """
    for start in range(0, len(data), _STRETCH):
        begun = time.perf_counter()
        reader.feed(data[start : start + _STRETCH])
        if start + _STRETCH < len(data):
            time.sleep(min(_LONGEST_REST_S, time.perf_counter() - begun))


def tell(track: RunTrack, emit: Callable[[e.Event], None], now: float, skew_s: float) -> None:
    """Emits what of a run has moved since it was told last."""
    with track.lock:
        run_id, log = track.spec.run_id, track.log
        moved = log is not track.told_log or log.version != track.told_version
        track.unjudged = track.unjudged or moved
        if moved:
            track.told_log, track.told_version = log, log.version
            emit(e.LogMoved(run_id, log, log.version, now, track.unread))
        for name, stream in track.streams.items():
            if stream.shown != (stream.text.version, stream.size):
                stream.shown = (stream.text.version, stream.size)
                emit(e.TailMoved(run_id, name, stream.view(), now))
        if abs(now - track.judged_at) >= _SHARE * track.judging_s:
            begun = time.perf_counter()
            _judge(track, emit, now, skew_s)
            track.judged_at, track.judging_s = now, time.perf_counter() - begun


def _judge(track: RunTrack, emit: Callable[[e.Event], None], now: float, skew_s: float) -> None:
    """The projection and the signs of trouble, where what they stand on has changed."""
    run_id, log = track.spec.run_id, track.log
    silent = track.job is not None and track.job.live and now - track.projected_at >= _PROJECT_EVERY_S
    if track.unjudged or silent:
        track.projected_at, track.unjudged = now, False
        projection = projection_of(track.spec, track.job, log, now + skew_s, track.earlier)
        if projection != track.projection:
            track.projection = projection
            emit(e.Projected(run_id, projection, now))
    ground = (
        int(now // _SIGNS_EVERY_S),
        *track.jobs,
        track.outcome,
        log.version,
        *(stream.text.version for stream in track.streams.values()),
    )
    if ground != track.problems_ground:
        track.problems_ground = ground
        problems = problems_of(track, now + skew_s)
        if problems != track.problems:
            track.problems = problems
            emit(e.ProblemsFound(run_id, problems, now))
