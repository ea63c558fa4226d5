"""What the run screen says in words beside chart and log: figures, jobs, checkpoints, settings."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from websight_tui import words
from websight_tui.metrics.terminal_text import plain
from websight_tui.runs.state import RunView
from websight_tui.slurm_commands.model import Job
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.home_rows import figure
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import JOB_SYMBOLS, bar, elapsed_s, latest, left_s, progress_of
from websight_tui.tui.widgets.table import Column

JOB_COLUMNS: Final = (
    Column("symbol", "", 1, 9),
    Column("job", "job", 8, 10),
    Column("state", "state", 30, 8, flex=True),
    Column("start", "started", 11, 5),
    Column("elapsed", "elapsed", 9, 7, right=True),
    Column("limit", "limit", 13, 4, right=True),
    Column("nodes", "nodes", 14, 3),
    Column("exit", "exit", 6, 2),
)


def _shown(column: str, value: float) -> str:
    if column == "loss":
        return f"{value:.4f}"
    return f"{value:.2f}" if column == "grad_norm" and abs(value) < 100 else figure(value)


def figures_line(run: RunView, width: int, palette: Palette) -> Text:
    """Progress and the newest figures in one line: bar, step, epoch, pace, learning rate, grad norm, loss."""
    progress = progress_of(run)
    pace = run.projection.pace_s if run.projection is not None else None
    text = Text(no_wrap=True, overflow="ellipsis")
    parts: list[tuple[str, str]] = []
    if progress.total:
        parts.append(("step", f"{progress.step:,}/{progress.total:,}"))
    if progress.epoch is not None:
        parts.append(("epoch", f"{progress.epoch:.2f}"))
    if pace:
        parts.append(("steps/s", f"{1 / pace:.3g}"))
    for label, column in (("loss", "loss"), ("lr", "lr"), ("grad", "grad_norm")):
        if (value := latest(run, column)) is not None:
            parts.append((label, _shown(column, value)))
    if progress.total and sum(len(a) + len(b) + 3 for a, b in parts) - 2 > width:
        parts = [part for part in parts if part[0] != "epoch"]
    gap = 3 if sum(len(a) + len(b) + 4 for a, b in parts) - 3 <= width else 2
    room = width - sum(len(a) + len(b) + 1 + gap for a, b in parts) - 7
    if progress.total and room >= 6:
        text.append_text(bar(progress.share, min(40, room), palette.accent, palette))
        text.append(f" {progress.share:>4.0%}  ")
    for index, (label, shown) in enumerate(parts):
        text.append(" " * gap if index else "")
        text.append(f"{label} ", style=palette.faint)
        text.append(shown, style=f"bold {palette.text}")
    if not parts:
        text.append(run.stage or "No step logged yet.", style=palette.faint)
    return text


def job_cells(job: Job, now: float, palette: Palette) -> dict[str, Text | str]:
    """One job of the run's chain."""
    from websight_tui.runs.state import Phase
    from websight_tui.slurm_commands.words import state_words

    phase = JOB_SYMBOLS.get(job.state, Phase.FINISHED if job.state == "COMPLETED" else Phase.FAILED)
    if job.state in ("TIMEOUT", "CANCELLED"):
        phase = Phase.TIMEOUT if job.state == "TIMEOUT" else Phase.CANCELLED
    left = left_s(job, now)
    return {
        "symbol": Text(glyph(phase), style=palette.phase(phase)),
        "job": job.job_id,
        "state": plain(state_words(job), 120),
        "start": words.time_of_day(job.start_time, now),
        "elapsed": words.clock(elapsed_s(job, now)),
        "limit": f"{words.clock(left)} left" if left is not None else words.clock(job.time_limit_s),
        "nodes": plain(job.node_list, 40),
        "exit": job.exit_code,
    }


def loss_of_cancel(run: RunView) -> str:
    """What cancelling now would cost, in words."""
    segment = run.log.last
    if segment is None or not len(segment.columns):
        return "It has not trained a step yet."
    saved = max((c.step for c in segment.checkpoints), default=segment.start_step)
    lost = segment.last_step - saved
    where = f"the checkpoint at step {saved:,}" if saved else "the beginning"
    if lost <= 0:
        return f"Nothing is lost: {where} is the newest step."
    return f"The {lost:,} steps since {where} are lost. Save and stop (p) keeps them."
