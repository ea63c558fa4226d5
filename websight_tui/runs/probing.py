"""A probe: a few steps of a preset on the cluster, a run of its own that forecasts learn from like from any other."""

from __future__ import annotations

import dataclasses
import math
from typing import Final

from websight_tui.presets import Preset
from websight_tui.projection.model import Forecast
from websight_tui.slurm_commands.times import format_duration

STEPS: Final = 20
"""Two of the first steps are slow; the others tell the pace to a few per cent."""
_SUFFIX: Final = "-probe"
_LONGEST_NAME: Final = 40
_LEAD_S: Final = 60
"""A probe has one small checkpoint to save before its limit."""
_LEAST_S: Final = 900.0
_ROUND_S: Final = 300.0
_SLOWER: Final = 1.5
"""How much longer than its forecast's upper end a probe may take: the cost model has not seen this cluster yet."""


def is_probe(preset: Preset) -> bool:
    return preset.max_steps is not None and preset.name.endswith(_SUFFIX)


def probe_of(preset: Preset, steps: int = STEPS) -> Preset:
    """`preset` for a probe: so many steps, each logged, all else as it would be trained.

    The data are all prepared, as for the real run: their number and the start-up are part of what is learnt.
    """
    return dataclasses.replace(
        preset,
        name=preset.name[: _LONGEST_NAME - len(_SUFFIX)] + _SUFFIX,
        summary=f"{steps} steps of {preset.name}, for its forecast",
        max_steps=steps,
        logging_steps=1,
        max_jobs=1,
        signal_lead_s=min(preset.signal_lead_s, _LEAD_S),
    )


def limited(probe: Preset, forecast: Forecast, longest_s: float | None) -> Preset:
    """`probe` with a short time limit, so that it starts soon.

    Args:
        forecast: of the probe itself.
        longest_s: the limit of the preset or the cluster, seconds.
    """
    upper = forecast.seconds_80[1] if forecast.seconds_80 is not None else 0.0
    wanted = max(_LEAST_S, math.ceil((upper * _SLOWER + probe.signal_lead_s) / _ROUND_S) * _ROUND_S)
    seconds = wanted if longest_s is None else min(wanted, longest_s)
    return dataclasses.replace(probe, time_limit=format_duration(round(seconds)))
