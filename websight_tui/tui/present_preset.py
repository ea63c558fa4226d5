"""A preset in words and figures: what it trains, what it costs, what it comes to on a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from websight_tui import words
from websight_tui.config import Cluster
from websight_tui.presets import Preset
from websight_tui.projection.model import Forecast, Verdict
from websight_tui.sizing import sizes
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import verdict_text

if TYPE_CHECKING:
    from websight_tui.runs.bounds import Bound


def batch_words(preset: Preset, world: int) -> str:
    """ "4×2→64": per device × accumulation → effective."""
    return (
        f"{preset.per_device_train_batch_size}{glyph('times')}{preset.gradient_accumulation_steps}"
        f"{glyph('arrow')}{preset.effective_batch(world)}"
    )


def hours_words(forecast: Forecast | None) -> str:
    """ "≈ 6 h 10 min", "–" if nothing is known."""
    if forecast is None or forecast.seconds is None:
        return glyph("dash")
    return f"{glyph('about')} {words.duration(forecast.seconds)}"


def hours(seconds: float) -> str:
    """ "3.1 h", "48 min", for narrow columns."""
    if seconds >= 100 * 3600:
        return f"{seconds / 86400:,.0f} d"
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else words.duration(seconds)


def preset_row(
    number: int,
    preset: Preset,
    cluster: Cluster,
    forecast: Forecast | None,
    palette: Palette,
    bounds: Sequence[Bound] = (),
) -> dict[str, Text | str]:
    """The cells of the list of presets; a sign behind the verdict says that more than the limit is in the way."""
    world = preset.world_size(cluster.gpus_per_node)
    verdict = verdict_text(forecast.verdict if forecast and forecast.seconds is not None else None, palette)
    if forecast is not None and forecast.verdict is not Verdict.WILL_NOT_FIT and bound_lines(bounds, palette):
        verdict = verdict.copy().append(f" {glyph('warning')}", style=palette.warn)
    return {
        "number": Text(str(number) if number < 10 else "", style=palette.accent),
        "name": Text(preset.name, style="bold"),
        "lora": f"{preset.lora_rank}/{preset.lora_alpha}",
        "epochs": f"{preset.num_train_epochs:g}",
        "batch": batch_words(preset, world),
        "steps": f"{preset.total_steps(world):,}",
        "hours": Text(glyph("dash"), style=palette.faint)
        if forecast is None or forecast.seconds is None
        else f"{glyph('about')} {hours(forecast.seconds)}",
        "verdict": verdict,
    }


def preset_facts(preset: Preset, cluster: Cluster, room: int = 80) -> list[tuple[str, Text | str]]:
    """(label, value) pairs of the details beside the list; empty pairs part the groups.

    Args:
        room: cells of a value; where the model's name is longer, it stands without its owner or folder.
    """
    gpus = cluster.gpus_per_node if preset.gpus_per_node is None else preset.gpus_per_node
    world = preset.world_size(cluster.gpus_per_node)
    figures = sizes(preset)
    place = f"{preset.nodes * gpus} GPU" if gpus else f"CPU, {world} rank"
    place += "s" if (preset.nodes * gpus if gpus else world) != 1 else ""
    steps = f"{preset.total_steps(world):,}"
    rows = min(preset.train_samples, preset.max_samples or preset.train_samples)
    model = preset.model_name_or_path
    memory = words.size(figures.gpu_memory_bytes)
    pairs: list[tuple[str, Text | str]] = [
        ("rank/α", f"{preset.lora_rank}/{preset.lora_alpha}{' rsLoRA' if preset.use_rslora else ''}"),
        ("epochs", f"{preset.num_train_epochs:g}"),
        ("batch", batch_words(preset, world) + " effective"),
        ("steps", f"{steps} ({rows:,} rows)"),
        ("save", f"every {preset.save_steps:,}, keeps {preset.save_total_limit}"),
        ("evaluate", f"every {preset.eval_steps:,}" if preset.eval_dataset else "never"),
        ("", ""),
        ("trainable", f"{words.count(figures.trainable_parameters)} parameters"),
        ("adapter", f"{words.size(figures.adapter_bytes)} on disk"),
        ("memory", f"{glyph('about')} {memory} a GPU" if figures.gpu_memory_bytes is not None else glyph("dash")),
        ("", ""),
        ("model", model if len(model) <= room else model.rpartition("/")[2]),
        ("data", preset.dataset),
        ("learning", f"{preset.learning_rate:g}, {preset.lr_scheduler_type}"),
        ("runs on", f"{place}, {preset.mem} memory"),
        ("limit", preset.time_limit or cluster.time_limit),
    ]
    return pairs


def bound_lines(bounds: Sequence[Bound], palette: Palette) -> list[Text]:
    """What the partition or a reservation has against a launch, a line each."""
    return [Text(f"{glyph('warning')} {b.words}", style=palette.warn) for b in bounds if b.words]


def forecast_lines(forecast: Forecast | None, palette: Palette) -> list[Text]:
    """What the forecast's figure stands on: band, limit, basis, a line each."""
    if forecast is None:
        return []
    if forecast.seconds is None:
        return [Text(forecast.basis, style=palette.faint)]
    lines: list[Text] = []
    if forecast.seconds_80:
        low, high = forecast.seconds_80
        lines.append(Text(f"{words.duration(low)} to {words.duration(high)}", style=palette.faint))
    if forecast.limit_s:
        lines.append(Text(f"must end within {words.duration(forecast.limit_s)}", style=palette.faint))
    lines.append(Text(forecast.basis, style=palette.faint))
    return lines


def difference_rows(differences: Mapping[str, tuple[object, object]], palette: Palette) -> Text:
    """ "lora_rank  32 → 24", a line a field."""
    if not differences:
        return Text().append("no setting differs", style=palette.faint)
    width = max(len(field) for field in differences)
    text = Text(no_wrap=True, overflow="ellipsis")
    for index, (field, (before, after)) in enumerate(differences.items()):
        text.append("\n" if index else "")
        text.append(f"{field:<{width}}  ", style=palette.faint)
        text.append(f"{value_words(before)} {glyph('arrow')} ")
        text.append(value_words(after), style=f"bold {palette.accent}")
    return text


def value_words(value: object) -> str:
    """A field's value as it is typed into the form."""
    if value is None:
        return glyph("dash")
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
