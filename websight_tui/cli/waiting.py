"""What a command waits for and how far it is, on the last line of a terminal; nothing where there is none.

The line is wiped when the wait is over, and steps aside while a login asks a question.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from websight_tui.words import showable, size

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
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
        self._task = None if bar is None else bar.add_task(showable(text), total=None, share=None, amount="")

    def show(self, text: str, done: int = 0, total: int = 0, *, in_bytes: bool = False) -> None:
        """Says what is done now, with a bar of `done` of `total` where `total` is known."""
        if self._bar is not None and self._task is not None:
            far = (size(done), size(total)) if in_bytes else (f"{done:,}", f"{total:,}")
            amount = f"{far[0]} of {far[1]}" if total else ""
            share = done / total if total else None
            self._bar.update(self._task, description=showable(text), share=share, amount=amount)


@contextmanager
def waiting(text: str, *, quiet: bool = False, console: Console | None = None) -> Iterator[Wait]:
    """Shows `text` with a spinner and the time since, for as long as the context lasts.

    Args:
        quiet: shows nothing (scripts that read JSON).
        console: what is printed on meanwhile, above the line, where it is a terminal; else the line is on stderr.
    """
    beside = console is not None and console.is_terminal
    if quiet or not (beside or sys.stderr.isatty()) or _lines:
        yield Wait(None)
        return
    bar = _line(console if beside else None)
    wait = Wait(bar, text)
    with bar, stepping_aside(bar):
        yield wait


def _line(console: Console | None) -> Progress:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
    from rich.progress_bar import ProgressBar
    from rich.table import Column

    class KnownBar(ProgressColumn):
        """A bar, only where it is known how far it goes; the task itself never ends, what comes next is told on it."""

        def render(self, task: Task) -> RenderableType:
            share = task.fields["share"]
            return "" if share is None else ProgressBar(total=1.0, completed=min(1.0, share), width=24)

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
        KnownBar(),
        TextColumn("{task.fields[amount]}", style="dim", markup=False, table_column=Column(no_wrap=True)),
        TimeElapsedColumn(),
        console=console or Console(stderr=True),
        transient=True,
        redirect_stdout=console is not None or sys.stdout.isatty(),  # never what goes into a pipe or a file
    )


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
