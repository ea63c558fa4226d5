"""What runs are called where there is little room: as short as tells them apart. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from websight_tui.runs.state import RunView
from websight_tui.tui.present import foreign, short_id
from websight_tui.tui.widgets.draw import Layer


def short_names(runs: Sequence[RunView]) -> list[str]:
    """The preset's name of each, or its id where several are of one preset or were submitted elsewhere."""
    presets = Counter(run.spec.preset.name for run in runs)
    return [
        short_id(run) if foreign(run) or presets[run.spec.preset.name] > 1 else run.spec.preset.name for run in runs
    ]


def titled(heading: str, layers: Sequence[Layer], width: int) -> Text | None:
    """`heading` and behind it the sign and name of each curve; None if `width` cells do not hold them all."""
    text = Text(heading)
    for layer in layers:
        text.append(f"  {layer.mark} {layer.label}", style=f"not bold {layer.colour}")
    return text if text.cell_len <= width else None
