"""Slurm's way to write many node names: "gpu[01-04,7],login1" (the grammar of scontrol show hostnames)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product
from typing import Final

from websight_tui.metrics.lines import count

_MOST: Final = 65_536
"""Names that are looked at; the largest sites have fewer nodes."""
_BRACKETS: Final = 8
"""In one name; a name with more is damage, and would take its time."""
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
    if len(pieces) > 2 * _BRACKETS + 1:
        return iter(())
    choices: list[list[str]] = []
    wanted = _MOST
    for i in reversed(range(len(pieces))):  # the last one counts up first: of those before it few are needed
        choices.insert(0, _numbers(pieces[i], wanted) if i % 2 else [pieces[i]])
        wanted = 1 + wanted // max(1, len(choices[0]))
    return ("".join(name) for name in product(*choices))


def _numbers(text: str, most: int) -> list[str]:
    """ "01-03,7" → ["01", "02", "03", "7"], the first `most` of them."""
    numbers: list[str] = []
    for piece in text.split(","):
        first, dash, last = piece.partition("-")
        if not dash:
            numbers.append(first)
        elif (low := count(first)) is not None and (high := count(last)) is not None:
            numbers += [str(number).zfill(len(first)) for number in range(low, min(high, low + most) + 1)]
    return numbers[:most]
