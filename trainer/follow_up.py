"""What follows a run that has finished: the job that measures its clicks, where the run was launched with one.

The app has left its script in RUN/tasks/evaluate. The run's own job submits it once the adapter is saved, so that
nothing waits in the queue for a run that may never finish, and no laptop has to be awake. Whatever goes wrong here
costs the run nothing: it is finished, and the app submits what this could not (docs/decisions/0008-evaluations.md).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trainer import slurm

FOLDER: Final = "tasks/evaluate"
SCRIPT: Final = "job.sh"
CLAIM: Final = ".submit"
_PATIENCE_S: Final = 120.0
_OURS: Final = ("SLURM_", "SBATCH_CPU_BIND", "SBATCH_MEM_BIND", "PMI", "CUDA_", "ROCR_", "ZE_AFFINITY", "TORCHELASTIC_")
"""Variables that are about this job and must not be handed on to the next one."""
_KEPT: Final = ("SLURM_CONF", "SLURM_CLUSTERS")


def submit(run_dir: Path) -> None:
    """Submits the evaluation, if there is one and nobody has; what sbatch said stays beside it as a receipt.

    The making of the claim's folder is the permission, here as in the app: the job exists at most once.
    """
    folder = run_dir / FOLDER
    if not slurm.job_id() or not (folder / SCRIPT).is_file():
        return
    try:
        claim = folder / CLAIM
        claim.mkdir()
    except OSError:  # submitted before, or a disk that is full
        return
    status, out, err = _sbatch(folder)
    try:
        (claim / "stdout").write_text(out, encoding="utf-8")
        (claim / "stderr").write_text(err, encoding="utf-8")
        part = claim / "exit.part"
        part.write_text(f"{status}\n", encoding="ascii")
        part.replace(claim / "exit")
    except OSError as error:
        print(f"the evaluation's receipt could not be written: {error}", flush=True)
    if status == 0:
        print(f"job {out.strip()} measures the clicks of this adapter", flush=True)
    else:
        print(f"the evaluation could not be submitted from here: {err.strip()[-500:]}", flush=True)


def _sbatch(folder: Path) -> tuple[int, str, str]:
    """Status, output and errors as a shell would give them: 127 where there is no sbatch, 124 where it hung."""
    try:
        done = subprocess.run(
            ["sbatch", "--parsable", str(folder / SCRIPT)],
            cwd=folder,
            env=clean(os.environ),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        return 127, "", f"sbatch: {error.strerror}"
    except subprocess.TimeoutExpired:
        return 124, "", "sbatch did not answer"
    return done.returncode, done.stdout, done.stderr


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what belongs to this job, in the language that the app reads errors in.

    TMPDIR goes too: many sites give each job a folder of its own, which is gone with it.
    """
    left = {k: v for k, v in environment.items() if k in _KEPT or not k.startswith(_OURS)}
    left.pop("TMPDIR", None)
    return {**left, "LC_ALL": "C"}
