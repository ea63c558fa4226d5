"""stdout and stderr of a job as one log, in the order in which their lines came.

Two files do not tell which line came first; what is known is with which look at them each line was read (both are read
together, every second for the run on the screen). Of the lines of one look those of stdout come first. A line that is
still written to, such as a progress bar, stands where it moved last.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge

from websight_tui.runs.state import LogTail


def together(stdout: LogTail, stderr: LogTail) -> LogTail:
    """Both outputs in one; `is_stderr` tells their lines apart. Only one, as it is, where the other says nothing."""
    if not stderr.lines or not stdout.lines:
        return stdout if stdout.lines else stderr
    rows = list(merge(_rows(stdout, 0), _rows(stderr, 1), key=lambda row: row[0]))
    return LogTail(
        tuple(line for _, _, line in rows),
        stdout.dropped + stderr.dropped,
        stdout.size + stderr.size,
        {
            2 * number + which: spans
            for which, tail in enumerate((stdout, stderr))
            for number, spans in tail.inks.items()
        },
        numbers=tuple(number for _, number, _ in rows),
        since=max(stdout.since, stderr.since),
    )


def is_stderr(tail: LogTail, index: int) -> bool:
    """Whether a line of `together` came from stderr; False in the log of one output alone."""
    return bool(tail.numbers) and tail.numbers[index] % 2 == 1


def _rows(tail: LogTail, which: int) -> Iterator[tuple[tuple[int, int], int, str]]:
    """((look, which output), number in the whole, line) of each line."""
    marks = iter((*tail.marks, None))
    look, following = 0, next(marks)
    for index, line in enumerate(tail.lines):
        number = tail.dropped + index
        while following is not None and following[0] <= number:
            look, following = following[1], next(marks)
        yield (look, which), 2 * number + which, line
