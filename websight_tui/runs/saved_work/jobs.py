"""Submits small jobs beside a run (`saved_work.beside`), and reads how far each is.

A job is submitted once, under a folder whose making is the permission (as for runs, `runs.submit`); what it is doing is
read from files that it writes there, so that following it costs the scheduler nothing, and goes on after a break, or
after the app was closed.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from websight_tui.errors import RemoteError, WebsightError
from websight_tui.metrics.terminal_text import plain
from websight_tui.remote.port import FileChunk, ReadRequest, Transport
from websight_tui.runs.bundle import Bundle, ensure_bundle
from websight_tui.runs.saved_work.beside import SCRIPT, Beside, merged_path, merging
from websight_tui.runs.saved_work.tasks import Answer, Kind, Stand, Task, name_of
from websight_tui.runs.scheduler import Scheduler
from websight_tui.runs.state import Outcome
from websight_tui.runs.submit import answered
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands import commands

Tell = Callable[[Task], None]

_TAIL: Final = 32 * 1024
_RESULT_BYTES: Final = 512 * 1024
_PROGRESS: Final = re.compile(r"^progress ([0-9]{1,9})/([0-9]{1,9}): (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a job's folder says.

    Args:
        submitted: exit status of sbatch; None if it was never called, or not to its end.
        exit: the job's exit status; None while it has none.
        progress: (parts done, parts in all, what happens now), as the trainer says it.
    """

    submitted: int | None
    started: bool
    exit: int | None
    progress: tuple[int, int, str] | None
    last_words: str
    result: bytes


def see(transport: Transport, folder: str) -> Seen:
    """Reads the files of a job's folder, in one batch. Raises RemoteFileError, RemoteTimeout, ConnectionLost."""
    names = (".submit/exit", "started", "exit", "err.txt", "result.json")
    limits = (64, 64, 64, -_TAIL, _RESULT_BYTES)
    asks = [
        ReadRequest(f"{folder}/{name}", min(0, limit), abs(limit)) for name, limit in zip(names, limits, strict=True)
    ]
    claim, started, ended, said, result = transport.read_many(asks)
    words = "" if said is None else said.data.decode("utf-8", "replace")
    told = _PROGRESS.findall(words)
    return Seen(
        _status(claim),
        started is not None,
        _status(ended),
        (int(told[-1][0]), int(told[-1][1]), plain(told[-1][2], 80)) if told else None,
        _last_words(words),
        b"" if result is None else result.data,
    )


def _status(chunk: FileChunk | None) -> int | None:
    text = "" if chunk is None else chunk.data.decode("ascii", "replace").strip()
    return int(text) if text.isdigit() and len(text) < 4 else None


def _last_words(text: str) -> str:
    """The line that says what went wrong: the trainer's "error: …", else the last one."""
    lines = [line for line in text.splitlines() if line.strip() and not _PROGRESS.match(line)]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return plain((errors or lines or [""])[-1].strip(), 300)


def submit_once(
    job: Beside,
    transport: Transport,
    scheduler: Scheduler,
    bundle: Bundle,
    task: Task,
    tell: Tell,
    uploads: Sequence[tuple[str, Path]] = (),
) -> Task:
    """Uploads what the job needs and submits it, unless it was submitted before.

    Returns: the task, running with its job's id; or failed, with Slurm's reason.
    Raises: RemoteFileError, RemoteTimeout, ConnectionLost before anything was submitted.
    """

    def report(stage: str, done: int, total: int) -> None:
        tell(replace(task, stage=stage, done=done, total=total, in_bytes=True))

    ensure_bundle(transport, job.spec.root, bundle, report)
    for name, path in uploads:
        transport.upload(path, f"{job.folder}/{name}", progress=partial(report, f"uploading {plain(path.name, 40)}"))
    transport.upload(job.script().encode(), f"{job.folder}/{SCRIPT}", mode=0o755)
    tell(replace(task, stage="asking Slurm"))
    command = commands.submit(job.claim_dir, f"{job.folder}/{SCRIPT}", token=job.token, job_name=job.job_name)
    try:
        result = scheduler.run(command, commands.SUBMIT_TIMEOUT_S)
    except RemoteError:  # the answer is lost, not the job: what the folder says decides
        return replace(task, stage="looking whether Slurm took it")
    settled = answered(result.exit, result.stdout, result.stderr)
    if settled.outcome is Outcome.REJECTED:
        return replace(task, stand=Stand.FAILED, message=settled.text, hint=settled.hint)
    return replace(task, stage="waiting in the queue", job_id=settled.job_id)


def progressed(task: Task, seen: Seen, job: Beside, queue_words: str) -> Task:
    """The task after a look into its job's folder.

    Args:
        queue_words: what the queue says of the job while it has not started ("Priority").
    """
    if seen.exit is None:
        if not seen.started:
            return replace(
                task, stage=f"waiting in the queue{f' ({queue_words})' if queue_words else ''}", total=0, done=0
            )
        done, total, stage = seen.progress or (0, 0, "loading the model")
        return replace(task, stage=stage, done=done, total=total, in_bytes=False)
    if seen.exit != 0:
        message = f"{_VERBS[job.kind]} {name_of(job.step)} failed: {seen.last_words or f'exit {seen.exit}'}"
        return replace(task, stand=Stand.FAILED, message=message, hint=f"Its output is in {job.folder}.")
    if job.kind is Kind.MERGE:
        message = f"Merged {name_of(job.step)}: the model is in {merged_path(job.spec, job.step)}"
        return replace(task, stand=Stand.DONE, message=message, hint="Checked against the adapter on sample pages.")
    try:
        answer = _answer(seen.result)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as exc:
        message = f"The answer cannot be read: {plain(str(exc), 100)}"
        return replace(task, stand=Stand.FAILED, message=message, hint=f"It is in {job.folder}/result.json.")
    message = f"{name_of(job.step).capitalize()} clicks at {answer.x}, {answer.y}"
    return replace(task, stand=Stand.DONE, message=message, answer=answer)


_VERBS: Final = {Kind.TRY: "Trying", Kind.MERGE: "Merging", Kind.EVALUATE: "Measuring"}


def _answer(result: bytes) -> Answer:
    """What `trainer test --json --thumbnail` printed; libraries may have printed before it."""
    lines = [line for line in result.decode("utf-8", "replace").splitlines() if line.startswith("{")]
    data: dict[str, Any] = json.loads(lines[-1] if lines else "")
    x, y = (int(value) for value in data["pixels"])
    width, height = (int(value) for value in data["size"])
    small = data.get("thumbnail") or {}
    across = int(small.get("width", 0))
    rgb = base64.b64decode(small.get("rgb", ""), validate=True)
    if across < 0 or across > 1000 or (across and len(rgb) % (3 * across)):
        across, rgb = 0, b""
    if width < 1 or height < 1:
        raise ValueError("no picture")
    return Answer(plain(str(data["answer"]), 300), x, y, width, height, rgb, across)


def next_merge(transport: Transport, spec: RunSpec, step: int | None, most: int = 9) -> Beside:
    """The merge to follow or to submit: the newest that was submitted and has not failed, else a new one.

    Raises: WebsightError if too many have failed; RemoteFileError, RemoteTimeout, ConnectionLost.
    """
    for attempt in range(1, most + 1):
        job = merging(spec, step, attempt)
        seen = see(transport, job.folder)
        if seen.submitted is None or (seen.submitted == 0 and seen.exit in (None, 0)):
            return job
    raise WebsightError(f"{most} merges of {name_of(step)} have failed", f"See {spec.run_dir}/tasks on the cluster.")
