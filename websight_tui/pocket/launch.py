"""Starting a job: what its wrapper needs to know, written into the spool folder, and the wrapper's process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from websight_tui.pocket.environment import job_environment, output_paths
from websight_tui.pocket.model import Job, User


def keep_submission(folder: Path, job: Job, script: bytes, env: Mapping[str, str], umask: int) -> None:
    """Keeps script and environment of a submitted job until it starts (and starts again)."""
    kept = _kept(folder, job)
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "script").write_bytes(script)
    (kept / "environment.json").write_text(json.dumps({"env": dict(env), "umask": umask}))


def kept_script(folder: Path, job: Job) -> str:
    """The batch script as submitted."""
    return (_kept(folder, job) / "script").read_text(errors="replace")


def write_spool(folder: Path, spool: Path, job: Job, user: User, cluster: str) -> None:
    """Writes what wrapper.py reads: the script and spec.json.

    Args:
        folder: the state folder.
        spool: of this start of the job.
        cluster: the cluster's name.
    """
    submitted = json.loads((_kept(folder, job) / "environment.json").read_text())
    spool.mkdir(parents=True, exist_ok=True)
    script = spool / "script"
    script.write_bytes((_kept(folder, job) / "script").read_bytes())
    script.chmod(0o700)
    out, err = output_paths(job, user)
    spec = {
        "argv0": str(script),
        "args": job.args,
        "cwd": job.work_dir,
        "stdin": job.stdin,
        "stdout": out,
        "stderr": err,
        "append": job.open_mode == "append",
        "umask": submitted["umask"],
        "knock": str(folder / "knock"),
        "env": job_environment(job, submitted["env"], user, cluster),
    }
    (spool / "spec.json").write_text(json.dumps(spec))


def start_wrapper(spool: Path) -> subprocess.Popen[bytes]:
    """Starts wrapper.py, which outlives this process."""
    wrapper = Path(__file__).with_name("wrapper.py")
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(wrapper), str(spool)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _kept(folder: Path, job: Job) -> Path:
    return folder / "spool" / str(job.job_id)
