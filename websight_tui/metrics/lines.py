"""Lines and numbers out of bytes that nobody has checked: half, damaged, endless or hostile ones included."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, Final

MAX_LINE: Final = 1 << 20
"""Bytes of one line that are looked at; a longer line is dropped whole and counted."""

_COUNT: Final = re.compile(r"[0-9]{1,15}")
_DURATION: Final = re.compile(r"(?:(\d{1,6}) days?, )?(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)")


class LineSplitter:
    """Cuts a stream of bytes into lines whatever its pieces, in bounded memory.

    Args:
        max_line: bytes; longer lines are skipped.

    `overlong` counts the lines that were skipped for their length.
    """

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self._max = max_line
        self._parts: list[bytes] = []
        self._size = 0
        self._skipping = False
        self.overlong = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields the lines that `data` completes, without their newline."""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            if self._parts or self._skipping:
                self._keep(data[start:end])
                line = self._take()
                if line is not None:
                    yield line
            elif end - start > self._max:
                self.overlong += 1
            else:
                yield data[start:end]
            start = end + 1
        if start < len(data):
            self._keep(data[start:])

    def finish(self) -> Iterator[bytes]:
        """Yields what is left of a last line that never got its newline."""
        if self._parts or self._skipping:
            line = self._take()
            if line is not None:
                yield line

    def _keep(self, part: bytes) -> None:
        if self._skipping:
            return
        if self._size + len(part) > self._max:
            self._parts.clear()
            self._skipping = True
            return
        self._parts.append(part)
        self._size += len(part)

    def _take(self) -> bytes | None:
        skipped, line = self._skipping, b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        self._skipping = False
        if skipped:
            self.overlong += 1
            return None
        return line


def json_object(line: bytes | str) -> dict[str, Any] | None:
    """The JSON object that a line holds; None for anything else, however it is broken."""
    text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
    text = text.strip(" \t\r\x00\ufeff")
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def number(value: object) -> float | None:
    """A finite number out of a JSON value or out of text ("2.412", "1e-05"), else None."""
    if value is None:
        return None
    if type(value) is float:
        return value if isfinite(value) else None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        result = float(value[:64]) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        return None
    return result if isfinite(result) else None


def is_nonfinite(value: object) -> bool:
    """Whether a value says NaN or infinity, as a number or in words ("nan", "-inf")."""
    if isinstance(value, float):
        return not isfinite(value)
    return isinstance(value, str) and value.strip().lower().lstrip("+-") in ("nan", "inf", "infinity")


def whole(value: object) -> int | None:
    """A count (0 to 2^53) out of a JSON value or text, else None."""
    result = number(value)
    if result is None or not 0 <= result <= 2**53:
        return None
    return int(result)


def count(text: str) -> int | None:
    """A count written in at most 15 ASCII digits, else None.

    `str.isdigit` also takes superscripts, which `int` refuses, as it does thousands of digits.
    """
    text = text.strip(" \t\r\n")
    return int(text) if _COUNT.fullmatch(text) else None


def seconds(value: object) -> float | None:
    """Seconds out of "0:01:32", "4 days, 7:19:52", "09:59" or a number; None for empty and damaged ones."""
    if isinstance(value, (int, float)):
        result = number(value)
        return result if result is not None and result >= 0 else None
    if not isinstance(value, str):
        return None
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        return None
    days, hours, minutes, rest = match.groups()
    return int(days or 0) * 86_400.0 + int(hours or 0) * 3600 + int(minutes) * 60 + float(rest)
