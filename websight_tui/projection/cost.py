"""Seconds of a step, an evaluation and a save from a preset's work and a device's speed, before anything was measured.

Only ratios between presets matter once a run of one's own has been measured: that run corrects the level
(`projection.forecast`), the model moves it from one preset to another.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from websight_tui.presets import TINY_MODEL, Preset
from websight_tui.projection.gpus import TINY_START_UP_S, TINY_STEP_S, Gpu
from websight_tui.sizing import sizes

EVAL_SPEED: Final = 3.5
"""Samples evaluated in the time in which one is trained, as seen in logs of public runs."""
_VISUAL_FLOP_PER_TOKEN: Final = 7.7e9
"""Forward pass of the frozen vision tower of Qwen3-VL-8B, per visual token."""
_PIXELS_PER_VISUAL_TOKEN: Final = 32 * 32
_WITHOUT_CHECKPOINTING: Final = 0.705
"""Without the second forward pass of gradient checkpointing (2/3 by arithmetic; fitted to bench/gpu/results)."""
_TOGETHER_S: Final = 0.05
"""Of a step for each doubling of the GPUs: the slowest is waited for, gradients are exchanged (measured: 2 and 4)."""
_ZERO2: Final = 0.9
"""DeepSpeed holds the adapters in bf16, not fp32; steps take this much of plain DDP's time (measured: 0.89-0.92)."""
_DISK_BYTES_PER_S: Final = 0.4e9
"""A shared file system that others use too."""
_FIXED_S: Final = 3.0
"""An evaluation or a save costs this much however small it is."""
_ANSWER_S: Final = 0.09
"""A click of 20 tokens, each 0.07 to 0.08 s for the 16 rows that are asked at once (measured on an H100): transformers
waits for Python, not for the GPU."""
_OPENED_S: Final = 93e-6
"""A token of a row that is asked: its part of the picture is opened and scaled first, by one process. What reading a
row took beyond the model's forward pass, at 976 and 2,458 tokens."""
_TINY_ANSWER_S: Final = 0.1
_LONG_ROWS: Final = 10060
"""Tokens of a row at which attention and the logits double the cost of a token (fitted to bench/gpu/results)."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Expected seconds: of one optimizer step, one evaluation, one save, the start-up and the end."""

    step_s: float
    eval_s: float
    save_s: float
    start_up_s: float
    tail_s: float


def cost_of(preset: Preset, world_size: int, gpu: Gpu) -> Cost:
    """The cost model for `preset` on `world_size` devices of the kind `gpu`."""
    world_size = max(1, world_size)
    if preset.model_name_or_path == TINY_MODEL:
        # its arithmetic is nothing: Python and the data loader take the time, a little more for each sample
        samples = preset.per_device_train_batch_size * preset.gradient_accumulation_steps
        step = TINY_STEP_S * (0.4 + 0.3 * samples)
        return Cost(step, 0.05 + preset.max_eval_samples * 0.01, 0.1, TINY_START_UP_S, 1.0)
    work = _flop_per_sample(preset) * preset.per_device_train_batch_size
    micro_batch = max(gpu.launch_s, gpu.micro_s + work / gpu.flops)
    step = micro_batch * preset.gradient_accumulation_steps + _TOGETHER_S * math.log2(world_size)
    if preset.deepspeed == "zero2" and world_size > 1:
        step *= _ZERO2
    samples_per_s = preset.effective_batch(world_size) / step
    evaluation = _FIXED_S + preset.max_eval_samples / (EVAL_SPEED * samples_per_s)
    save = _FIXED_S + (sizes(preset).checkpoint_bytes or 1e9) / _DISK_BYTES_PER_S
    return Cost(step, evaluation, save, gpu.start_up_s, save + 10.0)


def clicks_s(preset: Preset, gpu: Gpu) -> float:
    """Seconds of a job that asks a finished run's adapter its test rows on one device: loading, reading, answering."""
    rows = preset.max_test_samples
    if preset.model_name_or_path == TINY_MODEL:
        return TINY_START_UP_S + rows * _TINY_ANSWER_S
    read = _flop_per_sample(preset) / (gpu.flops * EVAL_SPEED) + preset.tokens_per_sample * _OPENED_S
    return gpu.start_up_s + rows * (read + _ANSWER_S)


def pauses_of(preset: Preset, steps: int) -> tuple[int, int]:
    """(evaluations, saves) in a run of `steps`; each also follows the last step, once."""
    evaluations = math.ceil(steps / preset.eval_steps) if preset.eval_dataset else 0
    return evaluations, math.ceil(steps / preset.save_steps)


def _flop_per_sample(preset: Preset) -> float:
    """Operations of one row, forward and backward, in units of a short row's."""
    per_token = sizes(preset).flop_per_token or 6 * _parameters_in_name(preset.model_name_or_path)
    if not preset.gradient_checkpointing:
        per_token *= _WITHOUT_CHECKPOINTING
    visual = min(preset.tokens_per_sample, preset.image_max_pixels / _PIXELS_PER_VISUAL_TOKEN)
    flop = per_token * preset.tokens_per_sample + _VISUAL_FLOP_PER_TOKEN * visual
    return flop * (1 + preset.tokens_per_sample / _LONG_ROWS)


def _parameters_in_name(model: str) -> float:
    """ "…-7B-…" → 7e9; 8e9 where the name says nothing."""
    match = re.search(r"(\d+(?:\.\d+)?)\s*b(?![a-z])", model.lower())
    return float(match[1]) * 1e9 if match else 8e9
