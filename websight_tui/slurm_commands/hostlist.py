"""Slurm's way to write many node names: "gpu[01-04,7],login1" (the grammar of scontrol show hostnames)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product
from typing import Final

from websight_tui.metrics.lines import count

_MOST: Final = 65_536
"""Names that are looked at; the largest sites have fewer nodes."""
_PART: Final = re.compile(r"((?:[^,\[\]]|\[[^\[\]]*\])+)(?:,|$)")
_BRACKET: Final = re.compile(r"\[([^\[\]]*)\]")


def expand(text: str) -> frozenset[str]:
    """The names that `text` stands for, at most _MOST; empty for "(null)" and for what is no list."""
    if text.strip() in ("", "(null)", "None", "N/A"):
        return frozenset()
    found: set[str] = set()
    for match in _PART.finditer(text):
        found.update(islice(_names(match[1]), _MOST - len(found)))
    return frozenset(found)


def _names(part: str) -> Iterator[str]:
    pieces = _BRACKET.split(part)
    choices = [_numbers(piece) if i % 2 else [piece] for i, piece in enumerate(pieces)]
    return ("".join(name) for name in product(*choices))


def _numbers(text: str) -> list[str]:
    """ "01-03,7" → ["01", "02", "03", "7"]."""
    numbers: list[str] = []
    for piece in text.split(","):
        first, dash, last = piece.partition("-")
        if not dash:
            numbers.append(first)
        elif (low := count(first)) is not None and (high := count(last)) is not None:
            numbers += [str(number).zfill(len(first)) for number in range(low, min(high, low + _MOST) + 1)]
    return numbers[:_MOST]
