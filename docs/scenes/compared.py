"""Curves of several runs over each other."""

from __future__ import annotations

from docs.scenes.play import PRESETS, Play, busy, keys, scene
from tests.tui.fakes import running
from websight_tui.projection.model import Verdict
from websight_tui.runs import events as e

keys("overlay", "tab", "o")
keys("overlay-crosshair", "tab", "o", *("left",) * 8)
keys("overlay-four", "tab", "o", "end", "space")
keys("overlay-one", "tab", "o", "space", "down", "space")
keys("overlay-metric", "tab", "o", "m")


@scene(busy)
async def overlay_five(play: Play) -> None:
    """As many as there may be, two of them of one preset."""
    run = running(PRESETS["rank32"], "rank32-261123-153640-22b1", 380, 1110, Verdict.FITS, "48231")
    await play.tell(e.RunLoaded(run))
    await play.press("tab", "o", "end", "space", "up", "space", *("left",) * 20)
