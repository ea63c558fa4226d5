"""Lets a run that is under way take more jobs than it was submitted with.

Nothing is submitted: the job puts itself back into the queue after it has saved (docs/decisions/0002-chains.md), and
how often it may do so is read anew from a file in the run's folder (`trainer/chain.py`) when the time has come. Writing
that file twice is the same as writing it once.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Final

from websight_tui.errors import RemoteError, StoreError
from websight_tui.runs.actions import NOT_CONNECTED, Answer
from websight_tui.runs.store import Store
from websight_tui.runs.track import RunTrack
from websight_tui.runs.watcher import Watcher
from websight_tui.slurm_commands.commands import QUERY_TIMEOUT_S
from websight_tui.slurm_commands.model import Job

MAX_JOBS_FILE: Final = "max_jobs.json"


def set_max_jobs(watcher: Watcher, track: RunTrack, job: Job, jobs: int, store: Store) -> Answer:
    """Lets `job` begin `jobs` times in all, the first included.

    Args:
        jobs: at least 1, which ends the chain with the job that runs now.
    """
    transport, spec = watcher.transport, track.spec
    if transport is None:
        return NOT_CONNECTED
    chain = f"{spec.root}/bundles/{spec.bundle}/trainer/chain.py"
    try:
        look = transport.exec(shlex.join(("grep", "-q", MAX_JOBS_FILE, chain)), timeout=QUERY_TIMEOUT_S)
        if look.exit != 0:
            hint = "It saves and stops before its limit; resume it then."
            return Answer(False, "This run was launched by an older version, whose jobs cannot be given more", hint)
        content = json.dumps({"job_id": job.job_id, "max_jobs": max(1, jobs)})
        transport.upload(content.encode(), f"{spec.run_dir}/{MAX_JOBS_FILE}")
    except RemoteError as exc:
        return Answer(False, f"Whether it had an effect is not known: {exc.message}", "Try again: twice does no harm.")
    changed = replace(spec, preset=replace(spec.preset, max_jobs=max(1, jobs)))
    with track.lock:
        track.spec = changed
    try:
        store.save_spec(changed)
    except StoreError as exc:
        return Answer(True, f"The run may take {jobs} jobs, which could not be noted here: {exc.message}")
    return Answer(True, f"Job {job.job_id} goes back into the queue by itself until the run has taken {jobs} jobs")
