"""Submits the runs of a sweep, one after the other, each exactly once; what is left can be submitted later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from websight_tui.runs.actions import Answer
from websight_tui.runs.plan import LaunchPlan, plan_planned
from websight_tui.runs.state import Outcome, Sweep
from websight_tui.runs.store import Store
from websight_tui.runs.sweeps.kept import run_outcome


@dataclass
class _Tally:
    """Run ids by what became of them, and the first reason why one was not taken."""

    there: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    why: str = ""


def submit_members(
    sweep: Sweep,
    store: Store,
    submit: Callable[[LaunchPlan], Answer | None],
    why_not: Callable[[str], str],
) -> Answer:
    """Submits what of a sweep has no job and none on its way.

    After a submission whose answer was lost, or one that could not even be begun, the rest is left: a cluster in
    trouble is not asked again and again. A refusal stops nothing, another run may well be accepted.

    Args:
        submit: submits a plan; an answer says why it could not begin.
        why_not: what Slurm said of a run that it refused.

    Returns: what became of all of them, in words; good only if every run is in the queue (or was).
    Raises: StoreError.
    """
    tally = _Tally()
    for index, spec in enumerate(sweep.specs):
        known = run_outcome(store, spec.run_id)
        if known is None or known is Outcome.REJECTED:
            answer = submit(plan_planned(spec))
            if answer is not None:
                tally.why, tally.left = answer.message, [s.run_id for s in sweep.specs[index:]]
                break
            known = run_outcome(store, spec.run_id)
        if known is Outcome.ACCEPTED:
            tally.there.append(spec.run_id)
        elif known is Outcome.REJECTED:
            tally.refused.append(spec.run_id)
            tally.why = tally.why or why_not(spec.run_id)
        else:
            tally.open.append(spec.run_id)
            tally.why = tally.why or "an answer of sbatch was lost and is being looked up"
            tally.left = [s.run_id for s in sweep.specs[index + 1 :] if run_outcome(store, s.run_id) is None]
            break
    return _answer(sweep, tally)


def _answer(sweep: Sweep, tally: _Tally) -> Answer:
    count = len(sweep.specs)
    if len(tally.there) == count:
        return Answer(True, f"All {count} runs of {sweep.sweep_id} are submitted")
    parts = [f"{len(tally.there)} of {count} runs are submitted"]
    for runs, words in ((tally.refused, "refused"), (tally.open, "not known yet"), (tally.left, "not begun")):
        if runs:
            parts.append(f"{len(runs)} {words}")
    message = ", ".join(parts) + (f": {tally.why}" if tally.why else "")
    return Answer(
        False, message, f"The rest can be submitted later: websight-tui sweep --rest {sweep.sweep_id}. None goes twice."
    )
