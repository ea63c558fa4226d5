"""Small jobs beside a run: try one of its checkpoints on a picture, merge it, or measure its clicks. Pure.

They are jobs of their own, with one GPU for minutes: inside the run's allocation a second model would take memory from
the training. `saved_work.jobs` submits them and reads what they leave.
"""

from __future__ import annotations

import hashlib
import math
import posixpath
import secrets
import shlex
from dataclasses import dataclass
from typing import Final

from websight_tui.presets import Preset
from websight_tui.runs.saved_work.tasks import Kind, source_of
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.script import render_beside
from websight_tui.slurm_commands.times import format_duration, parse_duration

TRY_LIMIT: Final = "0:15:00"
MERGE_LIMIT: Final = "2:00:00"
_GPU_NEEDS: Final = {Kind.TRY: ("64G", 8), Kind.MERGE: ("96G", 8), Kind.EVALUATE: ("64G", 8)}
"""Memory and cores of a job for an 8B model, as in slurm/merge_and_push.slurm."""
_THUMBNAIL: Final = 96
_ROWS_IN_HALF_AN_HOUR: Final = 1000
"""Test rows for which an evaluation is given 30 minutes: several times what one GPU needs, loading included."""
_ASKED_AT_ONCE: Final = 16
SCRIPT: Final = "job.sh"
"""Of a job, in its folder."""
EVALUATIONS: Final = "tasks/evaluate"
"""Folder of a run's first evaluation job, under the run's; a second attempt is in tasks/evaluate-2."""


@dataclass(frozen=True, slots=True)
class Beside:
    """One job beside a run.

    Args:
        spec: the run's, with the bundle that the job uses.
        folder: of the job, on the cluster.
        token: in its name and comment.
        limit: as sbatch takes it.
        commands: what it does (`render_beside`).
    """

    kind: Kind
    step: int | None
    spec: RunSpec
    folder: str
    token: str
    limit: str
    commands: tuple[str, ...]

    @property
    def claim_dir(self) -> str:
        return f"{self.folder}/.submit"

    @property
    def job_name(self) -> str:
        return f"{self.token}-{self.kind.value}"

    def script(self) -> str:
        """The job script; resources as the run has them where it has no GPU."""
        preset = self.spec.preset
        mem, cpus = _GPU_NEEDS[self.kind] if preset.gpus_per_node else (preset.mem, preset.cpus_per_task)
        return render_beside(
            self.spec,
            self.folder,
            job_name=self.job_name,
            comment=self.token,
            limit=self.limit,
            mem=mem,
            cpus=cpus,
            commands=self.commands,
        )


def trial(spec: RunSpec, step: int | None, picture: str, prompt: str) -> Beside:
    """A job that asks a checkpoint where it would click.

    Args:
        picture: file name of the picture, which will lie in the job's folder.
    """
    name = secrets.token_hex(4)
    words = shlex.join(["--adapter-path", spec.out_dir + source_of(step), "--prompt", prompt, "--json"])
    line = (
        f'"$PYTHON" -m trainer test {words} --thumbnail {_THUMBNAIL} --image "$folder"/{shlex.quote(picture)} '
        '--out "$folder"/click.png >"$folder"/result.json'
    )
    return Beside(
        Kind.TRY, step, spec, f"{spec.run_dir}/tasks/try-{name}", f"wst-{secrets.token_hex(6)}", TRY_LIMIT, (line,)
    )


def merging(spec: RunSpec, step: int | None, attempt: int = 1) -> Beside:
    """A job that merges a checkpoint into its base model; its folder and token follow from run, step and attempt, so
    that nobody submits the same one twice."""
    where = "final" if step is None else str(step)
    again = f"-{attempt}" if attempt > 1 else ""
    out = merged_path(spec, step)
    environment = shlex.join([f"ADAPTER_PATH={spec.out_dir}{source_of(step)}", f"MERGED_PATH={out}"])
    line = f"env {environment} bash slurm/merge_and_push.slurm"
    lines = ('cd "$SLURM_SUBMIT_DIR"', line)
    folder = f"{spec.run_dir}/tasks/merge-{where}{again}"
    return Beside(Kind.MERGE, step, spec, folder, _token(folder), MERGE_LIMIT, lines)


def can_be_evaluated(preset: Preset) -> bool:
    """Whether its preset names a test split."""
    return bool(preset.test_dataset)


def evaluation_limit(preset: Preset) -> str:
    """The limit of a job that asks a run's adapter all its test rows, as sbatch takes it; never above the run's own."""
    seconds = 1800 * math.ceil(preset.max_test_samples / _ROWS_IN_HALF_AN_HOUR)
    own = parse_duration(preset.time_limit or "")
    return format_duration(min(seconds, own or seconds))


def evaluating(spec: RunSpec, attempt: int = 1) -> Beside:
    """A job that measures how often the run's final adapter clicks right; an attempt after one that was broken off
    goes on where that was. Its folder and token follow from run and attempt, so that nobody submits the same one twice.
    """
    preset = spec.preset
    folder = f"{spec.run_dir}/{EVALUATIONS}" + (f"-{attempt}" if attempt > 1 else "")
    words = {
        "--adapter-path": spec.out_dir,
        "--data": posixpath.join(spec.root, preset.dataset_dir),
        "--dataset": preset.test_dataset,
        "--limit": str(preset.max_test_samples),
        "--batch-size": str(_ASKED_AT_ONCE),
    }
    pairs = shlex.join([word for pair in words.items() for word in pair])
    line = f'"$PYTHON" -m trainer evaluate {pairs} --json >"$folder"/result.json'
    return Beside(Kind.EVALUATE, None, spec, folder, _token(folder), evaluation_limit(preset), (line,))


def _token(folder: str) -> str:
    return f"wst-{hashlib.sha256(folder.encode()).hexdigest()[:12]}"


def merged_path(spec: RunSpec, step: int | None) -> str:
    """Where the merged model goes, on the cluster."""
    return f"{spec.run_dir}/merged" + ("" if step is None else f"-{step}")
