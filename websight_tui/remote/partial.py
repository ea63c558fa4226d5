"""The local side of a download: a .part file that a later try goes on with."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from websight_tui.errors import RemoteFileError

_CHECKED: Final = 64 * 1024
"""Bytes at the beginning and before the end of a .part that must equal the remote file before it is trusted."""


def part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


@contextmanager
def open_part(target: Path, size: int, fetch: Callable[[int, int], bytes]) -> Iterator[BinaryIO]:
    """The .part of `target`, open at the byte to go on from; closed and on disk afterwards.

    Args:
        size: bytes of the remote file.
        fetch: (offset, limit) → bytes of the remote file.

    Raises: RemoteFileError if it cannot be written here.
    """
    part = part_of(target)
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        # never through a link that somebody else may have laid there, never into a pipe
        stream = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666), "r+b")
        free = shutil.disk_usage(part.parent).free
    except OSError as exc:
        raise _local(target, exc) from exc
    with stream:
        have = stream.seek(0, os.SEEK_END)
        if size - have > free:
            raise RemoteFileError(f"{target} needs {size - have:,} bytes more, {free:,} are free here", "Free some.")
        start = have if have <= size and _same(stream, have, fetch) else 0
        stream.truncate(start)
        stream.seek(start)
        yield stream
        try:
            stream.flush()
            os.fsync(stream.fileno())
        except OSError as exc:
            raise _local(target, exc) from exc


def finish_part(target: Path, size: int) -> None:
    """Makes the .part the target. Raises RemoteFileError if it is not `size` bytes long."""
    part = part_of(target)
    try:
        if (have := part.stat().st_size) != size:
            raise RemoteFileError(f"{target} has {have} bytes of {size}", "Fetch it again.", retryable=True)
        part.replace(target)
    except OSError as exc:
        raise _local(target, exc) from exc


def _same(stream: BinaryIO, have: int, fetch: Callable[[int, int], bytes]) -> bool:
    for offset, limit in ((0, min(_CHECKED, have)), (max(0, have - _CHECKED), min(_CHECKED, have))):
        stream.seek(offset)
        if limit and stream.read(limit) != fetch(offset, limit):
            return False
    return True


def _local(target: Path, exc: OSError) -> RemoteFileError:
    hint = "Is there a link in its place?" if exc.errno == errno.ELOOP else "Is the local disk full?"
    return RemoteFileError(f"{target} cannot be written here: {exc.strerror}", hint)
