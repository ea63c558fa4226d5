"""What is done with a run's checkpoints and logs beside training, and how far each of it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is done."""

    FETCH = "fetch"
    TRY = "try"
    MERGE = "merge"
    EVALUATE = "evaluate"
    LOG = "log"


class Stand(StrEnum):
    """How a task stands."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Answer:
    """Where a model would click on a picture.

    Args:
        text: its answer, safe to show.
        x, y: in pixels of the picture, which is `width` × `height`.
        rgb: a small copy of the picture, 3 bytes a pixel, row by row; `across` pixels a row. Empty if there is none.
    """

    text: str
    x: int
    y: int
    width: int
    height: int
    rgb: bytes = b""
    across: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that is done with a checkpoint, or a download of the whole log.

    Args:
        step: of the checkpoint; None for the run's final adapter (and for a log).
        stage: what happens now, in words.
        done, total: how far it is, in bytes if `in_bytes`, else in parts; 0 of 0 if that is not known.
        message, hint: how it ended, and the next step.
        job_id: of the job that does it, "" while there is none.
    """

    kind: Kind
    step: int | None
    stand: Stand = Stand.RUNNING
    stage: str = ""
    done: int = 0
    total: int = 0
    in_bytes: bool = False
    message: str = ""
    hint: str = ""
    job_id: str = ""
    answer: Answer | None = None


def source_of(step: int | None) -> str:
    """The folder of a checkpoint under the run's output folder, with a slash before it; "" for the final adapter."""
    return "" if step is None else f"/checkpoint-{step}"


def name_of(step: int | None) -> str:
    """A checkpoint in words."""
    return "the final adapter" if step is None else f"the checkpoint at step {step:,}"
