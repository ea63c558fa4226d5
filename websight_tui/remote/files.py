"""Reading, uploading and downloading over an SFTP session, for every transport that has one."""

from __future__ import annotations

import contextlib
import io
import posixpath
import secrets
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Final

from websight_tui.errors import RemoteFileError
from websight_tui.remote import sftp
from websight_tui.remote.identity import HEAD_BYTES, identity_of
from websight_tui.remote.partial import finish_part, open_part
from websight_tui.remote.port import FileChunk, Progress, ReadRequest
from websight_tui.remote.sftp import BLOCK, Reply, Sftp

WINDOW: Final = 48
"""Blocks in flight during a transfer (1.5 MiB: 30 MB/s at a round trip of 50 ms)."""

_REFUSED: Final = 3
"""SFTP's code for permission denied."""
_ROOM: Final = "Is the disk full or your quota used up? `df -h` and `quota -s` on the cluster tell."


def read_many(session: Sftp, requests: Sequence[ReadRequest]) -> list[FileChunk | None]:
    """Chunks of several files in two round trips, however many files there are."""
    if not requests:
        return []
    paths = [sftp.text(request.path) for request in requests]
    first = session.batch(
        [
            ask
            for r, p in zip(requests, paths, strict=True)
            for ask in (sftp.open_request(r.path, sftp.FOR_READING), (sftp.STAT, p))
        ]
    )
    opened, stats = first[0::2], first[1::2]
    handles = [reply.data for reply in opened if reply.ok]
    second: list[tuple[int, bytes]] = []
    plans: list[tuple[int, list[int]]] = []
    for request, reply, stat in zip(requests, opened, stats, strict=True):
        start = max(0, request.offset if request.offset >= 0 else stat.size + request.offset)
        # The file may have grown since the stat: leave room for one more block.
        wanted = max(0, min(request.limit, stat.size - start + BLOCK)) if stat.size >= 0 else request.limit
        blocks = [min(BLOCK, wanted - at) for at in range(0, wanted, BLOCK)] if reply.ok else []
        plans.append((start, blocks))
        if reply.ok:
            second += [(sftp.FSTAT, sftp.text(reply.data)), sftp.read_request(reply.data, 0, HEAD_BYTES)]
            second += [sftp.read_request(reply.data, start + i * BLOCK, size) for i, size in enumerate(blocks)]
    answers = iter(session.batch([*second, *((sftp.CLOSE, sftp.text(handle)) for handle in handles)]))
    chunks: list[FileChunk | None] = []
    problem: RemoteFileError | None = None
    for request, reply, stat, (start, blocks) in zip(requests, opened, stats, plans, strict=True):
        chunk = None
        if reply.ok:
            size, head = next(answers), next(answers)
            data = _joined([next(answers) for _ in blocks], blocks)
            if size.is_dir or stat.is_dir:
                problem = RemoteFileError(f"{request.path} is a folder")
            chunk = FileChunk(data, max(size.size, start + len(data) if data else 0), identity_of(head.data))
        elif not reply.missing:
            problem = _error("read", request.path, reply)
        chunks.append(chunk)
    if problem is not None:
        raise problem
    return chunks


def upload(session: Sftp, source: Path | bytes, path: str, mode: int, progress: Progress | None) -> None:
    """Writes `source` to a temporary name beside `path` and renames it. Nothing is left behind if that fails."""
    folder, name = posixpath.split(path)
    temporary = posixpath.join(folder, f".{name}.{secrets.token_hex(4)}.tmp")
    with contextlib.ExitStack() as stack:
        try:
            data = stack.enter_context(source.open("rb") if isinstance(source, Path) else io.BytesIO(source))
            total = data.seek(0, io.SEEK_END)
            data.seek(0)
        except OSError as exc:
            raise RemoteFileError(f"The file to upload cannot be read: {exc}") from exc
        request = sftp.open_request(temporary, sftp.FOR_NEW, mode)
        reply = session.batch([request])[0]
        if reply.missing:
            _make_folders(session, folder)
            reply = session.batch([request])[0]
        if not reply.ok:
            raise _error("write", path, reply)
        handle, is_open = reply.data, True
        try:
            written = _write_blocks(session, handle, data.read, total, path, progress)
            # A quota on NFS may only be noticed at close: its answer counts. Some servers take part of a block where a
            # file may not grow and call that well: the size counts too.
            closing = [
                sftp.mode_request(handle, mode),
                (sftp.FSTAT, sftp.text(handle)),
                (sftp.CLOSE, sftp.text(handle)),
            ]
            chmod, stat, closed = session.batch(closing)
            for answer in (chmod, closed):
                if not answer.ok:
                    raise _error("write", path, answer)
            is_open = False
            if stat.ok and 0 <= stat.size != written:
                raise _error("write", path, Reply(4, f"{stat.size:,} of {written:,} bytes were taken"))
            renamed = session.rename(temporary, path)
            if not renamed.ok:
                raise _error("write", path, renamed)
        except RemoteFileError:
            still_open = [(sftp.CLOSE, sftp.text(handle))] if is_open else []
            session.batch([*still_open, (sftp.REMOVE, sftp.text(temporary))])
            raise


