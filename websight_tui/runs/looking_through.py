"""Looks through a whole log on the cluster for what the held lines do not show: in pieces, until found or stopped.

The file is read as everything else is, by offset over the file service: nothing runs on the login node, and memory
holds one piece. docs/decisions/0009-whole-log.md says why not with grep.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

from websight_tui.errors import RemoteFileError, WebsightError
from websight_tui.remote.port import FileChunk, ReadRequest, Transport
from websight_tui.runs import events as e
from websight_tui.runs.pieces import AROUND, Cut, Find, Place, cuts, lines_of, offset_of, place

LOOK: Final = "look through the log"
"""The action, in words."""
_LEAST: Final = 128 * 1024
_MOST: Final = 4 * 1024 * 1024
_READ_S: Final = 0.3
"""Pieces grow or shrink until one takes about that long: what is followed meanwhile waits for it."""
_BLOCK: Final = 256 * 1024
_TELL_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Part:
    """What to look through of one output.

    Args:
        stream: "stdout" or "stderr".
        begin: a byte of the file at which a line begins.
        end: None: to the file's end; else (a byte, how many lines after it still belong to the part).
    """

    stream: str
    begin: int = 0
    end: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What to look for.

    Args:
        number: of the wish; answers bear it.
        parts: one after the other, until something is found.
        forward: to the first place, else to the last one.
    """

    number: int
    parts: tuple[Part, ...]
    find: Find
    forward: bool


class Stopped(WebsightError):
    """A person stopped it."""


def look_through(
    transport: Transport,
    wish: Wish,
    paths: Sequence[str],
    progress: Callable[[int, int], None],
    stopping: Callable[[], bool],
) -> Place | None:
    """The first (or last) line that is looked for; None if there is none.

    Args:
        paths: of the files of `wish.parts`.
        progress: told bytes done and in all, over all parts.
        stopping: asked before every piece.

    Raises: Stopped, TooSlow, RemoteFileError (the file began anew or is gone), RemoteTimeout, ConnectionLost.
    """
    files = [_File(transport, path) for path in paths]
    ranges = [(part.begin, _end(part, file)) for part, file in zip(wish.parts, files, strict=True)]
    total, before = sum(max(0, end - begin) for begin, end in ranges), 0
    progress(0, total)
    for part, file, (begin, end) in zip(wish.parts, files, ranges, strict=True):
        done = 0
        for piece in cuts(file.piece, lambda file=file: file.limit, begin, end, wish.forward):  # type: ignore[misc]
            if stopping():
                raise Stopped("Stopped")
            if (at := _in_piece(piece, wish)) is not None:
                start = max(0, at - AROUND)
                return place(part.stream, file.read(start, at + AROUND - start), start, at, file.size, wish.find)
            done += len(piece.data)
            progress(before + done, total)
        before += max(0, end - begin)
    return None


def _in_piece(piece: Cut, wish: Wish) -> int | None:
    """Where in the file a line of the piece begins that is looked for.

    It goes by small blocks: one step on megabytes would keep the screen's thread waiting.
    """

    def read(offset: int, limit: int) -> bytes:
        return piece.data[offset - piece.offset : offset - piece.offset + limit]

    end = piece.offset + len(piece.data)
    for block in cuts(read, lambda: _BLOCK, piece.offset, end, wish.forward):
        if found := wish.find(lines_of(block.data)):
            return block.offset + offset_of(block.data, found[0 if wish.forward else -1])
    return None


class Looks:
    """One look a run at a time: a newer one takes its place.

    Args:
        emit: takes a LookMoved now and then, and one with its end.
        clock: Unix s.
    """

    def __init__(self, emit: Callable[[e.Event], None], clock: Callable[[], float]) -> None:
        self._emit, self._clock = emit, clock
        self._lock = threading.Lock()
        self._stops: dict[str, threading.Event] = {}

    def stop(self, run_id: str) -> None:
        """Stops what looks through a run's log."""
        with self._lock:
            stop = self._stops.pop(run_id, None)
        if stop is not None:
            stop.set()

    def begin(self, run_id: str) -> threading.Event:
        """Stops an earlier one. Returns: what will stop this one."""
        self.stop(run_id)
        with self._lock:
            self._stops[run_id] = stop = threading.Event()
        return stop

    def go(self, run_id: str, wish: Wish, transport: Transport, paths: Sequence[str], stop: threading.Event) -> None:
        """Does it, in the thread that calls it.

        Raises: as `look_through`, but for Stopped.
        """
        told, so_far = 0.0, (0, 0)
        found: Place | None = None
        complete = False

        def progress(done: int, total: int) -> None:
            nonlocal told, so_far
            so_far = done, total
            if monotonic() - told > _TELL_S:
                told = monotonic()
                self._emit(e.LookMoved(run_id, wish.number, done, total, self._clock()))

        try:
            found = look_through(transport, wish, paths, progress, stop.is_set)
            complete = True
        except Stopped:
            pass
        finally:
            with self._lock:
                if self._stops.get(run_id) is stop:
                    del self._stops[run_id]
            self._emit(e.LookMoved(run_id, wish.number, *so_far, self._clock(), found, over=True, complete=complete))


class _File:
    """A file that must stay the same one."""

    def __init__(self, transport: Transport, path: str) -> None:
        self._transport, self._path, self._identity = transport, path, ""
        chunk = self._chunk(0, 1)
        self.size = chunk.size
        self.limit = _LEAST

    def read(self, offset: int, limit: int) -> bytes:
        """The bytes from `offset` on: `limit` of them, or up to the file's end (one answer may hold less)."""
        data = self._chunk(offset, limit).data[:limit]
        while len(data) < limit and (more := self._chunk(offset + len(data), limit - len(data)).data):
            data += more[: limit - len(data)]
        return data

    def piece(self, offset: int, limit: int) -> bytes:
        """As `read`, at most `limit` bytes of the present piece's size, which adapts itself to the line's speed."""
        begun = monotonic()
        data = self.read(offset, limit)
        took = monotonic() - begun
        if len(data) < limit:
            raise RemoteFileError(f"{self._path} became shorter meanwhile", "Search again.")
        if took > _READ_S:
            self.limit = max(_LEAST, self.limit // 2)
        elif took < _READ_S / 2:
            self.limit = min(_MOST, self.limit * 2)
        return data

    def _chunk(self, offset: int, limit: int) -> FileChunk:
        chunk = self._transport.read_many([ReadRequest(self._path, offset, limit)])[0]
        if chunk is None:
            raise RemoteFileError(f"{self._path} is not on the cluster")
        if self._identity and chunk.identity and chunk.identity != self._identity:
            raise RemoteFileError(f"{self._path} began anew meanwhile", "Search again.")
        self._identity = chunk.identity or self._identity
        return chunk


def _end(part: Part, file: _File) -> int:
    """Where a part ends, at a line's begin or at the end of the file."""
    if part.end is None:
        return file.size
    offset, lines = part.end
    if not lines and offset:  # in the middle of a line? then up to its end
        data = file.read(offset - 1, AROUND)
        return min(file.size, offset + (data.find(b"\n") if b"\n" in data else 0))
    return min(file.size, offset + offset_of(file.read(offset, AROUND), lines)) if lines else offset
