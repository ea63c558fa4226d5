"""All benchmarks of the app as one table: `python -m bench.all [--quick] [--write] [--only PART…] [--no-install]`.

Every row is a ratio against a floor or a peer of the same run, or a figure against a goal; both sides of a ratio are
measured in turn, so that a busy machine slows both. `--write` puts the table and the machine's facts between the marks
of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bench import asking, following, heavy, lab, machine, readers, startup, tools
from bench.rows import Row, as_json, table
from bench.scene import Scene, scene
from bench.tables import put_between_marks

DOCUMENT: Final = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
Part = Callable[[Scene], Iterator[Row]]

FULL: Final[dict[str, Part]] = {
    "start": lambda s: startup.rows(s, rounds=7),
    "lab": lambda s: lab.rows(s, rounds=7),
    "follow": lambda s: following.rows(s, appends=30),
    "heavy": lambda s: heavy.rows(s, seconds=30),
    "calls": lambda s: asking.rows(s, seconds=60),
    "readers": lambda _: readers.rows(megabytes=8, lines=10_000),
}
QUICK: Final[dict[str, Part]] = {
    "start": lambda s: startup.rows(s, rounds=1, histories=(1,)),
    "lab": lambda s: lab.rows(s, rounds=1),
    "follow": lambda s: following.rows(s, appends=2, sizes=(100_000,)),
    "heavy": lambda s: heavy.rows(s, seconds=1, jobs=(200,), points=(1_000,), logs=(5_000_000,), bursts=(2_000_000,)),
    "calls": lambda s: asking.rows(s, seconds=3, jobs=(3, 50)),
    "readers": lambda _: readers.rows(megabytes=0.2, lines=1_000),
}


def measure(parts: dict[str, Part], wanted: list[str]) -> list[Row]:
    """Runs the parts, telling on stderr how far it is; a part that breaks off leaves a row that says so."""
    rows: list[Row] = []
    for name, part in parts.items():
        if wanted and name not in wanted:
            continue
        begin = time.monotonic()
        for last in (False, True):  # on a crowded machine a part may run out of patience once
            found: list[Row] = []
            try:
                with scene() as made:
                    for row in part(made):
                        found.append(row)
                        print(f"  {row.what}: {' · '.join(row.figures)}", file=sys.stderr, flush=True)
                rows += found
                break
            except Exception as exc:  # the other parts are worth having
                words = f"{type(exc).__name__}: {str(exc)[:300]}"
                print(f"{name} broke off: {words}", file=sys.stderr, flush=True)
                if last:
                    rows += [*found, Row(f"{name}: broke off", [words], met=False, goal="runs")]
        print(f"{name}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    return rows


def main() -> int:
    """Prints the table; 1 if a part broke off."""
    parser = argparse.ArgumentParser(prog="bench.all", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, few repetitions, nothing installed")
    parser.add_argument("--write", action="store_true", help=f"also into {DOCUMENT.name}")
    parser.add_argument("--only", nargs="+", choices=list(FULL), default=[], metavar="PART", help=", ".join(FULL))
    parser.add_argument("--no-install", action="store_true", help="compare with what is installed already")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    options = parser.parse_args()
    if not options.quick and not options.no_install:
        tools.install()
    before, begin = machine.load(), time.monotonic()
    rows = measure(QUICK if options.quick else FULL, options.only)
    took = time.monotonic() - begin
    if options.json:
        print("\n".join(map(as_json, rows)))
    else:
        print(table(rows))
    if options.write:
        today = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
        said = [
            f"Measured on {today} in {took / 60:.0f} minutes; load average {before} before, {machine.load()} after.",
            *(f"* {fact}" for fact in machine.facts()),
        ]
        put_between_marks(DOCUMENT, "measured", "\n".join([said[0], "", *said[1:], "", table(rows)]))
    return int(any("broke off" in row.what for row in rows))


if __name__ == "__main__":
    sys.exit(main())
