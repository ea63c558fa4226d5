"""Several runs launched as one: which they are, worked out before anything is done."""

from __future__ import annotations

import datetime
import itertools
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from websight_tui.config import Cluster, Config
from websight_tui.errors import PresetError
from websight_tui.presets import FIELD_TYPES, Preset, check_field, make_preset
from websight_tui.projection.model import Forecast
from websight_tui.runs.bundle import Bundle
from websight_tui.runs.plan import LaunchPlan, plan_launch
from websight_tui.runs.saved_work.beside import can_be_evaluated
from websight_tui.runs.state import Sweep

MOST: Final = 64
"""Runs in one sweep: more are a slip of the keyboard, or a job array's work."""
_SHORT: Final[Mapping[str, str]] = {
    "lora_rank": "r",
    "lora_alpha": "al",
    "num_train_epochs": "e",
    "max_steps": "s",
    "learning_rate": "lr",
    "per_device_train_batch_size": "b",
    "gradient_accumulation_steps": "acc",
    "lora_dropout": "do",
    "seed": "seed",
}
_LONGEST_NAME: Final = 40


@dataclass(frozen=True, slots=True)
class Variant:
    """One run of a sweep before it is planned: the preset to train, and the one that it was made from."""

    preset: Preset
    base: Preset


def values_of(settings: Sequence[str]) -> dict[str, list[object]]:
    """{field: its values} from FIELD=VALUE[,VALUE…] words, in their order.

    Commas part the values of numbers and of true and false. A text keeps its commas (`lora_target` is a list of names):
    for several texts the field is named several times.

    Raises: PresetError that names the field and what was expected.
    """
    found: dict[str, list[object]] = {}
    for setting in settings:
        field, equals, text = (part.strip() for part in setting.partition("="))
        if not equals:
            raise PresetError(f"--set {setting}: expected FIELD=VALUE[,VALUE…]", "For example --set lora_rank=8,16,32.")
        parts = [text] if FIELD_TYPES.get(field) is str else text.split(",")
        values = found.setdefault(field, [])
        values += [value for part in parts if (value := check_field(field, part.strip())) not in values]
    return found


def variants(bases: Sequence[Preset], settings: Mapping[str, Sequence[object]]) -> tuple[Variant, ...]:
    """Every base with every combination of the settings, named after what is varied; the same settings only once.

    Where the rank is varied and alpha is not, alpha keeps its ratio to the rank, as in the built-in presets.

    Raises: PresetError for a wrong value, or if there are more than 64 runs.
    """
    found: list[Variant] = []
    seen: set[Preset] = set()
    for base in bases:
        for chosen in itertools.product(*settings.values()):
            values: dict[str, Any] = dict(zip(settings, chosen, strict=True))
            if "lora_rank" in values and "lora_alpha" not in values:
                values["lora_alpha"] = max(1, round(base.lora_alpha * values["lora_rank"] / base.lora_rank))
            preset = make_preset(_name(base.name, settings, chosen), values, base) if values else base
            same = replace(preset, name="x", summary="")
            if same not in seen:
                seen.add(same)
                found.append(Variant(preset, base))
    if len(found) > MOST:
        raise PresetError(f"that would be {len(found)} runs, at most {MOST} go together", "Vary less at once.")
    names = [variant.preset.name for variant in found]
    if len(set(names)) < len(names):  # cut off, or two bases whose names differ only there
        found = [
            replace(v, preset=replace(v.preset, name=f"{v.preset.name[: _LONGEST_NAME - 4]}-{n}"))
            for n, v in enumerate(found, 1)
        ]
    return tuple(found)


def _name(base: str, settings: Mapping[str, Sequence[object]], chosen: Sequence[object]) -> str:
    """ "tiny-r8-e0_5": the base and what is varied."""
    parts = [base]
    for (field, values), value in zip(settings.items(), chosen, strict=True):
        if len(values) > 1:
            text = f"{value:g}" if isinstance(value, float) else str(value)
            short = _SHORT.get(field, "".join(word[0] for word in field.split("_")))
            parts.append(short + re.sub(r"[^A-Za-z0-9-]", "_", text.replace("+", "")))
    return "-".join(parts)[:_LONGEST_NAME].rstrip("-_")


def plan_sweep(
    config: Config,
    cluster: Cluster,
    chosen: Sequence[Variant],
    *,
    now: float,
    forecast: Callable[[Preset], Forecast | None] = lambda _: None,
    evaluate: bool = True,
    random: Callable[[int], str] = secrets.token_hex,
    bundle: Bundle | None = None,
) -> tuple[Sweep, tuple[LaunchPlan, ...]]:
    """The sweep and the plan of each of its runs.

    Args:
        now: Unix s. random: gives N random bytes as hex.
        forecast: of a preset on that cluster.
        evaluate: whether the clicks of each finished run are measured by a job of its own, where its preset names a
            test split.

    Raises: PresetError if nothing is chosen, BundleError if the trainer's files are not there.
    """
    if not chosen:
        raise PresetError("a sweep needs at least one preset", "Name one, or mark some on the home screen.")
    plans = tuple(
        plan_launch(
            config,
            cluster,
            variant.preset,
            variant.base,
            now=now,
            random=random,
            bundle=bundle,
            forecast=forecast(variant.preset),
        )
        for variant in chosen
    )
    plans = tuple(
        replace(plan, spec=replace(plan.spec, evaluate=evaluate and can_be_evaluated(plan.spec.preset)))
        for plan in plans
    )
    moment = datetime.datetime.fromtimestamp(now)
    sweep_id = f"sweep-{moment:%y%m%d-%H%M%S}-{random(2)}"
    return Sweep(sweep_id, cluster.name, now, tuple(plan.spec for plan in plans)), plans
