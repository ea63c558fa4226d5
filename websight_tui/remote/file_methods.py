"""The file half of a transport that has an SFTP session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from websight_tui.errors import ConnectionLost
from websight_tui.remote import files
from websight_tui.remote.port import FileChunk, Progress, ReadRequest
from websight_tui.remote.sftp import Sftp

_T = TypeVar("_T")


class FileMethods:
    """`read`, `read_many`, `upload` and `download` of the Transport protocol over one long-lived session.

    Subclasses say how a session is opened, and what to raise where the whole connection is gone.
    """

    def __init__(self) -> None:
        self._files: Sftp | None = None
        self._files_lock = threading.Lock()

    @property
    def connected(self) -> bool:
        raise NotImplementedError

    def _open_files(self) -> Sftp:
        raise NotImplementedError

    def _lost(self) -> ConnectionLost:
        raise NotImplementedError

    def read(self, path: str, offset: int, limit: int) -> FileChunk | None:
        return self.read_many([ReadRequest(path, offset, limit)])[0]

    def read_many(self, requests: Sequence[ReadRequest]) -> list[FileChunk | None]:
        return self._with_files(lambda session: files.read_many(session, requests))

    def upload(self, source: Path | bytes, path: str, *, mode: int = 0o644, progress: Progress | None = None) -> None:
        self._with_files(lambda session: files.upload(session, source, path, mode, progress))

    def download(self, path: str, target: Path, *, progress: Progress | None = None) -> None:
        self._with_files(lambda session: files.download(session, path, target, progress))

    def _with_files(self, work: Callable[[Sftp], _T]) -> _T:
        try:
            with self._files_lock:
                if self._files is None or self._files.closed:
                    self._files = self._open_files()
                session = self._files
            return work(session)
        except ConnectionLost:
            if not self.connected:
                raise self._lost() from None
            raise

    def _close_files(self) -> None:
        session, self._files = self._files, None
        if session is not None:
            session.close()
