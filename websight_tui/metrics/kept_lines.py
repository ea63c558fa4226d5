"""The lines that are kept of an endless output, as a sequence."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import overload


class Lines(Sequence[str]):
    """A view on the kept lines that costs nothing to make; it holds until the next feed."""

    __slots__ = ("_range", "_rows")

    def __init__(self, rows: deque[str], start: int, stop: int) -> None:
        self._rows = rows
        self._range = range(start, stop)

    def __len__(self) -> int:
        return len(self._range)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return list(self)[index]
        return self._rows[self._range[index]]

    def __iter__(self) -> Iterator[str]:
        return islice(self._rows, self._range.start, self._range.stop)
