"""Telling apart the processes that append to one trainer log, by step, elapsed time and pace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from websight_tui.metrics.model import Segment, TrainingLog

_SILENT: Final = 200
"""Lines of others after which a process is taken for ended."""
_RECENT: Final = 9
"""Intervals that pace and logging interval are taken from."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: steps done, s since the process began, and what was measured (None = not logged)."""

    step: int
    total: int = 0
    elapsed: float | None = None
    epoch: float | None = None
    loss: float | None = None
    lr: float | None = None
    grad_norm: float | None = None
    tokens: float | None = None
    eval_loss: float | None = None
    extra: tuple[tuple[str, float], ...] = ()
    nonfinite: tuple[str, ...] = ()
    trains: bool = False
    evaluates: bool = False

    @property
    def predicts(self) -> bool:
        """Whether this is the progress of a prediction: a count and nothing learnt."""
        return not self.trains and not self.evaluates and self.epoch is None


@dataclass(slots=True)
class Writer:
    """One process that writes into the file, and where it stands.

    `interval` is the steps between its lines (0 before two lines), `pace` its seconds a step (None if unknown), both
    as usual of late.
    """

    log: TrainingLog
    segment: Segment
    last_step: int = -1
    last_elapsed: float | None = None
    last_row: Row | None = None
    last_line: int = 0
    total: int = 0
    other_total: int = 0
    interval: int = 0
    pace: float | None = None
    _gaps: list[tuple[int, float | None]] = field(default_factory=list)

    def alive(self, line: int) -> bool:
        """Whether it may still write: not at its end, and heard of lately (`line` counts all lines)."""
        return line - self.last_line <= _SILENT and not (self.total and self.last_step >= self.total)

    def saw(self, row: Row, line: int) -> None:
        """Notes that `row`, the file's line number `line`, was this process's."""
        if self.last_step >= 0 and row.step > self.last_step:
            known = row.elapsed is not None and self.last_elapsed is not None
            took = row.elapsed - self.last_elapsed if known else None  # type: ignore[operator]
            self._gaps.append((row.step - self.last_step, took))
            del self._gaps[:-_RECENT]
            self.interval = sorted(gap for gap, _ in self._gaps)[len(self._gaps) // 2]
            paces = sorted(time / gap for gap, time in self._gaps if time is not None)
            self.pace = paces[len(paces) // 2] if paces else None
        self.last_step = row.step
        self.last_elapsed = self.last_elapsed if row.elapsed is None else row.elapsed
        self.last_row, self.last_line = row, line
        self.total = row.total or self.total
        self.other_total = 0

    def continues(self, row: Row) -> bool:
        """Whether `row` can be this process's next line."""
        if row.total and self.total and row.total != self.total:
            return False
        if row.step < self.last_step or self._falls(row):
            return False
        last = self.last_row
        if row.step > self.last_step or last is None:
            return True
        again = (row.trains and last.trains) or (row.predicts and last.predicts)
        return not again or row.step == 0

    def repeats(self, row: Row) -> bool:
        """Whether `row` is this process's last training line once more (several ranks that all write)."""
        last = self.last_row
        if last is None or row.step != last.step or row.total != last.total or not (row.trains and last.trains):
            return False
        near = row.elapsed is None or last.elapsed is None or abs(row.elapsed - last.elapsed) <= 2
        return near and row.loss == last.loss and row.lr == last.lr

    def same_process_other_count(self, row: Row) -> bool:
        """Whether `row` counts something else than training (a final evaluation) while the elapsed time runs on."""
        if not (row.total and self.total) or self.last_elapsed is None or row.elapsed is None or self._falls(row):
            return False
        if row.total == self.other_total:
            return True
        last = self.last_row
        done = self.last_step >= self.total or (last is not None and not last.trains)
        return row.total != self.total and done and not row.trains

    def misfit(self, row: Row) -> float:
        """How far `row` is from the next line that this process would write: 0 is exact, above 1 is poor."""
        gap = row.step - self.last_step
        interval = self.interval or gap or 1
        off = abs(gap - interval) / interval if gap else 0.0
        if self.pace is not None and row.elapsed is not None and self.last_elapsed is not None:
            late = abs(row.elapsed - self.last_elapsed - gap * self.pace)
            off += late / max(2.0, interval * self.pace)
        return off

    def _falls(self, row: Row) -> bool:
        return row.elapsed is not None and self.last_elapsed is not None and row.elapsed < self.last_elapsed - 1


def choose(current: Writer | None, writers: Sequence[Writer], row: Row, line: int) -> Writer | None:
    """The process that wrote `row`; None if it is the first line of a new one."""
    if len(writers) == 1 and current is writers[0]:
        return current if current.continues(row) else None
    others = [w for w in writers if w is not current and w.alive(line) and w.continues(row)]
    best = min(others, key=lambda w: w.misfit(row), default=None)
    if current is not None and current.continues(row):
        poor = current.misfit(row) > 1 or not current.interval  # after one line nothing is known of its pace
        return best if best is not None and poor and best.misfit(row) <= 1 else current
    if best is None:
        return None
    fresh = row.elapsed is None or row.elapsed <= 120 + 5 * best.interval * (best.pace or 0)
    return None if fresh and best.misfit(row) > 1 else best


def begins_at(first: Row, interval: int, pace: float | None) -> int:
    """Steps that were done before a process whose first line is `first` (0 = it began at the beginning).

    Args:
        interval: steps between lines.
        pace: s a step, None if unknown: elapsed time that covers all steps means that lines before are missing.
    """
    if first.step <= max(interval, 1):
        return 0
    if pace is not None and first.elapsed is not None and first.elapsed >= 0.8 * first.step * pace:
        return 0
    return first.step - interval
