"""docs/faults.md as data: `python -m tests.faults.table` prints the tests that it names, for pytest."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"


@dataclass(frozen=True)
class Fault:
    """One row: what breaks, what is seen, what is guaranteed, and the tests (FILE::NAME) that hold it."""

    name: str
    seen: str
    guaranteed: str
    tests: tuple[str, ...]


def rows() -> list[Fault]:
    """The rows of the page's tables. Raises ValueError for a row that is not whole."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("| ") or line.startswith("| fault "):
            continue
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if len(cells) != 4 or not all(cells):
            raise ValueError(f"not four cells: {line}")
        found.append(Fault(*cells[:3], tuple(re.findall(r"`([^`]+::[^`]+)`", cells[3]))))
    return found


def named_tests() -> list[str]:
    """All tests of the page, each once, as pytest takes them."""
    return list(dict.fromkeys(f"tests/{name}" for fault in rows() for name in fault.tests))


if __name__ == "__main__":
    sys.stdout.write(" ".join(named_tests()) + "\n")
