"""A regular expression that a person typed, searched for in lines under a time limit.

`re` cannot be interrupted: `(a+)+$` on one line of 40 letters would hold the app for hours. The package regex takes a
limit and is imported late, with the first search. All limits are in seconds of this process's processor time, so that
a busy machine makes no expression slow.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from time import process_time
from typing import TYPE_CHECKING, Final

from websight_tui.errors import WebsightError

if TYPE_CHECKING:
    from regex import Pattern

MOST_LETTERS: Final = 400
"""Of an expression: longer ones could take their time already while they are understood."""
LINE_S: Final = 0.05
"""For one line. What takes longer on at most 4,096 letters takes hours on the next line."""
_MOST_SPANS: Final = 200
_JOINED_SHARE: Final = 0.4
_PER_LINE: Final = re.compile(r"\\[AZzGKR]|\(\?(?!:)")
"""What means something else where lines are put together: a text's begin and end, looks ahead and back, flags."""

_ERROR: Final = re.compile(
    r"(?i:traceback \(most recent|(?:\b|_)(?:error|exception)\b|out of memory|slurmstepd|segmentation fault"
    r"|\b(?:killed|fatal)\b)|\w(?:Error|Exception)\b",  # ValueError, but no terror
)
_ERROR_WORDS: Final = ("error", "exception", "traceback", "out of mem", "slurmstepd", "segmentation", "killed", "fatal")
"""One of these is in whatever _ERROR finds, and they are looked for a hundred times as quickly."""


class TooSlow(WebsightError):
    """The expression takes too long."""

    def __init__(self) -> None:
        hint = "Repeats within repeats, such as (a+)+, are slow: write it without them, or search for plain words."
        super().__init__("This expression takes too long", hint)


class Expression:
    """What to search for, in any case of letters.

    Args:
        pattern: compiled with regex.MULTILINE.
        joined: whether it means the same on a line alone and on a line among others.
    """

    def __init__(self, pattern: Pattern[str], *, joined: bool) -> None:
        self._pattern, self._joined = pattern, joined

    def matches(self, lines: Sequence[str], seconds: float) -> list[int]:
        """Indices of the lines that hold a match which is not empty.

        Args:
            seconds: for all of them.

        Raises: TooSlow.
        """
        begun = process_time()
        if self._joined:
            try:
                return list(self._in_joined(lines, begun + seconds * _JOINED_SHARE))
            except TooSlow:
                pass  # it may run over line ends, such as [^,]*x; a line alone is short
        until = begun + seconds
        return [index for index, line in enumerate(lines) if self._in_line(line, until)]

    def spans(self, line: str) -> list[tuple[int, int]]:
        """(begin, end) of its matches in one line, the first ones of very many. Raises TooSlow."""
        spans: list[tuple[int, int]] = []
        try:
            for found in self._pattern.finditer(line, timeout=LINE_S):
                if found.end() > found.start():
                    spans.append(found.span())
                    if len(spans) >= _MOST_SPANS:
                        break
        except TimeoutError:
            raise TooSlow from None
        return spans

    def _in_line(self, line: str, until: float) -> bool:
        left = min(LINE_S, until - process_time())
        if left <= 0:
            raise TooSlow
        try:
            return any(found.end() > found.start() for found in self._pattern.finditer(line, timeout=left))
        except TimeoutError:
            raise TooSlow from None

    def _in_joined(self, lines: Sequence[str], until: float) -> Iterator[int]:
        """As `matches`, in one text of all lines, which is several times as quick."""
        text = "\n".join(lines)
        begins = list(accumulate((len(line) + 1 for line in lines), initial=0))
        position = 0
        while position < len(text) and (found := self._next(text, position, until)) is not None:
            index = bisect_right(begins, found[0]) - 1
            # a match over a line end may hide one of the line alone
            if found[1] < begins[index + 1] or self._in_line(lines[index], until):
                yield index
            position = begins[index + 1]

    def _next(self, text: str, position: int, until: float) -> tuple[int, int] | None:
        left = until - process_time()
        if left <= 0:
            raise TooSlow
        try:
            first = self._pattern.search(text, position, timeout=left)
            if first is None or first.end() > first.start():
                return first and first.span()
            found = self._pattern.finditer(text, position, timeout=left)
            return next((each.span() for each in found if each.end() > each.start()), None)
        except TimeoutError:
            raise TooSlow from None


def expression(text: str) -> tuple[Expression, str]:
    """The expression `text`, and why it is none ("" if it is one): then it is searched for as it stands."""
    import regex

    flags = regex.IGNORECASE | regex.MULTILINE
    if len(text) > MOST_LETTERS:
        why = f"it has more than {MOST_LETTERS} letters"
    else:
        try:
            return Expression(regex.compile(text, flags), joined=not _PER_LINE.search(text)), ""
        except (regex.error, RecursionError, OverflowError, ValueError, MemoryError) as exc:
            why = str(exc)
    return Expression(regex.compile(regex.escape(text[:MOST_LETTERS]), flags), joined=True), why


def says_error(line: str) -> bool:
    """Whether a line looks like an error."""
    return _may_say_error(line.lower()) and _ERROR.search(line) is not None


def errors(lines: Sequence[str]) -> Iterator[int]:
    """Indices of the lines that look like an error."""
    text = "\n".join(lines).lower()
    if _may_say_error(text):
        small = enumerate(text.split("\n"))
        yield from (index for index, line in small if _may_say_error(line) and _ERROR.search(lines[index]))


def _may_say_error(small: str) -> bool:
    return any(word in small for word in _ERROR_WORDS)
