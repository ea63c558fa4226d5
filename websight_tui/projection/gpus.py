"""What a GPU is expected to do before a run of one's own has been measured. The one table to correct by measurement.

A micro-batch takes max(launch_s, micro_s + work ÷ flops). `flops` is what LoRA training of an 8B model sustains on
short rows, not what the maker promises. `source` says where a row comes from: "measured" rows were fitted to
bench/gpu/results, the others are scaled from them by the makers' figures for dense bf16. `spread` is the standard
deviation of ln(real ÷ expected step time) on a cluster never seen, with its file system, network, image sizes and
neighbours: 0.9 means that four of five lie within a factor of about 3, however well the device itself is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Gpu:
    """One kind of device.

    Args:
        flops: sustained floating-point operations a second of one device in bf16 training.
        micro_s: seconds that every micro-batch takes on top (loading, small kernels).
        launch_s: least seconds of a micro-batch; below, the device waits for Python.
        start_up_s: job start to first step (environment, weights, data).
        spread: standard deviation of the logarithm of real over expected step time.
    """

    name: str
    pattern: str
    flops: float
    micro_s: float
    launch_s: float
    start_up_s: float
    spread: float
    source: str


GPUS: Final[tuple[Gpu, ...]] = (
    Gpu("H200", r"h200", 333e12, 0.136, 0.454, 240, 0.9, "measured: ranks 8-128, 976-3,991 tokens a row (±10 %)"),
    Gpu("H100", r"h100|gh200", 300e12, 0.161, 0.585, 240, 0.9, "measured: ranks 16-64, 976-3,991 tokens a row (±12 %)"),
    Gpu("B200", r"b[12]00", 700e12, 0.12, 0.5, 240, 0.9, "scaled: 2,250 TFLOP/s against 989"),
    Gpu("A100", r"a100|a800", 120e12, 0.15, 0.6, 240, 0.9, "scaled: 312 TFLOP/s against 989, better used"),
    Gpu("L40S", r"l40", 110e12, 0.15, 0.6, 240, 0.9, "scaled: 362 TFLOP/s against 989, a third of the bandwidth"),
    Gpu("RTX", r"rtx|geforce|a6000|4090|3090", 60e12, 0.15, 0.6, 180, 0.9, "scaled: 24-48 GB workstation cards"),
    Gpu("CPU", r"cpu", 0.25e12, 0.5, 0.5, 60, 1.2, "scaled: a server socket"),
)
UNKNOWN: Final = Gpu("an unknown GPU", "", 180e12, 0.15, 0.6, 240, 1.1, "between A100 and H100")

TINY_STEP_S: Final = 0.05
"""A step of the tiny random model on one CPU core: measured 0.02-0.04 s on a quiet server, more on a busy laptop."""
TINY_START_UP_S: Final = 15.0
"""Imports, drawing the data set and making the model."""
START_UP_SPREAD: Final = 0.9
"""Start-ups of 58 real jobs: median 159 s, 90th percentile 1,334 s."""


def gpu_named(name: str) -> Gpu:
    """The row for a device as nvidia-smi, Slurm's gres or a person calls it; UNKNOWN if none fits."""
    lower = name.lower()
    return next((gpu for gpu in GPUS if re.search(gpu.pattern, lower)), UNKNOWN)
