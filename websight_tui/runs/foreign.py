"""Jobs of the queue that this app did not submit, watched like runs: where their output and metrics are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from websight_tui.errors import SchedulerError
from websight_tui.metrics.job_output import JobOutputReader
from websight_tui.metrics.terminal_text import plain
from websight_tui.presets import Preset
from websight_tui.remote.port import Transport
from websight_tui.runs.foreign_log import look, stated_folder, unreadable
from websight_tui.runs.scheduler import Scheduler
from websight_tui.runs.state import Outcome
from websight_tui.runs.track import Output, RunTrack, Search
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.model import Job
from websight_tui.slurm_commands.times import parse_duration, parse_time

_FIRST_LOOK: Final = 8 * 1024 * 1024
"""Bytes of a long output that are read for its metrics, from its end."""


def foreign_run_id(cluster: str, job_id: str) -> str:
    """The id under which a foreign job is shown; no run of ours has one like it."""
    return f"{cluster}:{job_id}"


def foreign_track(cluster: str, job_id: str, transport: Transport, scheduler: Scheduler, now: float) -> RunTrack:
    """A run made of a job of the queue: output paths by scontrol; metrics of its trainer_log.jsonl or its newest
    trainer_state.json (runs.foreign_log), else of the output itself. Nothing of it is stored.

    Raises: SchedulerError if Slurm does not know the job any more, RemoteFileError, RemoteTimeout, ConnectionLost.
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
    odd = unreadable(list(paths.values()), transport)
    paths = {name: path for name, path in paths.items() if path.startswith("/") and path not in odd}
    search = Search(stated_folder(fields.get("Command", ""), work_dir, transport))
    track.watch_foreign(Output(paths, _FIRST_LOOK, JobOutputReader(), search))
    look(track, transport, now)
    return track


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
