"""Why the run history cannot be written: SQLite says "disk I/O error" of nearly everything."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Final

from websight_tui.errors import StoreError

_TRIED: Final = 64 * 1024
_ROOM: Final = "Free some space in {folder}."
_ELSEWHERE: Final = "Set WEBSIGHT_TUI_DATA to a folder that can be written: {folder} cannot."
_WHY: Final = {
    errno.ENOSPC: ("disk full", "This machine's disk is full", _ROOM),
    errno.EDQUOT: ("quota full", "Your quota on this machine is used up", _ROOM),
    errno.EROFS: ("read-only", "This machine's disk is read-only", _ELSEWHERE),
    errno.EACCES: ("read-only", "The history's folder is not yours to write", _ELSEWHERE),
}
"""errno → (word, reason, next step)."""


def explained(path: Path, exc: sqlite3.Error) -> StoreError:
    """What a person should know of an error of SQLite.

    Args:
        path: of the history.
    """
    said = str(exc)
    if "full" in said:
        number = errno.ENOSPC
    else:
        number = _tried(path.parent) if "I/O" in said or "readonly" in said or "unable to open" in said else 0
    return of_errno(path, number) or StoreError(
        f"The run history cannot be used ({exc}): {path}", "Check free space and permissions."
    )


def of_errno(path: Path, number: int) -> StoreError | None:
    """The same for an error of the system; None for one that is not known here."""
    if number not in _WHY:
        return None
    word, reason, hint = _WHY[number]  # the reason first and the path last: the line may be cut
    return StoreError(f"{reason}: no history is kept", hint.format(folder=path.parent), word=word)


def _tried(folder: Path) -> int:
    """The errno with which a small file cannot be written into `folder`; 0 if it can."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as stream:
            stream.write(os.urandom(_TRIED))  # random: some file systems store zeros in no space
            os.fsync(stream.fileno())
    except OSError as exc:
        return exc.errno or 0
    return 0
