"""What is known of a training run from its own words, whatever format they came in.

A `TrainingLog` is append-only: parsers add to it, readers note `version` (or a column's length) once and look no
further, so a reader never needs a lock and a chart redraws only when the version moved. Points are columns of
doubles, not objects: a million steps take 64 MB instead of 500.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any, Final

NAN: Final = float("nan")
FIELDS: Final = ("step", "t", "elapsed", "epoch", "loss", "lr", "grad_norm", "tokens", "memory", "utilization")


class Columns:
    """Logged training points as parallel arrays; NaN marks what was not logged.

    Columns: step (optimizer steps) · t (Unix s, NaN for formats without a clock) · elapsed (s since the segment
    began) · epoch · loss · lr · grad_norm · tokens (seen so far) · memory (peak bytes) · utilization (GPU, 0-100).
    """

    __slots__ = FIELDS

    step: array[float]
    t: array[float]
    elapsed: array[float]
    epoch: array[float]
    loss: array[float]
    lr: array[float]
    grad_norm: array[float]
    tokens: array[float]
    memory: array[float]
    utilization: array[float]

    def __init__(self) -> None:
        for name in FIELDS:
            setattr(self, name, array("d"))

    def append(
        self,
        *,
        step: float | None = None,
        t: float | None = None,
        elapsed: float | None = None,
        epoch: float | None = None,
        loss: float | None = None,
        lr: float | None = None,
        grad_norm: float | None = None,
        tokens: float | None = None,
        memory: float | None = None,
        utilization: float | None = None,
    ) -> None:
        """Adds one point; absent or None fields become NaN."""
        self.step.append(NAN if step is None else step)
        self.t.append(NAN if t is None else t)
        self.elapsed.append(NAN if elapsed is None else elapsed)
        self.epoch.append(NAN if epoch is None else epoch)
        self.loss.append(NAN if loss is None else loss)
        self.lr.append(NAN if lr is None else lr)
        self.grad_norm.append(NAN if grad_norm is None else grad_norm)
        self.tokens.append(NAN if tokens is None else tokens)
        self.memory.append(NAN if memory is None else memory)
        self.utilization.append(NAN if utilization is None else utilization)

    def __len__(self) -> int:
        return len(self.utilization)  # the column that is appended last: a reader never sees half a point


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation: at `step`, ended at `t` (Unix s or None) or `elapsed` (s since the segment began or None)."""

    step: int
    t: float | None = None
    elapsed: float | None = None
    seconds: float | None = None
    loss: float | None = None
    metrics: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One saved checkpoint; `seconds` it took, `bytes` it holds, None where the format does not say."""

    step: int
    path: str = ""
    t: float | None = None
    elapsed: float | None = None
    seconds: float | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class NonFinite:
    """A step at which something was NaN or infinite: `fields` names what ("loss", "grad_norm")."""

    step: int
    fields: tuple[str, ...]


@dataclass(slots=True)
class Segment:
    """The steps trained by one process start.

    Args:
        start_step: steps already done when it began (0, or the checkpoint's).
        total_steps: as last announced; 0 if never.
        started_at: Unix s of the first step's begin, None for formats without a clock.
        job_id: Slurm's id of the job it ran in, "" if unknown.
        end: "" while open; finished, saved-and-stopped or failed once the trainer said so.
        meta: what the trainer said of itself at start (versions, GPUs, eval_steps, save_steps, world_size, …).
    """

    start_step: int = 0
    total_steps: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    job_id: str = ""
    end: str = ""
    stop_requested_at: float | None = None
    eval_begun_at: float | None = None
    save_begun_at: float | None = None
    columns: Columns = field(default_factory=Columns)
    evaluations: list[Evaluation] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    nonfinite: list[NonFinite] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def last_step(self) -> int:
        return int(self.columns.step[-1]) if len(self.columns) else self.start_step


@dataclass(slots=True)
class TrainingLog:
    """All segments of one run, oldest first.

    Args:
        source: "events", "trainer_log", "trainer_state" or "job_output": which format it was read from.
        notes: what was odd in the input, in words, each once ("3 damaged lines skipped").
        version: grows with every change.
    """

    source: str = "events"
    segments: list[Segment] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    version: int = 0

    @property
    def last(self) -> Segment | None:
        return self.segments[-1] if self.segments else None
