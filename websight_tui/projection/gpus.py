"""What a GPU is expected to do before a run of one's own has been measured. The one table to correct by measurement.

`flops` is what LoRA training of an 8B model sustains, image processor included, not what the maker promises.
`spread` is the standard deviation of ln(real ÷ expected step time): 0.9 means that four of five clusters lie within a
factor of about 3. `source` says where a row comes from; a row that says "measured" was fitted, the others are scaled.
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
        tokens_half: tokens in the micro-batch at which half of `flops` is reached.
        start_up_s: job start to first step (environment, weights, data).
        spread: standard deviation of the logarithm of real over expected step time.
    """

    name: str
    pattern: str
    flops: float
    tokens_half: float
    start_up_s: float
    spread: float
    source: str


GPUS: Final[tuple[Gpu, ...]] = (
    Gpu("H200", r"h200", 230e12, 500, 240, 0.9, "scaled: same cores as H100 (989 TFLOP/s dense bf16), 25 % used"),
    Gpu("H100", r"h100|gh200", 220e12, 500, 240, 0.9, "scaled: NVIDIA's 989 TFLOP/s dense bf16, 22 % used"),
    Gpu("B200", r"b[12]00", 400e12, 800, 240, 0.9, "scaled: NVIDIA's 2,250 TFLOP/s dense bf16, 18 % used"),
    Gpu("A100", r"a100|a800", 110e12, 350, 240, 0.9, "scaled: NVIDIA's 312 TFLOP/s dense bf16, 35 % used"),
    Gpu("L40S", r"l40", 90e12, 350, 240, 0.9, "scaled: NVIDIA's 362 TFLOP/s dense bf16, 25 % used"),
    Gpu("RTX", r"rtx|geforce|a6000|4090|3090", 50e12, 300, 180, 0.9, "scaled: 24-48 GB workstation cards"),
    Gpu("CPU", r"cpu", 0.25e12, 50, 60, 1.2, "scaled: a server socket"),
)
UNKNOWN: Final = Gpu("an unknown GPU", "", 150e12, 400, 240, 1.1, "between A100 and H100")

TINY_STEP_S: Final = 0.3
"""A step of the tiny random model on one CPU core: 0.1-0.5 s measured on laptops and small servers."""
TINY_START_UP_S: Final = 15.0
"""Imports, drawing the data set and making the model."""
START_UP_SPREAD: Final = 0.9
"""Start-ups of 58 real jobs: median 159 s, 90th percentile 1,334 s."""


def gpu_named(name: str) -> Gpu:
    """The row for a device as nvidia-smi, Slurm's gres or a person calls it; UNKNOWN if none fits."""
    lower = name.lower()
    return next((gpu for gpu in GPUS if re.search(gpu.pattern, lower)), UNKNOWN)
