"""Opening the run history for the app, which is of use also where the history can be read but not written."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from websight_tui.errors import StoreError
from websight_tui.runs.state import Unwritten
from websight_tui.runs.store import Store

_SUFFIXES: Final = ("", "-wal")
"""SQLite's files that hold data; it makes the third, -shm, anew."""


def open_or_copy(path: Path) -> Store:
    """The history in `path`; where nothing can be written, a copy of it that lasts until it is closed.

    A copy refuses submissions: what is not recorded could be submitted twice. `unkept` of the store says why it is one.

    Args:
        path: of the history.

    Raises: StoreError if it cannot be opened for another reason, or if there is no room for a copy either.
    """
    try:
        return Store(path)
    except StoreError as exc:
        if not exc.word:
            raise
        for folder in _temporary():
            with contextlib.suppress(OSError, StoreError):
                return _copy(path, folder, exc)
        raise


def _temporary() -> Iterator[Path]:
    """Where a copy may live: in memory first, for a full disk often is that of /tmp, too."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime:
        yield Path(runtime)
    yield Path(tempfile.gettempdir())


def _copy(path: Path, folder: Path, why: StoreError) -> Store:
    private = tempfile.TemporaryDirectory(prefix="websight-tui-", dir=folder)  # 0700; removed with the object
    try:
        target = Path(private.name) / path.name
        for suffix in _SUFFIXES:
            with contextlib.suppress(FileNotFoundError, PermissionError):
                shutil.copyfile(f"{path}{suffix}", f"{target}{suffix}")
        store = Store(target)
    except BaseException:
        private.cleanup()
        raise
    store.borrow(private.cleanup, Unwritten(why.word, why.message, f"{why.hint} Then start the app again."))
    return store
