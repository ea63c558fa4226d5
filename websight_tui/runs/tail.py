"""Follows one growing remote file by offset; never loses and never repeats a byte.

Each read begins a little before the known end and must find there what was read last time. A file that began anew
(truncated by a requeue, rotated, replaced) fails that test, or has another identity, or is shorter; then the follower
says so and starts at the beginning. Pure: it makes requests and takes answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from websight_tui.remote.port import FileChunk, ReadRequest

PIECE: Final = 512 * 1024
"""Bytes asked for at once."""
_OVERLAP: Final = 64
_STALE_LOOKS: Final = 3


@dataclass(frozen=True, slots=True)
class Step:
    """What an answer brought.

    Args:
        data: new bytes, beginning at `offset` of the file.
        restarted: the file began anew: what was read before belongs to another file. `data` is empty then.
        more: whether asking again at once will bring more.
        size: bytes of the file, as far as known.
    """

    data: bytes = b""
    offset: int = 0
    restarted: bool = False
    more: bool = False
    size: int = 0


class Tail:
    """Follows `path`.

    Args:
        last: begin with the last so many bytes; None begins at the beginning.
    """

    def __init__(self, path: str, *, last: int | None = None) -> None:
        self.path = path
        self.offset = 0
        self.identity = ""
        self._recent = b""
        self._from_end = last
        self._stale = 0

    def go_on(self, offset: int, identity: str, recent: bytes) -> None:
        """Continues where an earlier follower stopped.

        Args:
            offset: bytes read then.
            identity: of the file then.
            recent: the last bytes before `offset` (as many as are known).
        """
        self.offset, self.identity, self._recent = offset, identity, recent[-_OVERLAP:]
        self._from_end = None

    def request(self) -> ReadRequest:
        """What to read next."""
        if self._from_end is not None:
            return ReadRequest(self.path, -self._from_end, self._from_end)
        return ReadRequest(self.path, self.offset - len(self._recent), PIECE + len(self._recent))

    def take(self, chunk: FileChunk | None) -> Step:
        """Takes the answer to `request` (None: there is no such file, yet or for a moment)."""
        if chunk is None:
            return Step(size=self.offset)
        if self._from_end is not None:
            start = max(0, chunk.size - self._from_end)
            return self._advance(chunk, chunk.data, start)
        if self._other_file(chunk):
            self.offset, self.identity, self._recent, self._stale = 0, "", b"", 0
            return Step(restarted=True, more=True, size=chunk.size)
        if chunk.size < self.offset:
            return Step(size=self.offset)
        self._stale = 0
        return self._advance(chunk, chunk.data[len(self._recent) :], self.offset)

    def mark(self) -> tuple[object, ...]:
        """Where it is, for `go_back`."""
        return self.offset, self.identity, self._recent, self._from_end, self._stale

    def go_back(self, mark: tuple[object, ...]) -> None:
        """Forgets what was taken since `mark`: it will be asked for again."""
        self.offset, self.identity, self._recent, self._from_end, self._stale = mark  # type: ignore[assignment]

    def _other_file(self, chunk: FileChunk) -> bool:
        if self.identity and chunk.identity and chunk.identity != self.identity:
            return True
        if chunk.size < self.offset:
            # another login node's view of a shared file system may lag: the same file, not long enough yet
            self._stale += 1
            return self._stale > _STALE_LOOKS or not chunk.identity or chunk.identity != self.identity
        return chunk.data[: len(self._recent)] != self._recent

    def _advance(self, chunk: FileChunk, data: bytes, start: int) -> Step:
        if self._from_end is not None and not chunk.size:
            return Step(size=0)
        self._from_end = None
        self.offset = start + len(data)
        self.identity = chunk.identity or self.identity
        self._recent = (self._recent + data)[-_OVERLAP:]
        return Step(data, start, more=bool(data) and self.offset < chunk.size, size=max(chunk.size, self.offset))

    def skip_to_end(self, size: int, last: int) -> None:
        """Gives up the bytes before the last `last` of a file of `size` bytes, to catch up with a flood."""
        if size - last > self.offset:
            self._recent, self._from_end = b"", last
