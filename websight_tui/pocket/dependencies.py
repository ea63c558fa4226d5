"""--dependency: what a job waits for, as sbatch(1) defines it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum

from websight_tui.pocket.model import Job

_PART = re.compile(r"(after|afterok|afternotok|afterany|aftercorr):(.+)")
_TARGET = re.compile(r"(\d+)(?:_(\d+|\*))?(?:\+(\d+))?")


class Answer(Enum):
    """Whether a dependency lets the job run."""

    MET = "met"
    WAIT = "wait"
    NEVER = "never"


def is_valid(text: str) -> bool:
    """Whether Slurm accepts this --dependency."""
    for part in re.split(r"[,?]", text):
        match = _PART.fullmatch(part)
        if part == "singleton":
            continue
        if not match or not all(_TARGET.fullmatch(t) for t in match[2].split(":")):
            return False
    return True


def judge(job: Job, find: Callable[[int], Sequence[Job]], everyone: Iterable[Job], now: float) -> Answer:
    """Whether `job` may run.

    Args:
        find: the jobs that an id (of a job or a whole array) means; none if the scheduler does not know it any more.
        everyone: all jobs, for singleton.
        now: the cluster's time.
    """
    answers = [_part(job, part, find, everyone, now) for part in re.split(r"[,?]", job.dependency) if part]
    if not answers:
        return Answer.MET
    if "?" in job.dependency:
        wanted = Answer.MET if Answer.MET in answers else Answer.WAIT
        return wanted if wanted in answers else Answer.NEVER
    return next((a for a in (Answer.NEVER, Answer.WAIT) if a in answers), Answer.MET)


def _part(job: Job, part: str, find: Callable[[int], Sequence[Job]], everyone: Iterable[Job], now: float) -> Answer:
    if part == "singleton":
        earlier = any(o.name == job.name and o.job_id < job.job_id and o.live for o in everyone)
        return Answer.WAIT if earlier else Answer.MET
    kind, _, targets = part.partition(":")
    answers: list[Answer] = []
    for target in targets.split(":"):
        match = _TARGET.fullmatch(target)
        assert match  # checked by is_valid at submission
        number, task, minutes = match.groups()
        others = [o for o in find(int(number)) if task in (None, "*") or str(o.array_task_id) == task]
        answers += [_one(kind, other, 60 * int(minutes or 0), now) for other in others]
    return next((a for a in (Answer.NEVER, Answer.WAIT) if a in answers), Answer.MET)


def _one(kind: str, other: Job, delay_s: int, now: float) -> Answer:
    if kind == "after":
        begun = other.start if other.start is not None else other.end
        return Answer.MET if begun is not None and now >= begun + delay_s else Answer.WAIT
    if other.live:
        return Answer.WAIT
    if kind == "afterany":
        return Answer.MET
    good = other.state == "COMPLETED"
    return Answer.MET if good == (kind in ("afterok", "aftercorr")) else Answer.NEVER
