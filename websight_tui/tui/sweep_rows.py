"""Rows of the sweep's table and of its review as cells."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from websight_tui import words
from websight_tui.presets import Preset
from websight_tui.projection.model import Forecast
from websight_tui.runs.state import Evaluation, Phase
from websight_tui.runs.sweeps.clicks import accuracy_words
from websight_tui.runs.sweeps.row import SweepRow
from websight_tui.runs.sweeps.table import hours_words
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import verdict_text
from websight_tui.tui.present_preset import batch_words
from websight_tui.tui.present_preset import hours_words as forecast_hours
from websight_tui.tui.widgets.table import Column

COLUMNS: Final = (
    Column("mark", "", 1, 9),
    Column("name", "run", 15, 11, flex=True),
    Column("lora", "rank/α", 7, 10, right=True),
    Column("epochs", "epochs", 6, 10, right=True),
    Column("state", "state", 15, 9),
    Column("verdict", "verdict", 14, 2),
    Column("loss", "loss", 7, 7, right=True),
    Column("eval", "eval", 7, 6, right=True),
    Column("clicks", "clicks", 13, 8, right=True),
    Column("hours", "hours", 12, 5, right=True),
    Column("adapter", "adapter", 7, 3, right=True),
)
REVIEW_COLUMNS: Final = (
    Column("name", "run", 16, 10, flex=True),
    Column("lora", "rank/α", 7, 9, right=True),
    Column("epochs", "epochs", 6, 9, right=True),
    Column("batch", "batch", 8, 3, right=True),
    Column("steps", "steps", 7, 5, right=True),
    Column("hours", "hours", 13, 8, right=True),
    Column("verdict", "verdict", 16, 7),
)


def row_cells(row: SweepRow, mark: Text, palette: Palette, *, best: bool) -> dict[str, Text | str]:
    """One run of the sweep: its state by symbol, word and colour, and the figures it has come to.

    Args:
        mark: of its curve below the table. best: whether it is the best of them so far.
    """
    state = Text("○ not submitted" if row.phase is None else "", style=palette.faint)
    if row.phase is not None:
        share = f" {row.share:.0%}" if row.share is not None and row.phase is not Phase.FINISHED else ""
        state = Text(f"{glyph(row.phase)} {row.state}{share}", style=palette.phase(row.phase))
    preset = row.preset
    return {
        "mark": mark,
        "name": Text(preset.name, style=f"bold {palette.good}" if best else "bold"),
        "lora": f"{preset.lora_rank}/{preset.lora_alpha}",
        "epochs": f"{preset.num_train_epochs:g}",
        "state": state,
        "verdict": verdict_text(row.verdict, palette) if row.verdict is not None else "",
        "loss": _figure(row.loss, palette),
        "eval": _figure(row.eval_loss, palette),
        "clicks": _clicks(row, palette),
        "hours": _known(hours_words(row), palette),
        "adapter": _known(words.size(row.adapter_bytes), palette),
    }


def _clicks(row: SweepRow, palette: Palette) -> Text | str:
    """A figure, or how far the measuring is; a failure is told in the screen's head, too."""
    if row.accuracy is not None:
        return accuracy_words(row)
    return Text(accuracy_words(row), style=palette.warn if row.clicks is Evaluation.FAILED else palette.faint)


def _figure(value: float | None, palette: Palette) -> Text | str:
    return Text(glyph("dash"), style=palette.faint) if value is None else f"{value:.4f}"


def _known(text: str, palette: Palette) -> Text | str:
    return Text(text, style=palette.faint) if text.startswith(("–", "≈")) else text


def review_cells(preset: Preset, forecast: Forecast | None, palette: Palette) -> dict[str, Text | str]:
    """One run that would be launched."""
    world = preset.world_size()
    return {
        "name": Text(preset.name, style="bold"),
        "lora": f"{preset.lora_rank}/{preset.lora_alpha}",
        "epochs": f"{preset.num_train_epochs:g}",
        "batch": batch_words(preset, world),
        "steps": f"{preset.total_steps(world):,}",
        "hours": forecast_hours(forecast),
        "verdict": verdict_text(forecast.verdict if forecast and forecast.seconds is not None else None, palette),
    }
