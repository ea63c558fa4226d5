"""A run, a job and a projection in words and figures: pure functions that several screens share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.text import Text

from websight_tui import words
from websight_tui.metrics.terminal_text import plain
from websight_tui.projection.model import Projection, Verdict
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import ClusterView, Phase, RunView
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette

if TYPE_CHECKING:
    from websight_tui.slurm_commands.model import Job


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is: steps done and in all (0 if never announced), epoch or None."""

    step: int = 0
    total: int = 0
    epoch: float | None = None

    @property
    def share(self) -> float:
        return min(1.0, self.step / self.total) if self.total else 0.0


def progress_of(run: RunView) -> Progress:
    """How far the run's newest segment is."""
    segment = run.log.last
    if segment is None:
        return Progress()
    return Progress(segment.last_step, run.total_steps, latest(run, "epoch"))


def latest(run: RunView, column: str) -> float | None:
    """The newest logged value of a column ("loss", "lr", …), None if there is none among the last 200 points."""
    segment = run.log.last
    if segment is None:
        return None
    values = getattr(segment.columns, column)
    for index in range(len(segment.columns) - 1, max(-1, len(segment.columns) - 201), -1):
        if math.isfinite(values[index]):
            return float(values[index])
    return None


def bar(share: float, width: int, colour: str, palette: Palette) -> Text:
    """A progress bar of `width` cells."""
    share = min(1.0, max(0.0, share))
    cells = share * width
    full = int(cells)
    text = Text().append(glyph("bar") * full, style=colour)
    if full < width and cells - full >= 0.5:
        text.append(glyph("half"), style=colour)
        full += 1
    return text.append(glyph("rest") * (width - full), style=palette.line)


def connecting_bar(view: ClusterView, palette: Palette) -> Text:
    """How far making the connection is; empty where that is not known."""
    if not view.stage_total:
        return Text()
    return bar(view.stage_done / view.stage_total, 16, palette.accent, palette)


def phase_text(phase: Phase, palette: Palette) -> Text:
    """Symbol and word of a phase in its colour."""
    return Text(f"{glyph(phase)} {phase.value}", style=palette.phase(phase))


def verdict_text(verdict: Verdict | None, palette: Palette) -> Text:
    """Symbol and word of a verdict in its colour."""
    if verdict is None:
        return Text(glyph("dash"), style=palette.faint)
    word = "too early" if verdict is Verdict.TOO_EARLY else verdict.value
    return Text(f"{glyph(verdict)} {word}", style=palette.verdict(verdict))


def live_projection(run: RunView) -> Projection | None:
    """The projection, while the run is under way; what was projected says nothing once it is over."""
    return None if run.phase in OVER else run.projection


def finish_words(projection: Projection, now: float) -> str:
    """ "finishes 23:10 (22:55 to 23:40)", with the 80 % band; "" if there is no estimate."""
    if projection.total_s is None:
        return ""
    if projection.finish_at is None:
        return f"needs {words.duration(projection.total_s)} in all"
    text = f"finishes {words.time_of_day(projection.finish_at, now)}"
    if band := finish_band(projection):
        low, high = words.time_of_day(band[0], now), words.time_of_day(band[1], now)
        text += f" ({low} to {high})" if low != high else ""
    return text


def finish_band(projection: Projection) -> tuple[float, float] | None:
    """The 80 % band of the finish as Unix s."""
    if projection.finish_at is None or projection.total_s is None or projection.total_s_80 is None:
        return None
    begun = projection.finish_at - projection.total_s
    return begun + projection.total_s_80[0], begun + projection.total_s_80[1]


def margin_words(projection: Projection) -> str:
    """How far the estimate is from the limit: "1 h 20 min to spare", "2 h 05 min over"."""
    if projection.total_s is None or projection.limit_s is None:
        return ""
    spare = projection.limit_s - projection.total_s
    return f"{words.duration(abs(spare))} {'to spare' if spare >= 0 else 'over'}"


def deadline_words(projection: Projection, now: float) -> str:
    """ "deadline 02:12"; a limit without a clock as a duration."""
    if projection.deadline is not None:
        return f"deadline {words.time_of_day(projection.deadline, now)}"
    return "no limit" if projection.limit_s is None else f"limit {words.duration(projection.limit_s)}"


