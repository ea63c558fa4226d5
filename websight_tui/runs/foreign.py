"""Jobs of the queue that this app did not submit, watched like runs: where their output and metrics are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from websight_tui.errors import RemoteTimeout, SchedulerError
from websight_tui.metrics.job_output import JobOutputReader
from websight_tui.metrics.terminal_text import plain
from websight_tui.metrics.trainer_log import TrainerLogReader
from websight_tui.presets import Preset
from websight_tui.remote.port import Transport
from websight_tui.runs.scheduler import Scheduler
from websight_tui.runs.state import Outcome
from websight_tui.runs.track import Output, RunTrack
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.model import Job
from websight_tui.slurm_commands.times import parse_duration, parse_time

_MOMENT: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
_ODD: Final = r"""for p; do [ ! -e "$p" ] || [ -f "$p" ] || printf '%s\0' "$p"; done"""
_SEARCH_S: Final = 8
_DEPTH: Final = 6
_FIRST_LOOK: Final = 8 * 1024 * 1024
"""Bytes of a long output that are read for its metrics, from its end."""


def foreign_run_id(cluster: str, job_id: str) -> str:
    """The id under which a foreign job is shown; no run of ours has one like it."""
    return f"{cluster}:{job_id}"


def foreign_track(cluster: str, job_id: str, transport: Transport, scheduler: Scheduler) -> RunTrack:
    """A run made of a job of the queue: output paths by scontrol, metrics of the newest trainer_log.jsonl that was
    written under its working folder since it began, else of the output itself. Nothing of it is stored.

    Raises: SchedulerError if Slurm does not know the job any more, RemoteTimeout, ConnectionLost.
    """
    fields = scheduler.show(job_id)
    if not fields:
        raise SchedulerError(f"Slurm does not know job {job_id} any more", "Its output may still be on the cluster.")
    job = _job(job_id, fields)
    work_dir = fields.get("WorkDir", "")
    preset = Preset(name="foreign", summary=f"job {job_id}: {job.name}", eval_dataset="", save_steps=0, signal_lead_s=0)
    spec = RunSpec(foreign_run_id(cluster, job_id), "", job.submit_time or 0.0, cluster, preset, work_dir, "")
    track = RunTrack(spec)
    track.outcome = Outcome.ACCEPTED
    track.put_job(job)
    paths = {"stdout": fields.get("StdOut", ""), "stderr": fields.get("StdErr", "")}
    if paths["stderr"] == paths["stdout"]:
        del paths["stderr"]
    paths = _readable({name: path for name, path in paths.items() if path.startswith("/")}, transport)
    track.watch_foreign(Output(paths, _FIRST_LOOK, JobOutputReader()))
    log_path = _trainer_log(work_dir, job.start_time, transport)
    if log_path:
        track.read_log_from(log_path, TrainerLogReader())
    return track


def _readable(paths: Mapping[str, str], transport: Transport) -> dict[str, str]:
    """`paths` without pipes, devices and folders, at which a reader would wait for ever."""
    odd = transport.exec(shlex.join(("sh", "-c", _ODD, "sh", *paths.values())), timeout=_SEARCH_S).stdout.split("\0")
    return {name: path for name, path in paths.items() if path not in odd}


def _job(job_id: str, fields: Mapping[str, str]) -> Job:
    return Job(
        job_id,
        plain(fields.get("JobName", "")),
        plain(fields.get("UserId", "")).partition("(")[0],
        account=plain(fields.get("Account", "")),
        partition=plain(fields.get("Partition", "")),
        state=plain(fields.get("JobState", "")),
        submit_time=parse_time(fields.get("SubmitTime", "")),
        start_time=parse_time(fields.get("StartTime", "")),
        end_time=parse_time(fields.get("EndTime", "")),
        time_limit_s=parse_duration(fields.get("TimeLimit", "")),
        work_dir=plain(fields.get("WorkDir", "")),
    )


def _trainer_log(work_dir: str, since: float | None, transport: Transport) -> str:
    """Path of the newest trainer_log.jsonl written under `work_dir` since `since` (Unix s); "" if there is none."""
    if len(PurePosixPath(work_dir).parts) < 3 or since is None:  # never through a whole file system
        return ""
    words = ["timeout", str(_SEARCH_S), "find", work_dir, "-maxdepth", str(_DEPTH), "-name", "trainer_log.jsonl"]
    try:
        found = transport.exec(
            shlex.join([*words, "-newermt", f"@{int(since)}", "-printf", r"%T@ %p\0"]), timeout=_SEARCH_S + 10
        )
    except RemoteTimeout:
        return ""
    rows = [row.partition(" ") for row in found.stdout.split("\0") if row.count(" ")]
    dated = [(float(t), path) for t, _, path in rows if _MOMENT.fullmatch(t) and path.startswith("/")]
    return max(dated)[1] if dated else ""
