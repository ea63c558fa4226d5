"""The verdict of a run, big enough for two metres where there is room, with its reason in one line."""

from __future__ import annotations

from rich.text import Text

from websight_tui import words
from websight_tui.projection.model import Verdict
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import Phase, RunView
from websight_tui.tui.glyphs import ASCII, glyph
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import (
    deadline_words,
    finish_words,
    left_s,
    live_projection,
    margin_words,
)
from websight_tui.tui.widgets.big_text import big_text

_GAP = 3


def headline(run: RunView, palette: Palette) -> tuple[str, str, str]:
    """(symbol, word, colour): the verdict while there is one to give, else the phase."""
    projection = live_projection(run)
    if projection is not None:
        word = "too early" if projection.verdict is Verdict.TOO_EARLY else projection.verdict.value
        return glyph(projection.verdict), word, palette.verdict(projection.verdict)
    return glyph(run.phase), run.phase.value, palette.phase(run.phase)


def explanation(run: RunView, now: float) -> list[str]:
    """Up to three lines beside the headline: when and how sure, against what, and why."""
    projection = live_projection(run)
    if projection is None:
        return [line for line in (_standing(run, now), run.outcome_text, *run.problems[-1:]) if line][:3]
    when = finish_words(projection, now)
    against = f" {glyph('dot')} ".join(
        part for part in (margin_words(projection), deadline_words(projection, now)) if part
    )
    reason = projection.reasons[0] if projection.reasons else ""
    return [line for line in (when, against, reason) if line]


def _standing(run: RunView, now: float) -> str:
    job = run.job
    if run.phase is Phase.SUBMITTING:
        share = f" ({words.size(run.stage_done)} of {words.size(run.stage_total)})" if run.stage_total else ""
        return f"{run.stage or 'preparing'}{share}"
    if job is None:
        return ""
    from websight_tui.slurm_commands.words import state_step, state_words

    if run.phase in OVER:
        return " ".join(part for part in (f"Job {job.job_id} {state_words(job)}.", state_step(job)) if part)
    left = left_s(job, now)
    start = (
        f", starts about {words.time_of_day(job.start_time, now)}"
        if run.phase is Phase.PENDING and job.start_time
        else ""
    )
    return f"Job {job.job_id}: {state_words(job)}{start}{f', {words.duration(left)} left' if left is not None else ''}"


def banner(run: RunView, now: float, width: int, height: int, palette: Palette, *, hint: str = "") -> Text:
    """The verdict in `width` × `height` cells: letters of blocks where they fit, else a bar of its colour.

    Args:
        hint: said before the last line, such as the key that goes further.
    """
    symbol, word, colour = headline(run, palette)
    lines = explanation(run, now)
    if hint:
        last = f"{hint} {glyph('dot')} {lines[2]}" if len(lines) > 2 else hint
        lines = [*lines[:2], last]
    text = Text(no_wrap=True, overflow="ellipsis")
    block = None if ASCII else big_text(word)
    if height >= 3 and block is not None and len(block[0]) + _GAP + 36 <= width:
        for index, row in enumerate(block):
            text.append(("\n" if index else "") + row, style=colour)
            if index < len(lines):
                text.append(" " * _GAP)
                text.append(lines[index], style=palette.text if index == 0 else palette.faint)
        return text
    badge = f" {symbol} {word.upper()} "
    text.append(badge, style=f"bold {palette.back} on {colour}")
    if height == 1 or not lines:
        return text.append("  " + f" {glyph('dot')} ".join(lines), style=palette.text)
    if height == 2 and len(lines) > 2:
        lines = [f"{lines[0]} {glyph('dot')} {lines[1]}", lines[2]]
    text.append("  " + lines[0], style=palette.text)
    for line in lines[1:height]:
        text.append("\n" + line, style=palette.faint)
    return text