def download(session: Sftp, path: str, target: Path, progress: Progress | None) -> None:
    """Fetches `path` into `target`.part, from where an earlier try stopped, then renames it."""
    opened = session.batch([sftp.open_request(path, sftp.FOR_READING)])[0]
    if not opened.ok:
        raise _error("read", path, opened)
    handle = opened.data
    try:
        stat = session.batch([(sftp.FSTAT, sftp.text(handle))])[0]
        if not stat.ok or stat.is_dir:
            raise _error("read", path, stat if not stat.ok else Reply(4, "it is a folder"))

        def fetch(offset: int, limit: int) -> bytes:
            blocks: list[bytes] = []
            _read_blocks(session, handle, offset, limit, blocks.append)
            return b"".join(blocks)

        with open_part(target, stat.size, fetch) as part:

            def keep(block: bytes) -> None:
                _save(part.write, block, target)
                if progress:
                    progress(part.tell(), stat.size)

            if progress:
                progress(part.tell(), stat.size)
            while (done := part.tell()) < stat.size:
                if not _read_blocks(session, handle, done, min(WINDOW * BLOCK, stat.size - done), keep):
                    raise RemoteFileError(f"{path} became shorter while it was fetched", "Try again.", retryable=True)
        finish_part(target, stat.size)
    finally:
        if not session.closed:
            session.batch([(sftp.CLOSE, sftp.text(handle))])


def _read_blocks(session: Sftp, handle: bytes, offset: int, limit: int, keep: Callable[[bytes], object]) -> int:
    """Reads `limit` bytes from `offset` and gives each block to `keep` as it comes, in order: who is stopped on the way
    has all that was told. A server may send less than asked; what comes after such a block is asked again.

    Returns: bytes given.
    """
    sizes = [min(BLOCK, limit - at) for at in range(0, limit, BLOCK)]
    early: dict[int, bytes] = {}
    at = given = 0

    def answered(index: int, reply: Reply) -> None:
        nonlocal at, given
        early[index] = reply.data
        while at in early:
            block = early.pop(at)
            at = at + 1 if len(block) == sizes[at] else len(sizes)
            given += len(block)
            if block:
                keep(block)

    session.batch([sftp.read_request(handle, offset + i * BLOCK, size) for i, size in enumerate(sizes)], answered)
    return given


def _write_blocks(
    session: Sftp, handle: bytes, read: Callable[[int], bytes], total: int, path: str, progress: Progress | None
) -> int:
    """Writes all that `read` gives; how many bytes that were."""
    done = 0
    if progress:
        progress(0, total)
    while window := read(WINDOW * BLOCK):
        asks = [sftp.write_request(handle, done + at, window[at : at + BLOCK]) for at in range(0, len(window), BLOCK)]
        end = done + len(window)
        # of each block, since a window takes many seconds on a slow line
        told = _told_by_blocks(progress, done, end, max(end, total)) if progress else None
        for answer in session.batch(asks, told):
            if not answer.ok:
                raise _error("write", path, answer)
        done = end
    return done


def _told_by_blocks(progress: Progress, begin: int, end: int, total: int) -> Callable[[int, Reply], None]:
    blocks = count(1)
    return lambda _, __: progress(min(begin + next(blocks) * BLOCK, end), total)


def _save(write: Callable[[bytes], int], data: bytes, target: Path) -> None:
    try:
        write(data)
    except OSError as exc:
        raise RemoteFileError(f"{target} cannot be written here: {exc.strerror}", "Is the local disk full?") from exc


def _joined(replies: Sequence[Reply], sizes: Sequence[int]) -> bytes:
    """The blocks up to the first that came short (a server may send less than asked; the rest is asked again)."""
    parts: list[bytes] = []
    for reply, size in zip(replies, sizes, strict=True):
        parts.append(reply.data)
        if len(reply.data) < size:
            break
    return b"".join(parts)


def _make_folders(session: Sftp, folder: str) -> None:
    parts = [part for part in folder.split("/") if part]
    paths = ["/" + "/".join(parts[: i + 1]) for i in range(len(parts))]
    # Those that exist answer with a failure, which says nothing; what counts is that the last one is there now.
    replies = session.batch([sftp.mkdir_request(path) for path in paths])
    if not session.batch([(sftp.STAT, sftp.text(folder))])[0].is_dir:
        # below the folder that could not be made they only say that it is missing
        why = next((reply for reply in reversed(replies) if not reply.missing), replies[-1])
        refused = why.code == _REFUSED
        hint = "Is `root` in the configuration a path you may write to?" if refused else f"{_ROOM} And is `root` right?"
        raise RemoteFileError(f"The folder {folder} cannot be made{_words(why)}", hint)


def _error(verb: str, path: str, reply: Reply) -> RemoteFileError:
    if reply.missing:
        return RemoteFileError(f"{path} does not exist on the cluster")
    if reply.code == _REFUSED:
        return RemoteFileError(f"{path}: no permission to {verb} it", "Check its owner and mode on the cluster.")
    hint = _ROOM if verb == "write" else ""
    return RemoteFileError(f"{path} could not be {'written' if verb == 'write' else verb}{_words(reply)}", hint)


def _words(reply: Reply) -> str:
    """The server's own, where it has any: OpenSSH says "Failure" of most things."""
    return f" ({reply.text})" if reply.text and reply.text != "Failure" else ""
