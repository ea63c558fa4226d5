"""Exactly one job for each submission, whatever breaks on the way.

1. The intent is stored here. 2. The trainer, run.json and job.sh go up. 3. One command makes a folder named after the
token (which can succeed only once), runs sbatch and leaves what it said there as a receipt. 4. The outcome is stored.

If it breaks before 3, nothing was submitted. If it breaks in 3, the outcome is unknown until `reconcile` has asked:
the receipt first, then squeue and sacct by the token. Nothing here ever submits again by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from websight_tui.errors import ConnectionLost, RemoteError, RemoteTimeout, SubmitRejected, SubmitUnknown
from websight_tui.remote.port import Transport
from websight_tui.runs.bundle import Report, ensure_bundle
from websight_tui.runs.plan import LaunchPlan
from websight_tui.runs.saved_work.beside import SCRIPT, evaluating
from websight_tui.runs.scheduler import Scheduler
from websight_tui.runs.state import Outcome
from websight_tui.runspec import RunSpec, to_json
from websight_tui.slurm_commands import commands, failures, parse
from websight_tui.slurm_commands.model import Job

SBATCH_OVER_S: Final = 300.0
"""Seconds after which an sbatch that left no receipt cannot be running any more."""
SECOND_LOOK_S: Final = 30.0
"""Seconds between two searches that both find nothing, before a submission is called not taken."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a submission."""

    outcome: Outcome
    text: str = ""
    hint: str = ""
    job_id: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """How a search for an unknown submission stands.

    Args:
        sbatch_over: whether sbatch is known to have ended.
        missed_at: Unix s of the first search that found nothing; None if there was none.
    """

    sbatch_over: bool = False
    missed_at: float | None = None


def claim_dir(spec: RunSpec) -> str:
    """The folder whose making is the permission to submit under the token; it holds the receipt."""
    return f"{spec.run_dir}/.submit-{spec.token}"


def script_path(spec: RunSpec) -> str:
    """Where the job script of this submission lies (each has its own, so none is changed under a waiting job)."""
    return f"{spec.run_dir}/job-{spec.token.removeprefix('wst-')}.sh"


def submit(plan: LaunchPlan, transport: Transport, scheduler: Scheduler, report: Report) -> Settled:
    """Uploads and submits `plan`, whose intent is on record and whose root is absolute.

    Never raises RemoteError: whatever broke is part of the answer.
    """
    spec = plan.spec
    try:
        ensure_bundle(transport, spec.root, plan.bundle, report)
        report("writing the run folder", 0, 0)
        transport.upload(to_json(spec).encode(), f"{spec.run_dir}/run.json", mode=0o600)
        transport.upload(plan.script.encode(), script_path(spec), mode=0o700)
        if spec.evaluate:  # the run's own job submits it once the adapter is saved
            evaluation = evaluating(spec)
            transport.upload(evaluation.script().encode(), f"{evaluation.folder}/{SCRIPT}", mode=0o700)
    except RemoteError as exc:
        return Settled(Outcome.REJECTED, f"Nothing was submitted: {exc.message}", exc.hint or "Submit it again.")
    report("asking Slurm", 0, 0)
    command = commands.submit(claim_dir(spec), script_path(spec), token=spec.token, job_name=spec.job_name)
    try:
        result = scheduler.run(command, commands.SUBMIT_TIMEOUT_S)
    except (RemoteTimeout, ConnectionLost) as exc:
        return Settled(
            Outcome.UNKNOWN,
            f"The answer to sbatch was lost: {exc.message}",
            "Whether the job exists will be looked up; do not submit it again yet.",
        )
    except RemoteError as exc:
        return Settled(Outcome.REJECTED, f"Nothing was submitted: {exc.message}", exc.hint)
    return answered(result.exit, result.stdout, result.stderr)


def answered(exit_status: int, stdout: str, stderr: str) -> Settled:
    """What sbatch's answer means."""
    job_id = parse.parse_submitted(stdout)
    if exit_status == 0 and job_id:
        return Settled(Outcome.ACCEPTED, job_id=job_id)
    if exit_status == commands.ALREADY_CLAIMED:
        return Settled(
            Outcome.UNKNOWN,
            "This submission was taken up elsewhere",
            "Whether the job exists is being looked up; do not submit it again yet.",
        )
    if exit_status == 0:
        return Settled(Outcome.UNKNOWN, "sbatch named no job", "Whether the job exists is being looked up.")
    failure: SubmitRejected | SubmitUnknown = failures.submit_failure(exit_status, stderr)
    outcome = Outcome.UNKNOWN if isinstance(failure, SubmitUnknown) else Outcome.REJECTED
    return Settled(outcome, failure.message, failure.hint)


def read_receipt(spec: RunSpec, transport: Transport, *, age_s: float) -> tuple[Settled | None, Search]:
    """First half of the reconciliation: how far did the submission come?

    Args:
        age_s: seconds since its intent was stored.

    Returns: what became of it, or None and from where the search by token goes on.
    Raises: RemoteError.
    """
    result = transport.exec(commands.receipt(claim_dir(spec)), timeout=commands.QUERY_TIMEOUT_S)
    how_far, status, stdout = parse.parse_receipt(result.stdout)
    if how_far == "claimed" or (how_far == "nofolder" and age_s > SBATCH_OVER_S):
        return (
            Settled(
                Outcome.REJECTED,
                "It broke off before Slurm was asked: nothing was submitted",
                "Submit it again.",
            ),
            Search(True),
        )
    if how_far == "receipt":
        settled = answered(status, stdout, result.stderr)
        return (None if settled.outcome is Outcome.UNKNOWN else settled), Search(True)
    return None, Search(age_s > SBATCH_OVER_S)


def find_job(spec: RunSpec, scheduler: Scheduler, queue: Sequence[Job], *, age_s: float) -> tuple[Job | None, bool]:
    """Second half: searches for the token.

    Args:
        queue: what squeue has just listed, ended jobs included.

    Returns: (the job, whether the answer "there is none" can be trusted now).
    Raises: RemoteTimeout, ConnectionLost.
    """
    if found := parse.named(queue, spec.token):
        return found, True
    result = scheduler.run(commands.find_by_name(spec.job_name, age_s))
    if result.exit != 0:
        return None, failures.no_accounting(result.stderr)
    return parse.named(parse.parse_accounting(result.stdout), spec.token), True


def conclude(search: Search, now: float) -> tuple[Settled | None, Search]:
    """After a search that could be trusted found nothing: is it time to say that Slurm never took the job?"""
    if search.missed_at is None:
        return None, Search(search.sbatch_over, now)
    if not search.sbatch_over or now - search.missed_at < SECOND_LOOK_S:
        return None, search
    return (
        Settled(
            Outcome.REJECTED,
            "Slurm never took this job: it is neither in the queue nor in the accounting",
            "Submit it again.",
        ),
        search,
    )
