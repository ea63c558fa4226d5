"""A run that needs more than one limit: the job goes back into the queue and goes on from its checkpoint.

One job id for all its links, so one `scancel` ends the chain and nothing is left behind when it finishes; the reasons
are in docs/decisions/0002-chains.md.
"""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from typing import Any, Final

from trainer import checkpoints, slurm
from trainer.events import EventWriter, read_events
from trainer.plan import Plan
from trainer.problem import Problem
from trainer.slurm import Fate
from trainer.spec import Spec


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the run goes on by itself, and why (not).

    Args:
        counts: whether it uses up one of the run's jobs.
        done: Slurm has put the job back into the queue already.
    """

    requeue: bool
    message: str
    counts: bool = True
    done: bool = False


MAX_JOBS: Final = "max_jobs.json"
"""In the run's folder, if somebody changed under way how many jobs it may take: {"job_id": …, "max_jobs": …}."""


def max_jobs(spec: Spec) -> int:
    """How many jobs the run may take: as submitted, unless that was changed for this very job."""
    try:
        changed = json.loads((spec.run_dir / MAX_JOBS).read_text(encoding="utf-8"))
        if str(changed["job_id"]) == slurm.job_id():
            return max(1, int(changed["max_jobs"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return spec.settings.max_jobs


def decide(*, link: int, max_jobs: int, progress: int, asked: signal.Signals | None, fate: Fate) -> Decision:
    """Pure.

    Args:
        link: jobs that the run has taken so far, with this one.
        max_jobs: how many it may take.
        progress: steps that this one has added to what is safe on the disk.
        asked: why it stopped: USR1 or USR2 for the limit, TERM for scancel or preemption, None for none of them.
        fate: what Slurm has in mind for the job.
    """
    if fate is Fate.REQUEUED:
        return Decision(
            True, "Slurm has put the job back into the queue; it goes on from here", counts=False, done=True
        )
    if fate is Fate.MAKES_ROOM:
        return Decision(True, "preempted: it goes on when there is room again", counts=False)
    if asked not in (signal.SIGUSR1, signal.SIGUSR2):
        return Decision(False, "stopped on request")
    if progress <= 0:
        return Decision(False, "no step was finished before the limit: the next job would not get further either")
    if link >= max_jobs:
        return Decision(False, f"{link} of {max_jobs} jobs are used up")
    return Decision(True, f"going on as job {link + 1} of at most {max_jobs}")


def go_on(spec: Spec, plan: Plan, asked: signal.Signals | None) -> None:
    """After a run has saved and stopped: puts its job back into the queue, or says why not (on stdout, as an event)."""
    if not slurm.job_id():
        return
    chained = (e for e in read_events(spec.events_path) if e["kind"] == "chain" and e.get("job_id") == slurm.job_id())
    link = 1 + sum(int(event.get("counts", 0)) for event in chained)
    newest = checkpoints.newest_valid(spec.out_dir)
    step = newest.step if newest else plan.step
    most = max_jobs(spec)
    decision = decide(
        link=link,
        max_jobs=most,
        progress=step - plan.step,
        asked=asked,
        fate=slurm.fate() if asked is signal.SIGTERM else Fate.ENDS,
    )
    print(decision.message, flush=True)
    counts = int(decision.requeue and decision.counts)
    fields = {"step": step, "job_id": slurm.job_id(), "link": link, "max_jobs": most}
    action = "requeue" if decision.requeue else "stop"
    _write(spec, {**fields, "action": action, "message": decision.message, "counts": counts})
    if decision.requeue and not decision.done and (error := slurm.requeue()):
        print(f"the job could not be put back into the queue: {error}", flush=True)
        _write(spec, {**fields, "action": "stop", "message": error, "counts": -counts})


def _write(spec: Spec, fields: dict[str, Any]) -> None:
    """Before the requeue, because that ends this job."""
    try:
        writer = EventWriter(spec.events_path)
        writer.write("chain", **fields)
        writer.close()
    except Problem as problem:
        print(f"error: {problem.message}", flush=True)
