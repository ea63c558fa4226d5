"""The line on top of every screen: what this is, which cluster, how fresh, how much it asks of the scheduler."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from rich.text import Text
from textual.widget import Widget

from websight_tui import words
from websight_tui.metrics.terminal_text import plain
from websight_tui.runs.state import ClusterView, Link, Unwritten
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette, palette_of

_LEAST_WORDS: Final = 12
_SAY_AFTER_S: Final = 0.5
"""A wait that is shorter is none."""


class StatusBar(Widget):
    """Shows `line(…)` of a cluster's view."""

    def __init__(self, *, banner: str = "", title: str = "websight-tui") -> None:
        super().__init__()
        self._banner, self._title = banner, title
        self._cluster: ClusterView | None = None
        self._unwritten: Unwritten | None = None
        self._now = 0.0

    def show(self, cluster: ClusterView | None, now: float, unwritten: Unwritten | None = None) -> None:
        """Shows the state of `cluster` at `now` (Unix s), and whether the history here can be written."""
        self._cluster, self._now, self._unwritten = cluster, now, unwritten
        self.refresh()

    def on_click(self) -> None:
        """A click on the cluster's name does what its key does."""
        self.app.call_later(self.app.run_action, "app.switch_cluster")

    def render(self) -> Text:
        palette = palette_of(self.app.theme_variables)
        return line(self._title, self._cluster, self._banner, self._now, self.size.width, palette, self._unwritten)


def line(
    title: str,
    cluster: ClusterView | None,
    banner: str,
    now: float,
    width: int,
    palette: Palette,
    unwritten: Unwritten | None = None,
) -> Text:
    """The status in `width` cells: parts fall away from the least telling on, never the banner."""
    left = Text(f" {title} ", style=f"bold {palette.accent}")
    right = Text(f" {banner} ", style=f"bold {palette.back} on {palette.warn}") if banner else Text()
    middle = Text()
    for index, part in enumerate(_parts(cluster, now, palette, unwritten)):
        room = width - left.cell_len - middle.cell_len - right.cell_len - 4
        if part.cell_len > room:
            if index != 1 or part.style not in (palette.warn, palette.text) or room < _LEAST_WORDS:
                break
            part.truncate(room, overflow="ellipsis")  # what is done or wrong is said, if only its beginning
        middle.append("  ").append_text(part)
    gap = max(0, width - left.cell_len - middle.cell_len - right.cell_len)
    return Text.assemble(left, middle, " " * gap, right, no_wrap=True, overflow="crop")


def _parts(cluster: ClusterView | None, now: float, palette: Palette, unwritten: Unwritten | None) -> list[Text]:
    here = plain(unwritten.text, 200) if unwritten is not None else ""
    trouble = [Text(f"{glyph('warning')} {here}", style=palette.warn)] if here else []
    if cluster is None:
        return [Text("no cluster", style=palette.faint), *trouble]
    state = Text().append(f"{glyph(cluster.link)} ", style=palette.link(cluster.link))
    state.append(cluster.name, style=f"bold {palette.text}")
    state.append(f" {cluster.link.value}", style=palette.link(cluster.link))
    parts = [state]
    if cluster.stage and cluster.link in (Link.CONNECTING, Link.RECONNECTING):
        waited = now - cluster.since
        so_far = f"{words.duration(waited)}, " if waited >= 1 else ""
        return [*parts, Text(f"{so_far}{plain(cluster.stage, 120)}", style=palette.text)]
    if cluster.error:
        again = "" if cluster.again_at is None else f"again in {words.duration(max(0.0, cluster.again_at - now))}: "
        return [*parts, Text(f"{again}{plain(cluster.error, 200)}", style=palette.warn)]
    parts += trouble
    for action, since in cluster.busy:
        if action != "look" and now - since >= _SAY_AFTER_S:  # what is looked at by itself is shown where it is
            said = f"{glyph(Link.CONNECTING)} {action} under way, {words.duration(now - since)}"
            parts.append(Text(said, style=palette.accent))
    if cluster.scheduler_error:
        parts.append(Text(f"{glyph('warning')} {plain(cluster.scheduler_error, 120)}", style=palette.warn))
    if cluster.queue_at is not None:
        age = max(0.0, now - cluster.queue_at)
        stale = cluster.link is not Link.ONLINE or age > 180
        parts.append(Text(f"queue {words.age(age)}", style=palette.warn if stale else palette.faint))
    if cluster.calls_per_minute:
        parts.append(Text(f"{(n := round(cluster.calls_per_minute))} call{'s' * (n != 1)}/min", style=palette.faint))
    if cluster.address:
        address = plain(cluster.address, 60)
        if cell_len(address) and address != cluster.name:
            parts.append(Text(address, style=palette.faint))
    return parts
