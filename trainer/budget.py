"""Using the time: how far a run is through its budget, by which its learning rate is set, and which step is its last.

The budget reaches from the first step to the deadline, less what the end costs (a checkpoint, the adapter, a last
evaluation). At each step, the steps that still fit are counted anew from the pace and the pauses seen so far, and the
share goes on by that step's part of what is left:

    share ← share + (1 - share) / (steps that fit after this one + 1)

At a steady pace that is a straight line, as in a schedule by steps. When the pace changes, or a pause comes that nobody
expected, the line bends and still reaches 1 with the last step that fits. It never goes back, and a resumed run goes on
at the share of its checkpoint: docs/decisions/0004-deadline-mode.md.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, NamedTuple

_CAREFUL: Final = 1.25
"""The end is given this much more time than it has been seen to take."""
_REST_S: Final = 2.0
"""What nobody measures: the model card, the picture of the loss."""
_WORTH: Final = 2.0
"""An evaluation under way is worth its time if at least this many times as much training follows it."""
_EVAL_SPEED: Final = 2.0
"""Rows evaluated in the time of one that is trained, while none has been seen: a forward pass without its backward."""
_STATE_BYTES: Final = 12
"""Of a checkpoint, for each trained parameter: fp32 weights and Adam's two moments."""
_DISK_BYTES_PER_S: Final = 0.1e9
_LEAST_SAVE_S: Final = 0.5
_STALL: Final = 3.0
"""A step that takes more than this many times the median is a stall; what it took beyond that is no pace."""
_RECENT: Final = 32
"""Steps whose mean is the pace: few enough to follow a change, enough to even out rows of different lengths."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What is known of a run's speed.

    Args:
        step_s: seconds of an ordinary step, pauses not counted.
        slowest_s: the slowest of the recent steps.
        save_s, eval_s: seconds of one save and one evaluation; 0 where there is none.
        save_steps, eval_steps: steps between them; 0 where there is none.
    """

    step_s: float
    slowest_s: float
    save_s: float = 0.0
    eval_s: float = 0.0
    save_steps: int = 0
    eval_steps: int = 0

    @property
    def end_s(self) -> float:
        """Seconds from the last step to the end: its checkpoint, the adapter, the evaluation, and some to spare."""
        return _CAREFUL * (2 * self.save_s + self.eval_s) + self.slowest_s + _REST_S

    @property
    def evaluation_worth_s(self) -> float:
        """Seconds of training that must still fit for an evaluation not to be left to the end of the run."""
        return (1 + _WORTH) * self.eval_s


def steps_that_fit(left_s: float, step: int, most: int, costs: Costs) -> int:
    """Steps that can follow `step`, with the pauses among them, so that the end fits too.

    Args:
        left_s: seconds to the deadline.
        most: no more than this many (those that are left of the epochs).
    """

    def seconds(steps: int) -> float:
        pauses = _due(step, step + steps, costs.save_steps) * costs.save_s
        last_evaluation = step + steps - int(_WORTH * costs.eval_s / costs.step_s)
        pauses += max(0, _due(step, last_evaluation, costs.eval_steps)) * costs.eval_s
        return steps * costs.step_s + pauses + costs.end_s

    if costs.step_s <= 0:
        return most
    return bisect_right(range(1, most + 1), left_s, key=seconds)


def _due(first: int, end: int, period: int) -> int:
    """Multiples of `period` from `first` to before `end`."""
    return (end - 1) // period - (first - 1) // period if period and end > first else 0


def advance(share: float, steps_left: int) -> float:
    """The share after a step that `steps_left` more can follow; 1 if it was the last."""
    return 1.0 if steps_left <= 0 else share + (1 - share) / (steps_left + 1)


class Outlook(NamedTuple):
    """What the ranks agree on at each step.

    Fields:
        share: of the budget, 0 to 1: where in its schedule the learning rate is.
        steps_left: steps that are expected to follow; 0 after the last.
        evaluate: an evaluation that is due now may take place.
    """

    share: float
    steps_left: int
    evaluate: bool


class Budget:
    """Rank 0's clock: the pace and the pauses of this start, and what they leave of the time until the deadline."""

    def __init__(
        self,
        deadline: float | None,
        share: float = 0.0,
        *,
        save_steps: int,
        eval_steps: int,
        trained_parameters: int = 0,
        eval_rows: int = 0,
        step_rows: int = 1,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Starts the clock; the first step begins.

        Args:
            deadline: Unix s; None without a limit, and then the epochs alone count.
            share: of the checkpoint that the run goes on from.
            eval_steps, eval_rows: 0 without evaluations.
            trained_parameters, eval_rows, step_rows: for guesses at pauses that have not been seen yet.
            now: the clock, Unix s; the deadline is on the same one.
        """
        self.deadline = deadline
        self.share = share
        self._now = now
        self._every = (save_steps, eval_steps)
        self._save_s = max(_LEAST_SAVE_S, _STATE_BYTES * trained_parameters / _DISK_BYTES_PER_S)
        self._eval_steps_s = eval_rows / (_EVAL_SPEED * step_rows) if eval_steps else 0.0
        self._seen: dict[str, float] = {}
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._warming = True
        self._began = now()

    def paused(self, kind: str, seconds: float) -> None:
        """A "save" or an "evaluation" has taken `seconds`, which are not the step's. The longest one counts."""
        self._began += seconds
        self._seen[kind] = max(seconds, self._seen.get(kind, 0.0))

    def costs(self) -> Costs:
        longest = _STALL * median(self._recent)
        recent = [min(seconds, longest) for seconds in self._recent]
        step_s = sum(recent) / len(recent)
        save_s = self._seen.get("save", self._save_s)
        eval_s = self._seen.get("evaluation", self._eval_steps_s * step_s)
        return Costs(step_s, max(recent), save_s, eval_s, *self._every)

    def step_done(self, step: int, most: int) -> Outlook:
        """Moves on by the step that has just ended.

        Args:
            step: its number.
            most: how many may follow it, by the epochs.
        """
        now = self._now()
        took, self._began = max(0.0, now - self._began), now
        if self._warming and self._recent:
            self._recent.clear()  # the first step warms the machine up; it counts only while there is no other
            self._warming = False
        self._recent.append(took)
        fit, evaluate = most, True
        if self.deadline is not None:
            costs, left = self.costs(), self.deadline - now
            fit = steps_that_fit(left, step, most, costs)
            evaluate = left - costs.end_s >= costs.evaluation_worth_s
        self.share = advance(self.share, fit)
        return Outlook(self.share, fit, evaluate and fit > 0)


def follow_share(scheduler: Any, total_steps: int, share: Callable[[], float]) -> None:
    """Makes a LambdaLR (each of transformers' schedules is one) follow `share` instead of the number of steps.

    Its shape stays: what it would give at a share of `total_steps` it gives at that share of the budget, warm-up
    included. The next step's rate is asked for when a step ends.
    """

    def by_share(shape: Callable[[float], float]) -> Callable[[int], float]:
        return lambda _: shape(share() * total_steps)

    scheduler.lr_lambdas = [by_share(shape) for shape in scheduler.lr_lambdas]
