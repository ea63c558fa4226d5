"""How long a preset would take, before the launch: the cost model, corrected by what earlier runs really took.

The level of the cost model is uncertain, its ratios between presets are not: ln(real ÷ modelled step time) has a normal
prior with the device's spread, every earlier run is an observation of it, the surer the more it is like what is
planned (same cluster, device, model, data, settings). The posterior gives the estimate and the band, so that the band
narrows with every run (a normal mean with known variances).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Final

from websight_tui.presets import TINY_MODEL, Preset
from websight_tui.projection.cost import Cost, cost_of, pauses_of
from websight_tui.projection.finish import judge
from websight_tui.projection.gpus import START_UP_SPREAD, Gpu, gpu_named
from websight_tui.projection.history import PastRun
from websight_tui.projection.model import Forecast, Score, Verdict

_Z80: Final = 1.2816
_LATE: Final = 1.25
"""The upper half of a band is this much wider than the lower: runs come late more often than early."""
_RUN_TO_RUN: Final = 0.04
"""Scatter of ln(step time) between two runs of the very same kind."""
_UNLIKE: Final = {"settings": 0.10, "data": 0.35, "model": 0.6, "gpu": 0.5, "cluster": 0.25, "world": 0.12}
"""How much less an earlier run says (in ln) for each thing that differs from the plan."""


def forecast(
    preset: Preset,
    *,
    world_size: int,
    gpu: str,
    limit_s: float | None,
    cluster: str = "",
    samples: int | None = None,
    history: Sequence[PastRun] = (),
) -> Forecast:
    """Forecasts a whole run of `preset` in one job, start-up and pauses included.

    Args:
        world_size: training processes (one a GPU).
        gpu: the device's name as Slurm, nvidia-smi or a person says it; "cpu" without GPUs.
        limit_s: the job's limit in seconds; None for none. The preset's save-and-stop lead is taken off.
        cluster: its name, for likeness with `history` and for the words.
        samples: rows of the training data if they were counted; None takes the preset's assumption.
        history: earlier runs, any order, any place.
    """
    device = gpu_named(gpu or "")
    steps = preset.total_steps(world_size, samples)
    model = cost_of(preset, world_size, device)
    level, error = _level(preset, world_size, device, cluster, history)
    alike = [h for h in history if _unlike(h, preset, world_size, device, cluster) < _UNLIKE["data"]]
    near = [h for h in history if h.cluster == cluster and h.preset.model_name_or_path == preset.model_name_or_path]
    cost = _measured(model, level, alike or near, near)
    evaluations, saves = pauses_of(preset, steps)
    training = steps * cost.step_s + evaluations * cost.eval_s + saves * cost.save_s
    seconds = cost.start_up_s + training + cost.tail_s
    start_up_error = START_UP_SPREAD / math.sqrt(1 + 3 * len(near))
    low = training * math.exp(-_Z80 * error) + cost.start_up_s * math.exp(-_Z80 * start_up_error) + cost.tail_s
    high = training * math.exp(_Z80 * _LATE * error) + cost.start_up_s * math.exp(_Z80 * start_up_error) + cost.tail_s
    band = (min(low, seconds), max(high, seconds))
    limit = None if limit_s is None else max(0.0, limit_s - preset.signal_lead_s)
    basis = _basis(device, alike, near, cluster, samples)
    made = Forecast(preset.name, steps, seconds, band, limit, judge(seconds, band, limit), basis)
    return _in_the_time(made, cost, training / steps, error) if preset.use_the_time else made


def _in_the_time(made: Forecast, cost: Cost, per_step_s: float, error: float) -> Forecast:
    """The forecast of a run that stops before its limit, at the last step that fits.

    Args:
        made: as if it went on to the end of its epochs.
        per_step_s: seconds a step, pauses included; `error` is the standard error of its logarithm.
    """
    limit, band = made.limit_s, made.seconds_80
    if made.seconds is None or band is None or limit is None or band[1] <= limit:
        return made
    trained = max(0.0, limit - cost.start_up_s - cost.tail_s)
    few, expected, many = (
        min(made.steps, int(trained / (per_step_s * math.exp(off)))) for off in (_Z80 * _LATE * error, 0, -_Z80 * error)
    )
    if expected < 1:
        return made
    words = f"uses the time it has: about {expected:,} of at most {made.steps:,} steps ({few:,} to {many:,})"
    return replace(
        made,
        steps=expected,
        seconds=min(made.seconds, limit),
        seconds_80=(min(band[0], limit), limit),
        verdict=Verdict.FITS,
        basis=f"{words}; {made.basis}",
    )


def score(made: Forecast, actual_s: float) -> Score | None:
    """How `made` did against the real seconds from the job's start to its end; None if it made no claim."""
    if not made.seconds or made.seconds_80 is None or not math.isfinite(actual_s) or actual_s <= 0:
        return None
    return Score(actual_s / made.seconds, made.seconds_80[0] <= actual_s <= made.seconds_80[1])


