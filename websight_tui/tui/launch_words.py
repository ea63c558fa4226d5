"""What a launch will do, in words that fill the width there is: how long it takes, its settings, its script. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from rich.cells import cell_len, chop_cells
from rich.text import Text

from websight_tui import words
from websight_tui.presets import Preset
from websight_tui.runs.bounds import Bound
from websight_tui.runs.plan import LaunchPlan
from websight_tui.runs.state import Link
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.home_rows import forecast_badge
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import columns, faint_dot, flowed, wrapped
from websight_tui.tui.present_preset import batch_words, bound_lines, difference_rows, forecast_lines

_LABEL: Final = 10
_TWO_ABREAST: Final = 70
"""Cells from which on what is trained stands beside where."""
_BREAKS: Final = "/ "
"""After these a line of the script is parted rather than elsewhere."""

Pair = tuple[str, Text | str]


def script_text(script: str, width: int, palette: Palette) -> Text:
    """The job script, lines that are longer than `width` on several; what is the same in all of them is faint."""
    text = Text()
    for index, line in enumerate(script.splitlines()):
        shown = Text(line)
        shown.highlight_regex(r"^#SBATCH|^#!.*$|(?<= )# .*$", palette.faint)
        text.append("\n" if index else "").append_text(_parted(shown, max(20, width), palette))
    return text


def _parted(line: Text, width: int, palette: Palette) -> Text:
    text, sign = Text(), f"  {glyph('goes on')} "
    while line.cell_len > (room := width - (len(sign) if text else 0)):
        at = _break(line.plain, room)
        text.append_text(line[:at]).append(f"\n{sign}", style=palette.faint)
        line = line[at:]
    return text.append_text(line)


def _break(line: str, room: int) -> int:
    """Where a line is parted that has more than `room` cells."""
    at = len(chop_cells(line, room)[0])
    return next((n for n in range(at, at // 2, -1) if line[n - 1] in _BREAKS), at)


def forecast_text(plan: LaunchPlan, width: int, palette: Palette, bounds: Sequence[Bound] = ()) -> Text:
    """How long the launch would take, against its limit and what else bounds it, in lines of `width` cells."""
    badge, bounded = forecast_badge(plan.forecast, palette), bound_lines(bounds, palette)
    facts = forecast_lines(plan.forecast, palette)
    parts, dot = ([] if bounded else [badge]), faint_dot(palette)
    lines = [*([badge, *bounded] if bounded else []), *flowed([*parts, *facts], width, dot)]
    return Text("\n").join(lines)


def plan_text(
    plan: LaunchPlan, base: Preset, width: int, palette: Palette, *, link: Link = Link.ONLINE, rows: int | None = None
) -> Text:
    """What a launch will do, in lines of `width` cells.

    Args:
        rows: rows of the training data as counted on the cluster; None takes the preset's assumption.
    """
    trained, placed, kept = _facts(plan, palette, link, rows)
    if width >= _TWO_ABREAST:
        text = _beside(trained, placed, width, palette).append("\n")
    else:
        text = columns([*trained, ("", ""), *placed], palette, _LABEL).append("\n")
    long = [pair for label, value in kept for pair in _lines(label, value, width - _LABEL - 1)]
    text.append_text(columns(long, palette, _LABEL))
    if not plan.differences:
        return text
    text.append(f"\n\ndiffers from {base.name}\n", style=palette.faint)
    return text.append_text(difference_rows(plan.differences, palette))


def _facts(
    plan: LaunchPlan, palette: Palette, link: Link, rows: int | None
) -> tuple[list[Pair], list[Pair], list[tuple[str, str]]]:
    """What is trained, where, and what is long: (label, value) pairs of each."""
    spec, preset = plan.spec, plan.spec.preset
    gpus = (preset.gpus_per_node or 0) * preset.nodes
    world = preset.world_size()
    epochs = f"{preset.num_train_epochs:g} epoch{'s' * (preset.num_train_epochs != 1)}"
    steps = f"{preset.total_steps(world, rows):,} steps"
    if gpus:
        resources = f"{gpus} GPU{'s' * (gpus != 1)} on {preset.nodes} node{'s' * (preset.nodes != 1)}"
    else:
        resources = f"CPU, {preset.cpus_per_task} core{'s' * (preset.cpus_per_task != 1)}"
    where = Text(spec.cluster)
    if link is not Link.ONLINE:
        where.append(f", {link.value}", style=palette.warn)
    files = f"{len(plan.upload)} files, {words.size(sum(size for _, size in plan.upload))}"
    trained: list[Pair] = [
        ("preset", Text(preset.name, style="bold")),
        ("model", preset.model_name_or_path),
        ("LoRA", f"rank {preset.lora_rank}, alpha {preset.lora_alpha}"),
        ("training", f"{epochs}, {steps}, {batch_words(preset, world)}"),
    ]
    placed: list[Pair] = [
        ("cluster", where),
        ("account", spec.account or "the cluster's default"),
        ("partition", spec.partition or "the cluster's default"),
        ("resources", resources),
    ]
    kept = [
        ("limit", f"{preset.time_limit}, saves and stops {words.duration(preset.signal_lead_s)} before"),
        ("folder", spec.run_dir),
        ("upload", f"{files}, if not there yet" if plan.upload else "nothing"),
    ]
    if not plan.differences:
        kept.append(("changes", "none"))
    return trained, placed, kept


def _beside(left: Sequence[Pair], right: Sequence[Pair], width: int, palette: Palette) -> Text:
    """Two groups of pairs side by side, each in its half."""
    ones, others = ([columns([pair], palette, _LABEL) for pair in pairs] for pairs in (left, right))
    half = max(20, min(max(line.cell_len for line in ones) + 3, width - max(line.cell_len for line in others)))
    lines = []
    for line, other in zip_longest(ones, others, fillvalue=Text()):
        line.truncate(half - 1, overflow="ellipsis")
        line.pad_right(half - line.cell_len)
        lines.append(line.append_text(other))
    return Text("\n").join(lines)


def _lines(label: str, value: str, width: int) -> list[Pair]:
    """A long value on as many lines as it takes; a path is parted behind a slash."""
    parts = []
    for line in wrapped(Text(value), width):
        rest = line.plain
        while cell_len(rest) > width:
            at = _break(rest, width)
            parts.append(rest[:at])
            rest = rest[at:]
        parts.append(rest)
    return [(label if not index else "", part) for index, part in enumerate(parts)]
