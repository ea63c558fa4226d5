"""A run's checkpoints as a table, and what is done with them as lines: pure."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Final

from rich.text import Text

from websight_tui import words
from websight_tui.metrics.model import Columns
from websight_tui.metrics.stitch import surviving
from websight_tui.metrics.terminal_text import plain
from websight_tui.projection.model import Verdict
from websight_tui.runs.saved_work.checkpoints import Saved, Whole
from websight_tui.runs.saved_work.tasks import Kind, Stand, Task, name_of
from websight_tui.runs.state import Phase, RunView
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import bar, latest
from websight_tui.tui.widgets.table import Column

COLUMNS: Final = (
    Column("step", "step", 8, 10, right=True),
    Column("age", "saved", 14, 8),
    Column("size", "size", 8, 7, right=True),
    Column("loss", "loss there", 10, 6, right=True),
    Column("whole", "on the cluster", 16, 9),
    Column("took", "took", 8, 4, right=True),
    Column("path", "folder", 16, 3, flex=True),
)
FINAL: Final = "final"
"""Key of the row of the final adapter."""

_SIGNS: Final = {
    Whole.COMPLETE: Verdict.FITS,
    Whole.NOT_FINITE: "warning",
    Whole.DAMAGED: Verdict.WILL_NOT_FIT,
    Whole.NOT_SEALED: Phase.SAVING,
    Whole.GONE: Phase.PENDING,
}


def saved_rows(
    run: RunView, now: float, palette: Palette, *, looking: bool = False
) -> list[tuple[str, dict[str, Text | str]]]:
    """The final adapter, then the checkpoints of all segments that still count, newest first.

    Args:
        looking: whether the cluster is being asked what is there.
    """
    unknown = f"looking{glyph(Verdict.TOO_EARLY)}" if looking and run.saved is None else "not looked at"
    there = {saved.step: saved for saved in run.saved or ()}
    rows: dict[int, dict[str, Text | str]] = {}
    for segment, count, limit in surviving(run.log):
        for saved in segment.checkpoints:
            if saved.step > limit:
                continue
            known = there.get(saved.step)
            at = known.sealed_at if known is not None and known.sealed_at is not None else saved.t
            size = known.bytes if known is not None and known.bytes is not None else saved.bytes
            rows[saved.step] = {
                "step": f"{saved.step:,}",
                "age": words.age(max(0.0, now - at)) if at is not None else glyph("dash"),
                "size": words.size(size),
                "took": words.duration(saved.seconds),
                "loss": _figure(_loss_at(segment.columns, count, saved.step)),
                "whole": _whole(known, unknown, palette),
                "path": plain(saved.path.rpartition("/")[2] or f"checkpoint-{saved.step}", 120),
            }
    found = [(str(step), cells) for step, cells in sorted(rows.items(), reverse=True)]
    final = there.get(None)
    if final is None:
        return found
    cells: dict[str, Text | str] = {
        "step": FINAL,
        "size": words.size(final.bytes),
        "loss": _figure(latest(run, "loss")),
        "whole": _whole(final, "", palette),
        "path": "the run's adapter",
    }
    return [(FINAL, cells), *found]


def chosen(run: RunView, key: str | None) -> Saved | None:
    """The checkpoint of a row, as it lies on the cluster; None where nobody has looked or it is not there."""
    if key is None:
        return None
    step = None if key == FINAL else int(key)
    return next((saved for saved in run.saved or () if saved.step == step), None)


def _whole(saved: Saved | None, unknown: str, palette: Palette) -> Text:
    if saved is None:
        return Text(unknown, style=palette.faint)
    colour = {Whole.COMPLETE: palette.good, Whole.GONE: palette.faint, Whole.NOT_SEALED: palette.warn}
    return Text(f"{glyph(_SIGNS[saved.whole])} {saved.whole.value}", style=colour.get(saved.whole, palette.bad))


def _figure(value: float | None) -> str:
    return glyph("dash") if value is None else f"{value:.4f}"


def _loss_at(columns: Columns, count: int, step: int) -> float | None:
    losses = columns.loss
    at = bisect_right(columns.step, step, hi=count) - 1
    while at >= 0 and not math.isfinite(losses[at]):
        at -= 1
    return float(losses[at]) if at >= 0 else None


def task_lines(run: RunView, width: int, palette: Palette) -> Text:
    """A line for each thing that is done with a checkpoint: a bar while it goes on, how it ended afterwards."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for index, task in enumerate(run.tasks):
        text.append("\n" if index else "").append_text(_line(task, width, palette))
    return text


_NAMES: Final = {
    Kind.FETCH: "download",
    Kind.TRY: "test",
    Kind.MERGE: "merge",
    Kind.EVALUATE: "measure",
    Kind.LOG: "log",
}


def _line(task: Task, width: int, palette: Palette) -> Text:
    if task.stand is not Stand.RUNNING:
        sign = {Stand.DONE: Verdict.FITS, Stand.FAILED: Verdict.WILL_NOT_FIT}.get(task.stand, Phase.STOPPED)
        colour = {Stand.DONE: palette.good, Stand.FAILED: palette.bad}.get(task.stand, palette.warn)
        said = f"{task.message}." if task.message and task.message[-1] not in ".!?" else task.message
        return Text(f"{glyph(sign)} {said} {task.hint}".rstrip(), style=colour)
    line = Text().append(f"{glyph('arrow')} {_NAMES[task.kind]:<8}  ", style=palette.accent)
    named = task.kind is Kind.FETCH or not task.stage  # of a download the first word says what goes on
    said, amount, job = name_of(task.step) if named else task.stage, "", f"  job {task.job_id}" if task.job_id else ""
    if task.total:
        done, total = (words.size(n) if task.in_bytes else str(n) for n in (task.done, task.total))
        amount = f"  {done} of {total}"
        room = min(30, width - line.cell_len - len(said + amount + job) - 2)
        line.append_text(bar(task.done / task.total, max(6, room), palette.accent, palette)).append("  ")
    line.append(said, style=palette.text)
    return line.append(amount + job, style=palette.faint)