def track_record(scores: Sequence[Score]) -> str:
    """How good forecasts have been, in words; "" if none has been scored."""
    if not scores:
        return ""
    off = median(abs(s.ratio - 1) for s in scores)
    held = sum(s.inside for s in scores)
    return f"{len(scores)} forecast{'s' * (len(scores) > 1)} so far: {off:.0%} off (median), {held} inside the band"


def _level(
    preset: Preset, world_size: int, device: Gpu, cluster: str, history: Sequence[PastRun]
) -> tuple[float, float]:
    """(factor on the cost model's step time, standard error of its logarithm for a new run)."""
    weight = 1 / device.spread**2
    mean = 0.0
    for past in history:
        if (past.preset.model_name_or_path == TINY_MODEL) != (preset.model_name_or_path == TINY_MODEL):
            continue  # one waits for Python, the other for arithmetic: neither says anything about the other
        modelled = cost_of(past.preset, past.world_size, gpu_named(past.gpu or device.name)).step_s
        if past.step_s <= 0 or modelled <= 0 or past.steps <= 0:
            continue
        noise = _unlike(past, preset, world_size, device, cluster) ** 2 + _RUN_TO_RUN**2 + 0.1 / past.steps
        mean = (mean * weight + math.log(past.step_s / modelled) / noise) / (weight + 1 / noise)
        weight += 1 / noise
    return math.exp(mean), math.sqrt(1 / weight + _RUN_TO_RUN**2)


def _unlike(past: PastRun, preset: Preset, world_size: int, device: Gpu, cluster: str) -> float:
    """Standard deviation of what differs between an earlier run and the plan, in the logarithm of the step time."""
    was = past.preset
    settings = (
        "lora_rank",
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
        "gradient_checkpointing",
        "flash_attn",
        "deepspeed",
        "cutoff_len",
        "image_max_pixels",
    )
    differs = {
        "settings": any(getattr(was, name) != getattr(preset, name) for name in settings),
        "data": was.dataset != preset.dataset,
        "model": was.model_name_or_path != preset.model_name_or_path,
        "gpu": bool(past.gpu) and gpu_named(past.gpu).name != device.name,
        "cluster": past.cluster != cluster,
        "world": past.world_size != world_size,
    }
    return math.sqrt(sum(_UNLIKE[name] ** 2 for name, yes in differs.items() if yes))


def _measured(model: Cost, level: float, alike: Sequence[PastRun], near: Sequence[PastRun]) -> Cost:
    """The cost model with what was measured in its place."""

    def seen(runs: Sequence[PastRun], name: str, otherwise: float) -> float:
        values = [v for v in (getattr(run, name) for run in runs) if v is not None and math.isfinite(v) and v >= 0]
        return median(values) if values else otherwise

    return Cost(
        step_s=model.step_s * level,
        eval_s=seen(alike, "eval_s", model.eval_s * level),
        save_s=seen(alike, "save_s", model.save_s),
        start_up_s=seen(near, "start_up_s", model.start_up_s),
        tail_s=seen(near, "tail_s", model.tail_s),
    )


def _basis(device: Gpu, alike: Sequence[PastRun], near: Sequence[PastRun], cluster: str, samples: int | None) -> str:
    rows = "" if samples is not None else "; rows of the data set not counted yet"
    runs = alike or near
    if not runs:
        return f"no run of yours yet: cost model for {device.name}{rows}"
    where = f" on {cluster}" if cluster else ""
    like = "" if alike else ", with other data or settings"
    return f"{len(runs)} run{'s' * (len(runs) > 1)} of yours{where}{like}{rows}"
