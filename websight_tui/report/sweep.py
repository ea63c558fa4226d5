"""The table of a sweep for a lab notebook (Markdown) and for other programs (CSV). Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final

from websight_tui.report.markdown import safe, table
from websight_tui.report.panels import figure
from websight_tui.runs.state import Sweep
from websight_tui.runs.sweeps.clicks import accuracy_words, clicks_failures, clicks_words
from websight_tui.runs.sweeps.row import SweepRow
from websight_tui.runs.sweeps.table import as_json, hours_words
from websight_tui.words import size

_COLUMNS: Final = (
    *("run", "rank/α", "epochs", "batch", "state", "loss", "evaluation loss"),
    *("click accuracy (95 %)", "test rows", "time", "adapter"),
)
_TEXTS: Final = ("run", "state")


def written(sweep: Sweep, rows: Sequence[SweepRow], kind: str, heading: str = "") -> str:
    """The table as "md" or "csv" text.

    Args:
        heading: one line above the Markdown table.
    """
    return _csv(sweep, rows) if kind == "csv" else _markdown(rows, heading)


def _markdown(rows: Sequence[SweepRow], heading: str) -> str:
    right = [name not in _TEXTS for name in _COLUMNS]
    notes = [*filter(None, [clicks_words(rows)]), *clicks_failures(rows)]
    lines = "\n".join(f"- {safe(note)}" for note in notes)
    parts = [safe(heading), table(_COLUMNS, right, (map(safe, _cells(row)) for row in rows)), lines]
    return "\n\n".join(part for part in parts if part) + "\n"


def _cells(row: SweepRow) -> tuple[str, ...]:
    preset = row.preset
    return (
        preset.name,
        f"{preset.lora_rank}/{preset.lora_alpha}",
        f"{preset.num_train_epochs:g}",
        f"{preset.effective_batch(preset.world_size())}",
        row.state,
        "–" if row.loss is None else figure(row.loss),
        "–" if row.eval_loss is None else figure(row.eval_loss),
        accuracy_words(row),
        f"{row.asked:,}" if row.accuracy is not None else "–",
        hours_words(row),
        size(row.adapter_bytes),
    )


def _csv(sweep: Sweep, rows: Sequence[SweepRow]) -> str:
    """Exact figures under the names of the JSON output; the interval in two columns, nothing for what is not known."""
    text = io.StringIO()
    found = []
    for row in rows:
        values = as_json(sweep, row)
        low, high = values.pop("accuracy_95") or (None, None)
        found.append({**values, "accuracy_low": low, "accuracy_high": high})
    writer = csv.DictWriter(text, list(found[0]) if found else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()
