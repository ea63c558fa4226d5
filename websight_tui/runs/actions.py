"""What a person can ask of a job: cancel, hold, release, change the limit, requeue. Each is verified afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from websight_tui.errors import RemoteError, SchedulerError
from websight_tui.runs.saved_work.beside import evaluating
from websight_tui.runs.track import RunTrack
from websight_tui.runs.watcher import Watcher
from websight_tui.slurm_commands import commands, parse
from websight_tui.slurm_commands.merge import ENDED
from websight_tui.slurm_commands.model import Job
from websight_tui.slurm_commands.times import format_duration

_VERIFY_TRIES: Final = 8
_VERIFY_WAIT_S: Final = 20.0
_VERIFY_PAUSE_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Answer:
    """How an action ended."""

    ok: bool
    message: str
    hint: str = ""


NOT_CONNECTED: Final = Answer(False, "Not connected to this cluster", "Connect first.")


def cancel(watcher: Watcher, tracks: Sequence[RunTrack]) -> Answer:
    """Cancels all live jobs of runs, the newest first, and of the evaluations that follow them; waits until squeue
    agrees."""
    ids = [job.job_id for track in tracks for job in _evaluations(watcher, track)]
    for track in tracks:
        with track.lock:
            ids += [job.job_id for job in reversed(track.jobs) if job.live]
    if not ids:
        return Answer(False, "None of its jobs is in the queue any more")
    failed = _change(watcher, "scancel", commands.cancel(ids))
    if failed is not None:
        return failed

    def gone() -> bool:
        left = [job for track in tracks for job in _evaluations(watcher, track)]
        for track in tracks:
            with track.lock:
                left += [job for job in track.jobs if job.live]
        return not any(job.state != "COMPLETING" for job in left if job.job_id in ids)

    if _verify(watcher, gone):
        return Answer(True, f"Job {', '.join(ids)} is cancelled")
    return Answer(False, f"scancel was accepted, but job {', '.join(ids)} is still in the queue", "Look again later.")


def _evaluations(watcher: Watcher, track: RunTrack) -> list[Job]:
    """Live jobs that measure a run, of the queue as it was seen last."""
    attempts = track.measured.attempt if track.measured is not None else 0
    tokens = {evaluating(track.spec, attempt).token for attempt in range(1, attempts + 2)}
    live = (job for job in watcher.queue if job.state not in ENDED)
    return [job for job in live if any(parse.named([job], token) for token in tokens)]


def cancel_job(watcher: Watcher, job_id: str, seen: Sequence[Job]) -> Answer:
    """Cancels one job of the queue, which may be foreign, and waits until squeue agrees.

    Jobs that wait for its end are another person's plan, so they are named and left alone.

    Args:
        seen: the queue as the person saw it, which may be newer than what the watcher has finished to work on.
    """
    waiting = [job.job_id for job in seen if re.search(rf":{re.escape(job_id)}\b", job.dependency)]
    failed = _change(watcher, "scancel", commands.cancel([job_id]))
    if failed is not None:
        return failed

    def gone() -> bool:
        return not any(job.job_id == job_id and job.live and job.state != "COMPLETING" for job in watcher.queue)

    if not _verify(watcher, gone):
        return Answer(False, f"scancel was accepted, but job {job_id} is still in the queue", "Look again later.")
    verb = "waits" if len(waiting) == 1 else "wait"
    hint = f"Job {', '.join(waiting)} {verb} for its end: look whether that is to start now." if waiting else ""
    return Answer(True, f"Job {job_id} is cancelled", hint)


def hold(watcher: Watcher, job: Job) -> Answer:
    """Keeps a pending job from starting."""
    failed = _change(watcher, "scontrol", commands.hold(job.job_id))
    return failed or Answer(True, f"Job {job.job_id} is held")


def release(watcher: Watcher, job: Job) -> Answer:
    """Lets a held job start."""
    failed = _change(watcher, "scontrol", commands.release(job.job_id))
    return failed or Answer(True, f"Job {job.job_id} may start again")


def requeue(watcher: Watcher, job: Job) -> Answer:
    """Puts a job back into the queue; it goes on from its last checkpoint."""
    failed = _change(watcher, "scontrol", commands.requeue(job.job_id))
    return failed or Answer(True, f"Job {job.job_id} is back in the queue; it starts in about two minutes")


def save_and_stop(watcher: Watcher, job: Job) -> Answer:
    """Asks a running job to save a checkpoint and stop.

    TERM, not the USR1 that Slurm sends before the limit: after that one a run with several jobs goes on by itself.
    """
    if job.state != "RUNNING":
        return Answer(False, "Only a running job can save and stop")
    failed = _change(watcher, "scancel", commands.signal_batch(job.job_id, "TERM"))
    return failed or Answer(True, f"Job {job.job_id} was asked to save and stop")


def set_time_limit(watcher: Watcher, track: RunTrack, job: Job, seconds: int) -> Answer:
    """Changes a job's limit and checks what Slurm made of it."""
    raises = job.time_limit_s is not None and seconds > job.time_limit_s
    if raises and job.state != "PENDING":
        return Answer(
            False,
            "Slurm lets users raise a limit only while the job is pending",
            f"Ask the administrators: {request_for_time(job, seconds)}",
        )
    failed = _change(watcher, "scontrol", commands.set_time_limit(job.job_id, seconds))
    if failed is not None:
        return failed

    def agreed() -> bool:
        with track.lock:
            limit = next((known.time_limit_s for known in track.jobs if known.job_id == job.job_id), None)
        return limit is not None and abs(limit - seconds) < 60

    if _verify(watcher, agreed):
        return Answer(True, f"The limit of job {job.job_id} is {format_duration(seconds)} now")
    return Answer(False, "Slurm accepted the new limit but shows another one", "Look at the job's limit.")


def request_for_time(job: Job, seconds: int) -> str:
    """A request to the administrators for a longer limit, ready to be sent."""
    limit = "none" if job.time_limit_s is None else format_duration(job.time_limit_s)
    return (
        f"Please raise the time limit of my running job {job.job_id} ({job.name}, partition {job.partition or '?'}, "
        f"account {job.account or '?'}) from {limit} to {format_duration(seconds)}: "
        f"scontrol update JobId={job.job_id} TimeLimit={format_duration(seconds)}"
    )


def _change(watcher: Watcher, program: str, command: str) -> Answer | None:
    """Sends the command; an Answer only if it failed."""
    scheduler = watcher.scheduler
    if scheduler is None:
        return NOT_CONNECTED
    try:
        scheduler.change(program, command)
    except SchedulerError as exc:
        return Answer(False, exc.message, exc.hint)
    except RemoteError as exc:
        return Answer(False, f"Whether it had an effect is not known: {exc.message}", "Look at the queue.")
    finally:
        watcher.poll_soon(changed=True)
    return None


def _verify(watcher: Watcher, done: Callable[[], bool]) -> bool:
    for _ in range(_VERIFY_TRIES):
        if not watcher.wait_for_poll(_VERIFY_WAIT_S):
            return False
        if done():
            return True
        if watcher.stopping:
            return False
        watcher.pause(_VERIFY_PAUSE_S)
    return done()
