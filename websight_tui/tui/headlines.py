"""What stands in large letters on the home screen: the verdict of what is chosen, or the state of the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.text import Text

from websight_tui import words
from websight_tui.metrics.terminal_text import plain
from websight_tui.runs.state import ClusterView, Link, Phase, RunView, Unwritten
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import JOB_SYMBOLS, connecting_bar, left_s
from websight_tui.tui.present_preset import bound_lines, forecast_lines
from websight_tui.tui.widgets.verdict import block, explanation, headline

if TYPE_CHECKING:
    from websight_tui.projection.model import Forecast
    from websight_tui.runs.bounds import Bound
    from websight_tui.slurm_commands.model import Job

SHOWN: Final = 3
"""Lines beside the large word at most; five where the letters are tall."""


@dataclass(frozen=True, slots=True)
class Headline:
    """A symbol, a word, their colour, and what is said beside."""

    symbol: str
    word: str
    colour: str
    lines: tuple[str | Text, ...]

    def text(self, width: int, height: int, palette: Palette) -> Text:
        """Drawn in so many cells."""
        return block(self.symbol, self.word, self.colour, self.lines[: max(1, height)], width, height, palette)

    def whole(self, width: int, height: int, palette: Palette) -> bool:
        """Whether every word of its lines is there to be read."""
        shown = self.text(width, height, palette).plain
        return all(word in shown for line in self.lines for word in str(line).split())


def of_run(run: RunView, now: float, palette: Palette) -> Headline:
    """The verdict while there is one to give, else how the run stands."""
    return Headline(*headline(run, palette), tuple(explanation(run, now)))


def of_preset(forecast: Forecast | None, palette: Palette, record: str = "", bounds: Sequence[Bound] = ()) -> Headline:
    """The forecast's verdict; its figure is marked as an estimate.

    Args:
        record: how good forecasts have been so far; "" if there is nothing to say.
        bounds: what else than the limit it was held against; said before what it stands on.
    """
    if forecast is None or forecast.seconds is None:
        said = forecast.basis if forecast is not None else "these settings cannot be planned on this cluster"
        return Headline(
            glyph("dash"), "no forecast", palette.faint, (said, "probe measures it: 20 steps on the cluster")
        )
    figure = Text.assemble(
        (f"{glyph('about')} {words.duration(forecast.seconds)}", "bold"), (" estimate", palette.faint)
    )
    lines = forecast_lines(forecast, palette)
    if forecast.seconds_80:
        figure.append(f" {glyph('dot')} ", style=palette.faint)
        figure.append_text(lines[0])
        lines = lines[1:]
    spare = "" if not forecast.limit_s else _spare(forecast.limit_s - forecast.seconds)
    if spare and lines:
        lines[0] = Text(f"{spare} {glyph('dot')} ", style=palette.faint).append_text(lines[0])
    if record and lines:
        lines[-1] = lines[-1].copy().append(f" {glyph('dot')} {record}", style=palette.faint)
    return Headline(
        glyph(forecast.verdict),
        forecast.verdict.value,
        palette.verdict(forecast.verdict),
        (figure, *bound_lines(bounds, palette), *lines),
    )


def _spare(seconds: float) -> str:
    return f"{words.duration(abs(seconds))} {'to spare' if seconds >= 0 else 'over'}"


def of_job(job: Job, now: float, palette: Palette) -> Headline:
    """A job of the queue that was not submitted here."""
    from websight_tui.slurm_commands.words import reason_words

    phase = JOB_SYMBOLS.get(job.state, Phase.STARTING)
    why = plain(reason_words(job.reason)[0], 80) if job.state == "PENDING" and job.reason else ""
    starts = (
        f"starts about {words.time_of_day(job.start_time, now)}" if job.state == "PENDING" and job.start_time else ""
    )
    left = left_s(job, now)
    ends = f"{words.duration(left)} left" if left is not None else ""
    said = f" {glyph('dot')} ".join(part for part in (why, starts, ends) if part)
    lines = (said, "submitted elsewhere: Enter opens its log")
    return Headline(glyph(phase), job.state.lower(), palette.phase(phase), tuple(line for line in lines if line))


def of_history(trouble: Unwritten, palette: Palette) -> Headline:
    """What keeps the run history of this machine from being written."""
    lines = (plain(trouble.message, 200), plain(trouble.hint, 200), "Jobs go on; nothing can be launched until then.")
    return Headline(glyph("warning"), trouble.word, palette.warn, lines)


def of_cluster(view: ClusterView | None, name: str, pane: str, palette: Palette) -> Headline:
    """Why a list is empty, and what to press."""
    link = view.link if view is not None else Link.OFFLINE
    if pane == "runs":
        return Headline(
            glyph("dash"),
            "no runs yet",
            palette.faint,
            ("1 to 9 choose a preset, Enter shows what its launch will do", "nothing is sent before you say so there"),
        )
    if link is not Link.ONLINE:
        if view is not None and view.stage:
            said = (connecting_bar(view, palette), plain(view.stage, 120))
            return Headline(glyph(link), link.value, palette.link(link), tuple(line for line in said if line))
        why = plain(view.error, 200) if view is not None and view.error else f"not connected to {name}"
        step = "s connects, or chooses another cluster" if link in (Link.OFFLINE, Link.FAILED, Link.NEEDS_LOGIN) else ""
        return Headline(glyph(link), link.value, palette.link(link), tuple(line for line in (why, step) if line))
    if view is not None and view.scheduler_error:
        lines = (
            plain(view.scheduler_error, 300),
            "It is asked again from time to time; ctrl+r asks now, s goes elsewhere.",
        )
        return Headline(glyph("warning"), "no answer", palette.warn, lines)
    if view is None or view.queue_at is None:
        return Headline(glyph(Link.CONNECTING), "asking", palette.faint, (f"asking Slurm on {name}",))
    lines = (f"no job of yours waits or runs on {name}", "1 to 9 choose a preset")
    return Headline(glyph(Link.ONLINE), "queue empty", palette.faint, lines)
