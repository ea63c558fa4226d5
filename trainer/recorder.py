"""What one process of a training knows about itself, shared by the callback and the watched trainer."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from trainer import slurm
from trainer.budget import Budget
from trainer.events import EventWriter
from trainer.plan import Plan
from trainer.spec import Spec


class Stopped(Exception):
    """The run has saved and stopped, as it was asked to."""


class Diverged(Exception):
    """The weights are not finite any more; no further step can mend them."""


@dataclass(slots=True)
class Recorder:
    """The state of one rank.

    Args:
        writer: of events.jsonl, on rank 0 only.
        fixed: the settings that every checkpoint is marked with.
        stopped: all ranks have agreed to save and stop.
        tokens: trained on by this rank since the ranks last added them up.
        step: optimizer steps done.
        n_eval: rows of the evaluation.
        evaluated: the step and the metrics of the last evaluation.
        metrics: the trainer's own summary, at its end.
        share: of its budget that a run has used which uses the time it has; the same on every rank.
        budget: rank 0's clock, if the run uses the time it has.
    """

    spec: Spec
    plan: Plan
    writer: EventWriter | None
    fixed: dict[str, Any]
    stopped: bool = False
    tokens: int = 0
    step: int = 0
    n_eval: int = 0
    evaluated: tuple[int, dict[str, float]] = (-1, {})
    metrics: dict[str, Any] = field(default_factory=dict)
    share: float = 0.0
    budget: Budget | None = None

    def emit(self, kind: str, **fields: object) -> None:
        """Writes an event if this rank is the one that writes."""
        if self.writer:
            self.writer.write(kind, step=self.step, **fields)

    def paused(self, kind: str, seconds: float) -> None:
        """A "save" or an "evaluation" has taken `seconds`; known to the budget, if this rank keeps one."""
        if self.budget:
            self.budget.paused(kind, seconds)


def job() -> tuple[str, int]:
    """Slurm's job id ("" outside of a job) and how often the job was requeued."""
    return slurm.job_id(), slurm.restarts(os.environ.get("SLURM_RESTART_COUNT", ""))
