"""Batch scripts: a short header, the site's setup lines, and one call of slurm/job.sh.

All training settings are in run.json (the app's jobs) or stand as options in the script (jobs submitted by hand, which
their owner edits); resources are in the header. Values of users reach the shell through shlex only.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from websight_tui.presets import Preset
from websight_tui.runspec import RunSpec

SIGNAL: Final = "USR1"
"""Slurm's warning before the limit; the trainer saves and stops on it."""

_NOT_OPTIONS: Final = frozenset(
    {
        *("name", "summary", "train_samples", "tokens_per_sample"),  # for people and for forecasts
        *("test_dataset", "max_test_samples"),  # for what follows the training
        *("nodes", "gpus_per_node", "cpu_ranks", "cpus_per_task", "mem", "time_limit"),  # in the header
    }
)

BY_HAND: Final[Mapping[str, str]] = {"rank32": "train_qwen_vl_rank32.slurm", "baseline": "train_qwen_vl.slurm"}
"""Built-in presets that have a script of their own in slurm/."""
_OUTPUT: Final = {"baseline": "saves/qwen3-vl-8b/lora/sft"}
_BY_HAND_LIMIT: Final = "8:00:00"
_BY_HAND_GPUS: Final = 8


# A job that is cancelled must not look as if it had come to its end: bash's status is 0 then.
_END: Final = """\
ended() {
  code=$?
  [ -n "$whole" ] || [ "$code" != 0 ] || code=143
  echo "$code" >"$folder/exit.part" && mv -f "$folder/exit.part" "$folder/exit"
}
trap ended EXIT"""


def render(spec: RunSpec) -> str:
    """The batch script of a run, saved as RUN_DIR/job.sh and given to sbatch.

    Args:
        spec: with `time_limit` and `gpus_per_node` filled in.

    Returns: bash text. It makes itself a requeueable job whose output files go on where they were after a requeue.
    """
    preset = spec.preset
    options = [
        ("job-name", spec.job_name),
        ("comment", spec.token),
        ("output", f"{spec.run_dir}/job-%j.out"),
        ("error", f"{spec.run_dir}/job-%j.err"),
        ("account", spec.account),
        ("partition", spec.partition),
        ("qos", spec.qos),
        *_resources(preset, preset.gpus_per_node or 0, preset.time_limit or ""),
    ]
    lines = [
        *_header(options),
        "set -euo pipefail",
        f"trap '' {SIGNAL} # until the trainer listens; its default is death",
        f"cd {shlex.quote(spec.run_dir)}",
        *_setup(spec.setup),
        f"export PYTHON={_path(spec.python)}",
        f"exec bash {shlex.quote(f'{spec.bundle_dir}/slurm/job.sh')} {shlex.quote(spec.run_dir)}",
    ]
    return "\n".join(lines) + "\n"


def render_beside(
    spec: RunSpec, folder: str, *, job_name: str, comment: str, limit: str, mem: str, cpus: int, commands: Sequence[str]
) -> str:
    """The script of a small job beside a run, which works on one of its checkpoints with one GPU (none for a CPU run).

    It says on disk how far it is, so that nobody has to ask Slurm: FOLDER/started, then FOLDER/exit with its exit
    status; its output goes to FOLDER/out.txt and err.txt.

    Args:
        folder: absolute, made before.
        comment: by which the job is found again, as by the beginning of its name.
        limit, mem, cpus: as sbatch takes them.
        commands: lines of bash, with PYTHON set, in the folder of the trainer's files.
    """
    options = [
        ("job-name", job_name),
        ("comment", comment),
        ("output", f"{folder}/out.txt"),
        ("error", f"{folder}/err.txt"),
        ("account", spec.account),
        ("partition", spec.partition),
        ("qos", spec.qos),
        ("nodes", "1"),
        ("ntasks-per-node", "1"),
        ("cpus-per-task", str(cpus)),
        ("mem", mem),
        ("gres", "gpu:1" if spec.preset.gpus_per_node else ""),
        ("time", limit),
    ]
    lines = [
        *_header(options),
        "set -euo pipefail",
        f"cd {shlex.quote(folder)}",
        "folder=$PWD whole=",
        *_END.splitlines(),
        "date +%s >started",
        *_setup(spec.setup),
        f"export PYTHON={_path(spec.python)}",
        f"export SLURM_SUBMIT_DIR={shlex.quote(spec.bundle_dir)} PYTHONDONTWRITEBYTECODE=1",
        'export PYTHONPATH="$SLURM_SUBMIT_DIR"',
        *commands,
        "whole=1",
    ]
    return "\n".join(lines) + "\n"


