"""The verdict of a run, big enough for two metres where there is room, with its reason in one line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from websight_tui import words
from websight_tui.projection.model import Verdict
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import Phase, RunView
from websight_tui.tui.glyphs import glyph, plain_ascii
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import (
    clauses,
    deadline_words,
    faint_dot,
    finish_words,
    flowed,
    left_s,
    live_projection,
    margin_words,
    whole,
    wrapped,
)
from websight_tui.tui.widgets.big_text import big_text

_GAP = 3
_SHORT = 50
"""Cells of a line that leaves the next one free where there are two."""
_LEAST_WORDS = 20
_TOLD = 2
"""Lines that must be read whole beside a word in large letters: the figure, and what it is held against."""
_LEAST_BESIDE = 48
"""Cells from which on all lines stand beside the bar, not beneath it."""
_BAR = 3


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
        standing, problem = _standing(run, now), run.problems[-1] if run.problems else ""
        said = (problem,) if problem and run.phase in OVER else (standing, run.outcome_text, problem)
        return [line for line in said if line]
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
    """The verdict of a run in `width` × `height` cells.

    Args:
        hint: said before the last line: the key that goes further, and what it shows.
    """
    lines: list[str | Text] = [*explanation(run, now)]
    if hint and (len(lines) > 1 or height > 2 or len(str(lines[0])) < _SHORT):  # a long line takes what room there is
        key, _, what = hint.partition(" ")
        last = Text.assemble((key, f"bold {palette.accent}"), (f" {what}", palette.faint))
        if len(lines) > 2:
            last.append(f" {glyph('dot')} {lines[2]}", style=palette.faint)
        lines = [*lines[:2], last]
    return block(*headline(run, palette), lines, width, height, palette)


def _filled(lines: Sequence[Text], width: int, rows: int) -> list[Text]:
    """`lines` in so many rows: one each, and what is left for those that are too long, the first ones first."""
    found: list[Text] = []
    for index, line in enumerate(lines):
        room = rows - len(found) - (len(lines) - index - 1)
        parts = wrapped(line, width)
        if len(parts) > room > 0:
            parts = [*parts[: room - 1], line[sum(len(part) + 1 for part in parts[: room - 1]) :]]
        found += parts[: max(0, room)]
    return [whole(line, width) for line in found]


def _readable(lines: Sequence[Text], width: int, rows: int) -> bool:
    """Whether the lines that count can be read whole in so many rows, with one row left for each other line."""
    if width < _LEAST_WORDS:
        return False
    parts = [part for line in lines[:_TOLD] for part in wrapped(line, width)]
    return len(parts) + len(lines[_TOLD:]) <= rows and all(part.cell_len <= width for part in parts)


def block(
    symbol: str, word: str, colour: str, lines: Sequence[str | Text], width: int, height: int, palette: Palette
) -> Text:
    """A word in letters of blocks where they fit `width` × `height` cells, else on a bar; lines beside.

    The bar is three rows high where there are as many: it is for words so long that their letters would leave no room
    for the figures, and those weigh the most.
    """
    text = Text(no_wrap=True, overflow="ellipsis")
    said = [
        line if isinstance(line, Text) else Text(line, palette.text if not i else palette.faint)
        for i, line in enumerate(lines)
    ]
    for tall in (True, False):
        letters = big_text(word, tall=tall, ascii_only=plain_ascii())
        room = width - len(letters[0]) - _GAP if letters else 0
        if letters and len(letters) <= height and _readable(said, room, len(letters)):
            said = _filled(said, room, len(letters))
            first = max(0, (len(letters) - len(said)) // 2)
            for index, row in enumerate(letters):
                text.append(("\n" if index else "") + row, style=colour)
                if 0 <= index - first < len(said):
                    text.append(" " * _GAP).append_text(said[index - first])
            return text
    badge = f" {symbol} {word.upper()} "
    on = f"bold {palette.back} on {colour}"
    dot, beside = f" {glyph('dot')} ", len(badge) + 2
    indent = " " * beside if width - beside >= _LEAST_BESIDE else ""
    if height >= _BAR and indent:
        said = _filled(said, width - beside, _BAR)
        for index in range(_BAR):
            text.append("\n" if index else "").append(badge if index == 1 else " " * len(badge), style=on)
            at = index - (_BAR - len(said)) // 2
            text.append("  ").append_text(said[at] if 0 <= at < len(said) else Text())
        return text
    text.append(badge, style=on)
    if height == 1 or not said:
        return text.append("  ").append_text(Text(dot).join(said))
    if height == 2 and len(said) > 2:
        said = flowed([part for line in said for part in clauses(line)], width - beside, faint_dot(palette))[:height]
    if indent:
        said = _filled(said, width - beside, height)
    text.append("  ").append_text(said[0])
    for line in said[1:height]:
        text.append(f"\n{indent}").append_text(line)
    return text