def elapsed_s(job: Job, now: float) -> float | None:
    """Seconds that the job has run, ticking on between two polls."""
    if job.start_time is not None and job.state in ("RUNNING", "COMPLETING"):
        return max(0.0, now - job.start_time)
    return job.elapsed_s


def left_s(job: Job, now: float) -> float | None:
    """Seconds until the limit ends a running job."""
    if job.state not in ("RUNNING", "COMPLETING"):
        return None
    if job.end_time is not None:
        return max(0.0, job.end_time - now)
    return None


JOB_SYMBOLS: Final = {"PENDING": Phase.PENDING, "RUNNING": Phase.TRAINING, "COMPLETING": Phase.STOPPING}


def foreign(run: RunView) -> bool:
    """Whether the run is a job that this app did not submit."""
    return not run.spec.token


def short_id(run: RunView) -> str:
    """The run's id without the random tail, for lists."""
    head, _, tail = run.spec.run_id.rpartition("-")
    return plain(head if len(tail) == 4 and head else run.spec.run_id, 60)


def wrapped(text: Text, width: int) -> list[Text]:
    """`text` in lines of at most `width` cells, parted at its spaces; a longer word is left whole."""
    lines, rest = [], text
    while rest.cell_len > width:
        at = rest.plain.rfind(" ", 0, width + 1)
        at = rest.plain.find(" ") if at <= 0 else at
        if at <= 0:
            break
        lines.append(rest[:at])
        rest = rest[at + 1 :]
    return [*lines, rest]


_CUT: Final = 6
"""Cells of a line that are left empty at most, so that it ends at a word."""


def faint_dot(palette: Palette) -> Text:
    """What stands between two things that are said on one line."""
    return Text(f" {glyph('dot')} ", style=palette.faint)


def flowed(parts: Sequence[Text], width: int, between: Text) -> list[Text]:
    """`parts` with `between` them, as many on a line as fit `width` cells."""
    lines: list[Text] = []
    for part in parts:
        if lines and lines[-1].cell_len + between.cell_len + part.cell_len <= width:
            lines[-1].append_text(between).append_text(part)
        else:
            lines.append(part.copy())
    return lines


def clauses(text: Text) -> list[Text]:
    """What dots and semicolons part in `text`."""
    return [part for piece in text.split(f" {glyph('dot')} ") for part in piece.split("; ")]


def whole(text: Text, width: int) -> Text:
    """`text` in at most `width` cells: clauses at its end are left out, and a first one that is too long ends at a
    word."""
    if text.cell_len <= width:
        return text
    dot = f" {glyph('dot')} "
    cuts = [at for mark in (dot, "; ") for at in _places(text.plain, mark) if text[:at].cell_len <= width]
    if cuts:
        return text[: max(cuts)]
    kept = wrapped(text, width - 2)[0]
    if not width - _CUT <= kept.cell_len < width:  # the word is so long that its beginning says more
        kept = text[: max(1, width - 1)]
    while kept.plain and kept.plain[-1] in " ,;:":
        kept = kept[:-1]
    return kept.copy().append(glyph("more"))


def _places(text: str, mark: str) -> list[int]:
    return [at for at in range(len(text)) if text.startswith(mark, at)]


def squeezed(lines: Sequence[Text], rows: int) -> Text:
    """`lines` one below the other; where there are more than `rows`, empty ones give way, the last ones first."""
    kept = list(lines)
    for index in reversed(range(len(kept))):
        if len(kept) > rows and not kept[index].plain.strip():
            del kept[index]
    return Text("\n", no_wrap=True, overflow="ellipsis").join(kept)


def columns(pairs: Sequence[tuple[str, Text | str]], palette: Palette, label_width: int = 12) -> Text:
    """Lines of "label  value", the labels faint and aligned; an empty label and value make an empty line."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for index, (label, value) in enumerate(pairs):
        if index:
            text.append("\n")
        text.append(f"{label:<{label_width}} ", style=palette.faint)
        text.append_text(value if isinstance(value, Text) else Text(value))
    return text
