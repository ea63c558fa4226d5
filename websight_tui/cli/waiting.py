"""What a command waits for and how far it is, on the last line of a terminal; nothing where stderr is none.

The line is wiped when the wait is over, and steps aside while a login asks a question.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from websight_tui.words import showable

if TYPE_CHECKING:
    from rich.progress import Progress


class Line(Protocol):
    """What can be taken off the terminal and put back."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


_lines: list[Line] = []


class Wait:
    """The line of one wait; `show` changes it."""

    def __init__(self, bar: Progress | None, text: str = "") -> None:
        self._bar = bar
        self._task = None if bar is None else bar.add_task(showable(text), total=None)

    def show(self, text: str, done: int = 0, total: int = 0) -> None:
        """Says what is done now, with a bar of `done` of `total` where `total` is known."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=showable(text), completed=done, total=total or None)


@contextmanager
def waiting(text: str, *, quiet: bool = False, in_bytes: bool = False) -> Iterator[Wait]:
    """Shows `text` with a spinner and the time since, for as long as the context lasts.

    Args:
        quiet: shows nothing (scripts that read JSON).
        in_bytes: amounts are bytes.
    """
    if quiet or not sys.stderr.isatty() or _lines:
        yield Wait(None)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    amount = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(30),
        amount,
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar, stepping_aside(bar):
        wait = Wait(bar)
        wait.show(text)
        yield wait


@contextmanager
def stepping_aside(line: Line) -> Iterator[None]:
    """Makes `line` give way to questions while the context lasts."""
    _lines.append(line)
    try:
        yield
    finally:
        _lines.remove(line)


@contextmanager
def aside() -> Iterator[None]:
    """Takes the line away while a person is asked something."""
    shown = list(_lines)
    for bar in shown:
        bar.stop()
    try:
        yield
    finally:
        for bar in shown:
            bar.start()
