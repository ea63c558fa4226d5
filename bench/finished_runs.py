"""Finished runs out of folders of logs, in any format: what a backtest needs to know of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from websight_tui.metrics.detect import read_any
from websight_tui.metrics.model import Segment, TrainingLog
from websight_tui.projection.finish import project
from websight_tui.projection.timeline import cut_log, timeline_of

_LEAST_LINES: Final = 12
_STEADY: Final = 1.6
"""A run is steady if its slowest tenth takes less than so many times as long as its quickest."""


@dataclass(frozen=True, slots=True)
class Run:
    """One finished segment: `total_s` is what it really took; `steady` that its pace never changed by much."""

    name: str
    repository: str
    log: TrainingLog
    total_s: float
    steady: bool
    evaluates: bool

    @property
    def segment(self) -> Segment:
        return self.log.segments[-1]

    @property
    def resumed(self) -> bool:
        return self.segment.start_step > 0


def load(folders: Iterable[Path], least_s: float) -> list[Run]:
    """All usable runs under `folders`, each repository's from INDEX.tsv where there is one, else from the file name.

    The same training in two versions of a file counts once: the one with more lines.
    """
    found: dict[tuple[str, str, int, int, int], Run] = {}
    for folder in folders:
        owners = _owners(folder)
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "INDEX.tsv"):
            relative = path.relative_to(folder).as_posix()
            repository = owners.get(relative) or path.name.split("__")[0].split("@")[0]
            for number, log in enumerate(read_any(path.read_bytes(), path.name)):
                run = _usable(f"{relative} · run {number}", repository, log, least_s)
                if run is None:
                    continue
                segment = run.segment
                minutes = round(run.total_s / max(60.0, 0.02 * run.total_s))
                key = (repository, log.source, segment.total_steps, segment.start_step, minutes)
                if key not in found or len(segment.columns) > len(found[key].segment.columns):
                    found[key] = run
    return sorted(found.values(), key=lambda r: r.name)


def _owners(folder: Path) -> dict[str, str]:
    index = folder / "INDEX.tsv"
    if not index.is_file():
        return {}
    rows = [line.split("\t") for line in index.read_text(encoding="utf-8", errors="replace").splitlines()[1:]]
    return {row[0]: row[1] for row in rows if len(row) > 1}


def _usable(name: str, repository: str, log: TrainingLog, least_s: float) -> Run | None:
    segment = log.last
    if segment is None or len(segment.columns) < _LEAST_LINES or segment.total_steps <= 0:
        return None
    if "ended_early_at" in segment.meta or segment.last_step < 0.985 * segment.total_steps:
        return None
    if len(timeline_of(segment).steps) < _LEAST_LINES:  # no clock
        return None
    whole = project(log, limit_s=None)
    if whole.total_s is None or whole.total_s < least_s:
        return None
    return Run(name, repository, log, whole.total_s, _is_steady(segment), bool(segment.evaluations))


def _is_steady(segment: Segment) -> bool:
    """Whether the tenths of the run, pauses that the log names apart, are of about the same pace."""
    timeline = timeline_of(segment)
    paces = []
    for tenth in range(10):
        first = int(len(timeline.steps) * tenth / 10)
        last = min(int(len(timeline.steps) * (tenth + 1) / 10), len(timeline.steps) - 1)
        if last <= first or tenth == 0:
            continue  # the first tenth holds the warm-up
        low, high = timeline.steps[first], timeline.steps[last]
        paused = sum(p.seconds or 0.0 for p in timeline.evaluations if low <= p.step < high)
        paces.append((timeline.elapsed[last] - timeline.elapsed[first] - paused) / (high - low))
    return len(paces) > 2 and min(paces) > 0 and max(paces) / min(paces) < _STEADY


def cut_at_second(log: TrainingLog, second: float) -> TrainingLog | None:
    """The log as it was after `second` of its last segment; None if the run had already ended."""
    segment = log.segments[-1]
    timeline = timeline_of(segment)
    if not timeline.steps or timeline.elapsed[-1] <= second:
        return None
    reached = [s for s, e in zip(timeline.steps, timeline.elapsed, strict=True) if e <= second]
    last = reached[-1] if reached else timeline.start
    return cut_log(log, (last - timeline.start) / max(1, timeline.total - timeline.start))