def render_by_hand(preset: Preset) -> str:
    """A script for `sbatch --account=… slurm/NAME` in a checkout, without the app.

    Args:
        preset: None in its resources becomes 8 GPUs a node and 8 hours.

    Returns: bash text with every training setting as an option under LLaMA-Factory's name.
    """
    gpus = _BY_HAND_GPUS if preset.gpus_per_node is None else preset.gpus_per_node
    limit = preset.time_limit or _BY_HAND_LIMIT
    output = _OUTPUT.get(preset.name, f"saves/qwen3-vl-8b/lora/sft-{preset.name}")
    options = [
        ("job-name", f"train_qwen3vl_{preset.name}"),
        ("output", "logs/%x_%j.out"),
        ("error", "logs/%x_%j.err"),
        *_resources(preset, gpus, limit),
    ]
    lines = [
        *_header(options),
        f"# {preset.name}: {_one_line(preset.summary)} (made by `websight-tui render --by-hand {preset.name}`)",
        "#   sbatch --account=NAME slurm/" + BY_HAND.get(preset.name, f"train_qwen_vl_{preset.name}.slurm"),
        "# from the checkout. Submitting it again goes on from the newest checkpoint in OUTPUT_DIR.",
        "set -euo pipefail",
        f"trap '' {SIGNAL} # until the trainer listens; its default is death",
        'cd "${SLURM_SUBMIT_DIR:-.}"',
        "# What your site needs comes here, for example: source venv/bin/activate",
        'export PYTHON="${PYTHON:-python3}"',
        f"OUTPUT_DIR={shlex.quote(output)}",
        'exec bash slurm/job.sh "$OUTPUT_DIR" \\',
        *_continued(f"--{name} {shlex.quote(_text(value))}" for name, value in _options(preset)),
    ]
    return "\n".join(lines) + "\n"


def _resources(preset: Preset, gpus: int, limit: str) -> list[tuple[str, str]]:
    return [
        ("open-mode", "append"),
        ("nodes", str(preset.nodes)),
        ("ntasks-per-node", "1"),
        ("cpus-per-task", str(preset.cpus_per_task)),
        ("mem", preset.mem),
        ("gres", f"gpu:{gpus}" if gpus else ""),
        ("time", limit),
        ("signal", f"B:{SIGNAL}@{preset.signal_lead_s}"),
        ("requeue", "yes"),
    ]


def _header(options: Iterable[tuple[str, str]]) -> list[str]:
    """#SBATCH lines; empty options are left out. sbatch splits them like a shell, hence the quotes."""
    lines = ["#!/bin/bash"]
    for name, value in options:
        if value:
            lines.append(f"#SBATCH --{name}" + ("" if name == "requeue" else f"={shlex.quote(_one_line(value))}"))
    return [*lines, ""]


def _setup(lines: tuple[str, ...]) -> list[str]:
    """The site's own shell lines, as they are. They may use unset variables, as many module systems do."""
    return ["set +u", *map(_one_line, lines), "set -u"] if lines else []


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")


def _path(text: str) -> str:
    """A path for the shell, which may begin with ~/ (the cluster's home folder)."""
    text = _one_line(text)
    return f'"$HOME"/{shlex.quote(text[2:])}' if text.startswith("~/") else shlex.quote(text)


def _options(preset: Preset) -> Iterable[tuple[str, object]]:
    values = dataclasses.asdict(preset).items()
    return [(name, value) for name, value in values if name not in _NOT_OPTIONS and value not in (None, "")]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _continued(arguments: Iterable[str]) -> list[str]:
    *first, last = arguments
    return [*(f"  {argument} \\" for argument in first), f"  {last}"]
