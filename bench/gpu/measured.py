"""What bench/gpu/results holds, as values.

The files are written by `bench.gpu.grid` (one JSON object a line: the machine's facts, then cells), and by
`bench.gpu.whole_run`, `bench.gpu.asking` and `bench.gpu.several`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.gpu.grid import Cell

RESULTS: Final = Path(__file__).with_name("results")
GRIDS: Final = {name: RESULTS / f"{name.lower()}-grid.jsonl" for name in ("H100", "H200")}


@dataclass(frozen=True, slots=True)
class Measured:
    """One cell of the grid.

    Args:
        cell: what was set; `cell.tokens` is what was asked for.
        row_tokens: tokens that a row really had, image and text.
        steps_s: seconds of the optimizer steps that count (the first is left out); empty if memory ran out.
        median_s: their median; None if memory ran out.
        loading_s: seconds that the rows of each of these steps took to load, in the one process, before the step.
        peak_bytes: most that tensors held at once; with out-of-memory what was held when it happened.
        reserved_bytes: most that torch's allocator held.
    """

    cell: Cell
    row_tokens: int
    steps_s: tuple[float, ...]
    median_s: float | None
    loading_s: tuple[float, ...]
    peak_bytes: int
    reserved_bytes: int

    @property
    def samples(self) -> int:
        """Rows behind a step."""
        return self.cell.batch * self.cell.accumulation


class Results(NamedTuple):
    """All of it, by what is in the files' names.

    Args:
        grids, wholes: cells, and whole runs on one GPU, by its name.
        expandable: cells for which torch's allocator had expandable segments.
        several: whole runs on several H200s while a save copied the frozen weights too.
        two: the same on two of them since it does not.
        asked: evaluations of an adapter on an H100.
        callback: the trainer's callback, on a CPU.
    """

    grids: dict[str, list[Measured]]
    wholes: dict[str, dict[str, Any]]
    expandable: list[Measured]
    several: dict[str, Any]
    two: dict[str, Any]
    asked: dict[str, Any]
    callback: dict[str, Any]


def read_results() -> Results:
    """What was measured. Raises as `read_grid` and `read_json`."""
    return Results(
        grids={name: read_grid(path) for name, path in GRIDS.items()},
        wholes={name: read_json(RESULTS / f"{name.lower()}-whole.json") for name in GRIDS},
        expandable=read_grid(RESULTS / "h100-expandable.jsonl"),
        several=read_json(RESULTS / "h200-several.json"),
        two=read_json(RESULTS / "h200-two.json"),
        asked=read_json(RESULTS / "h100-asked.json"),
        callback=read_json(RESULTS / "callback-cpu.json"),
    )


def read_grid(path: Path) -> list[Measured]:
    """All cells of a file, in its order. Raises OSError, ValueError or KeyError for a file that is none of ours."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [_measured(row) for row in rows if "rank" in row]


def read_json(path: Path) -> dict[str, Any]:
    """A file with one JSON object. Raises OSError or ValueError."""
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds no JSON object")
    return value


def timed(cells: list[Measured]) -> list[tuple[Measured, float]]:
    """The cells that did not run out of memory, each with the median of its steps in seconds."""
    return [(cell, cell.median_s) for cell in cells if cell.median_s is not None]


def _measured(row: dict[str, Any]) -> Measured:
    cell = Cell(*(row[name] for name in Cell._fields))
    steps, loading = (tuple(float(second) for second in row.get(name, ())[1:]) for name in ("step_s", "loading_s"))
    peak, reserved = row["peak_bytes"], row["reserved_bytes"]
    return Measured(cell, row["row_tokens"], steps, row.get("median_s"), loading, peak, reserved)
