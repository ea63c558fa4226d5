"""One process's training as its output tells it: points from bars, losses from dicts, steps from epochs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from math import ceil, isnan
from typing import Final

from websight_tui.metrics.lines import whole
from websight_tui.metrics.model import Checkpoint, Evaluation, NonFinite, Segment, TrainingLog

_USUAL: Final = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000)
"""Logging intervals that people choose."""
_SETTLED: Final = 200
"""Dict lines after which counted steps are no longer revised."""
_TELLING: Final = ("loss", "grad_norm", "eval_loss", "eval_accuracy")
"""Values that are the same on every rank and hardly ever in two lines that follow each other."""
COUNTED: Final = "this output names no steps: log lines are counted instead"


class OutputRun:
    """Writes one segment.

    Args:
        log: the run it is appended to.
        start: steps that were done before.
        total: steps of the whole run, 0 if unknown.
        heading: what the trainer printed before the first step (n_train, epochs, batch sizes, …).
    """

    def __init__(self, log: TrainingLog, start: int, total: int, heading: Mapping[str, int]) -> None:
        self.log = log
        self.segment = Segment(start_step=start, total_steps=total or heading.get("total_steps", 0))
        self.segment.meta.update({k: v for k, v in heading.items() if k != "total_steps"})
        self._heading = heading
        self._last_bar: int | None = None
        self._epochs: list[tuple[float, float]] = []
        self._logged: list[int] = []
        self._counted = False
        self._after: list[int] = []
        self._said: tuple[float, tuple[tuple[str, float], ...]] | None = None
        log.segments.append(self.segment)
        log.version += 1

    @property
    def pace(self) -> float | None:
        """Seconds a step over the whole segment, None before two bars."""
        columns = self.segment.columns
        if len(columns) < 2 or columns.step[-1] <= columns.step[0]:
            return None
        pace = (columns.elapsed[-1] - columns.elapsed[0]) / (columns.step[-1] - columns.step[0])
        return None if isnan(pace) else pace

    def restarts(self, step: int, elapsed: float) -> bool:
        """Whether a bar belongs to a later process than this one: both its step and its time fall."""
        columns = self.segment.columns
        if self._last_bar is None or not len(columns):
            return False
        return step < columns.step[-1] and elapsed < columns.elapsed[-1] - 1

    def bar(self, step: int, total: int, elapsed: float) -> None:
        """A training bar: `step` of `total` done `elapsed` seconds after the bar began."""
        columns = self.segment.columns
        if self._counted:  # losses came first, without a step; bars know better
            self._recount()
        self._last_bar = step
        if len(columns) and step <= columns.step[-1]:
            return
        self.segment.total_steps = total
        columns.append(step=float(step), elapsed=elapsed)
        self.log.version += 1

    def logged(
        self, epoch: float, error: float, values: Mapping[str, float], bad: tuple[str, ...], elapsed: float | None
    ) -> None:
        """A dict with a loss. `error` is the rounding of `epoch`, `elapsed` the line's own time if it has one."""
        if self._said_before(epoch, values):
            return
        self._epochs.append((epoch, error))
        step = self._step(epoch, error)
        self._logged.append(step)
        if bad:
            self.segment.nonfinite.append(NonFinite(step, bad))
        found = {
            "epoch": epoch,
            "loss": values.get("loss"),
            "lr": values.get("learning_rate"),
            "grad_norm": values.get("grad_norm"),
            "tokens": values.get("num_input_tokens_seen"),
        }
        columns = self.segment.columns
        index = self._point(step)
        if index is None:
            columns.append(step=float(step), elapsed=elapsed, **found)
        else:
            for name, value in found.items():
                if value is not None:
                    getattr(columns, name)[index] = value
        self.log.version += 1
        if self._counted and len(self._logged) <= _SETTLED:
            self._recount()

    def evaluated(
        self, epoch: float, error: float, values: Mapping[str, float], bad: tuple[str, ...], elapsed: float | None
    ) -> None:
        """A dict of an evaluation."""
        if self._said_before(epoch, values):
            return
        if self._logged and epoch <= self._epochs[-1][0]:
            step = self._logged[-1]
        else:
            bar, estimate = self._bar_agrees(epoch, error), self._by_epoch(epoch)
            fallback = self.segment.last_step if estimate is None else round(estimate)
            step = fallback if bar is None else bar
        took = values.get("eval_runtime")
        columns = self.segment.columns
        if elapsed is None and len(columns) and not isnan(columns.elapsed[-1]):
            elapsed = columns.elapsed[-1] + (took or 0.0)
        metrics = tuple((k, v) for k, v in values.items() if k.startswith("eval_"))
        self.segment.evaluations.append(
            Evaluation(step, elapsed=elapsed, seconds=took, loss=values.get("eval_loss"), metrics=metrics)
        )
        self._after.append(len(self._logged))
        if bad:
            self.segment.nonfinite.append(NonFinite(step, bad))
        self.log.version += 1

    def saved(self, step: int, path: str) -> None:
        """The trainer wrote checkpoint-`step`."""
        known = self.segment.checkpoints
        if known and known[-1].step == step:
            return
        columns = self.segment.columns
        elapsed = columns.elapsed[-1] if len(columns) and not isnan(columns.elapsed[-1]) else None
        known.append(Checkpoint(step, path, elapsed=elapsed))
        self.log.version += 1

    def summary(self, values: Mapping[str, float]) -> None:
        """The dict at the end of the training (train_runtime, train_steps_per_second, …)."""
        segment = self.segment
        if not segment.total_steps and values.get("epoch"):
            segment.total_steps = whole(values.get("train_runtime", 0) * values.get("train_steps_per_second", 0)) or 0
            segment.meta["steps_an_epoch"] = segment.total_steps / values["epoch"]
        segment.end = "finished"
        segment.meta["final_metrics"] = {k: v for k, v in values.items() if k.startswith("train_")}
        if self._counted:
            self._recount()
        self.log.version += 1

    def completed(self) -> None:
        """The trainer said that its training is complete."""
        self.segment.end = "finished"
        self.log.version += 1

    def settle(self) -> None:
        """Called when nothing more follows."""
        if self._counted and not self._steps_an_epoch() and COUNTED not in self.log.notes:
            self.log.notes.append(COUNTED)
            self.log.version += 1

    def _said_before(self, epoch: float, values: Mapping[str, float]) -> bool:
        """Whether another rank has just printed the same dict (its own times apart)."""
        said = (epoch, tuple((name, value) for name, value in values.items() if name in _TELLING))
        again, self._said = said == self._said and bool(said[1]), said
        return again

    def _point(self, step: int) -> int | None:
        """The bar's point that a loss at `step` belongs to, None if there is none yet."""
        steps = self.segment.columns.step
        count = len(self.segment.columns)
        if not count or step > steps[-1]:
            return None
        index = bisect_left(steps, step, 0, count)
        return min(index, count - 1)

    def _step(self, epoch: float, error: float) -> int:
        """The step of a dict line: by its epoch where that is exact enough, else the bar's or the next in the row."""
        after = self._logged[-1] if self._logged else self.segment.start_step
        interval, steady = self._interval()
        if self._last_bar is None:
            self._counted = True
            return after + (interval or 1)
        estimate, blur = self._by_epoch(epoch), error * (self._steps_an_epoch() or 0)
        if estimate is not None and blur < 0.4:
            return max(round(estimate), after)
        next_in_row = interval and (estimate is None or abs(after + interval - estimate) <= blur + 0.5)
        bar = self._bar_agrees(epoch, error)
        if bar is not None and bar > after and not (steady and next_in_row):
            return bar
        if next_in_row:
            return after + interval
        return max(after + (interval or 1) if estimate is None else round(estimate), after + 1)

    def _bar_agrees(self, epoch: float, error: float) -> int | None:
        """The last bar's step, if `epoch` may be its; it is further on where the losses come late."""
        bar, estimate = self._last_bar, self._by_epoch(epoch)
        if bar is None or estimate is None:
            return bar
        return bar if abs(bar - estimate) <= 1.0 + error * (self._steps_an_epoch() or 0) else None

    def _by_epoch(self, epoch: float) -> float | None:
        """The step at `epoch`. Every epoch has whole steps, the last of them may be of fewer batches."""
        scale = self._steps_an_epoch()
        if not scale:
            return None
        total, epochs = self.segment.total_steps, self._heading.get("epochs") or 0
        an_epoch = total // epochs if epochs and total and total % epochs == 0 else ceil(scale)
        whole_epochs = int(epoch)
        return whole_epochs * (an_epoch if abs(an_epoch - scale) <= 1 else scale) + (epoch - whole_epochs) * scale

    def _interval(self) -> tuple[int, bool]:
        """Steps between dict lines of late (0 if unknown), and whether they have been the same."""
        recent = self._logged[-4:]
        gaps = sorted(after - before for before, after in pairwise(recent))
        return (gaps[len(gaps) // 2], len(gaps) == 3 and gaps[0] == gaps[-1]) if gaps else (0, False)

    def _steps_an_epoch(self) -> float | None:
        """Steps an epoch: batches over accumulation, as the trainer counts epochs; None where it cannot be known."""
        heading = self._heading
        rows, batch = heading.get("n_train"), heading.get("total_train_batch_size")
        accumulation = heading.get("gradient_accumulation_steps") or 1
        if rows and batch and batch >= accumulation:
            return -(-rows // (batch // accumulation)) / accumulation
        known = self.segment.meta.get("steps_an_epoch")
        return known if isinstance(known, float) else None

    def _recount(self) -> None:
        """Steps of lines that name none: equally spaced, by the interval that the epochs so far agree with best."""
        scale = self._steps_an_epoch()
        if not scale or not self._logged:
            return
        segment, count = self.segment, len(self._logged)
        (first, error), last = self._epochs[0], self._epochs[-1][0]
        blur = max(2 * error * scale, 1.0)
        begin, lines = (first * scale, count - 1) if count > 2 else (segment.start_step, count)
        raw = max((last * scale - begin) / lines, 1.0)
        near = [n for n in _USUAL if abs(n - raw) <= blur / lines]
        interval = min(near, key=lambda n: abs(n - raw)) if near else max(1, round(raw))
        if segment.start_step == 0 and count > 2 and begin > 2 * interval + blur:
            segment.start_step = max(0, round(begin / interval - 1) * interval)
        steps = [segment.start_step + interval * (i + 1) for i in range(count)]
        if steps == self._logged:
            return
        self._logged = steps
        column = segment.columns.step
        for i, step in enumerate(steps[: len(column)]):
            column[i] = float(step)
        for i, (seen, known) in enumerate(zip(self._after, segment.evaluations, strict=True)):
            if seen:
                segment.evaluations[i] = replace(known, step=steps[seen - 1])
