"""Slurm's way to write many node names: "gpu[01-04,7],login1" (the grammar of scontrol show hostnames)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product
from typing import Final

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
        elif first.isdecimal() and last.isdecimal() and len(last) <= 9:
            stop = min(int(last), int(first) + _MOST)
            numbers += [str(number).zfill(len(first)) for number in range(int(first), stop + 1)]
    return numbers[:_MOST]
