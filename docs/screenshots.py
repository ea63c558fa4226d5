"""Pictures of the app's screens for the README and for looking at them.

`python -m docs.screenshots` writes docs/images/*.svg and *.png; `--out FOLDER --size 80x24 --theme NAME SCREEN…`
makes others. The screens are real, the afternoon on the cluster is made up (tests/tui/fakes.py). `--live` opens the
app on it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.tui.fakes import NOW, FakeEngine, FakePlanner, config, job, running, story, swept, training_log
from websight_tui.projection.model import Verdict
from websight_tui.runs.events import Event, RunLoaded
from websight_tui.runs.projecting import projection_of
from websight_tui.runs.state import RunView
from websight_tui.tui.app import WebsightApp
from websight_tui.tui.screens.run import RunScreen
from websight_tui.tui.themes import DEFAULT_THEME
from websight_tui.ui_settings import Ui

SCREENS: Final[dict[str, tuple[str, ...]]] = {
    "home": (),
    "home-run": ("tab",),
    "home-queue": ("tab", "tab", "down", "down"),
    "run": ("tab", "enter"),
    "run-time": ("tab", "enter", "x", "x"),
    "run-crosshair": ("tab", "enter", "plus", *("left",) * 12),
    "run-all": ("tab", "enter", "a", "z"),
    "checkpoints": ("tab", "enter", "v", "v"),
    "verdicts": ("tab", "enter", "v", "v", "v"),
    "launch": ("1", "enter"),
    "edit": ("1", "e"),
    "compare": ("d", "down", "down", "down"),
    "overlay": ("tab", "o"),
    "sweep": ("w",),
    "sweep-launch": ("1", "space", "space", "space", "enter"),
    "remedies": ("tab", "down", "enter", "r"),
    "cancel": ("tab", "c"),
    "help": ("question_mark",),
}
VERDICTS: Final = {
    "verdict-fits": (460, 19.5),
    "verdict-tight": (300, 25.4),
    "verdict-will-not-fit": (340, 33.0),
    "verdict-too-early": (30, 19.5),
}
"""Runs of 1,110 steps under a limit of 8 hours: steps done, seconds a step. What they come to is projected."""
IMAGES: Final = Path(__file__).parent / "images"
FONT: Final = "DejaVu Sans Mono"
LOOK: Final = Ui(theme=DEFAULT_THEME, symbols="unicode")
"""Of all pictures, whatever terminal they are made from."""
PUBLISHED: Final = (
    *("home", "run", "run-time", "run-crosshair", "run-all", "checkpoints"),
    *("edit", "compare", "overlay", "sweep", "remedies", "help"),
    *VERDICTS,
)
SMALL: Final = (100, 26)
"""Columns and rows of the pictures of verdicts, which stand side by side."""


def make_app(screen: str = "") -> WebsightApp:
    """The app on a made-up cluster at a fixed moment; its sweeps are there for their own screens alone."""
    made_up = replace(config(), ui=LOOK)
    more = swept(made_up) if screen.startswith("sweep") else ()

    def engine(emit: Callable[[Event], None]) -> FakeEngine:
        return FakeEngine(emit, on_load=(*story(made_up), *more))

    return WebsightApp(made_up, engine, clock=lambda: NOW, planner=FakePlanner())


def verdict_run(screen: str) -> RunView:
    """A run whose verdict is what the package makes of its log."""
    steps, pace = VERDICTS[screen]
    run = running(
        config().presets["rank32"], f"{screen.removeprefix('verdict-')}-run", steps, 1110, Verdict.FITS, "48301"
    )
    log = training_log(steps, 1110, pace=pace, begun=NOW - steps * pace)
    log.segments[0].evaluations.clear()  # the made-up ones have no length
    begun = job("48301", started=NOW - steps * pace - 120)
    return replace(run, log=log, jobs=(begun,), projection=projection_of(run.spec, begun, log, NOW))


async def picture(screen: str, size: tuple[int, int], theme: str = "") -> str:
    """The SVG of one screen at `size` (columns, rows)."""
    app = make_app(screen)
    if screen in VERDICTS:
        size = SMALL
    async with app.run_test(size=size) as pilot:
        deadline = time.monotonic() + 10
        while not app.state.runs and time.monotonic() < deadline:
            await pilot.pause(0.02)
        if theme:
            app.theme = theme
        if screen in VERDICTS:
            run = verdict_run(screen)
            app.controller.emit(RunLoaded(run))
            await pilot.pause(0.2)
            app.push_screen(RunScreen(run.spec.run_id))
            await pilot.pause()
        await pilot.press(*SCREENS.get(screen, ()))
        await pilot.pause(0.6)  # charts are drawn at most twice a second
        return svg_of(app)


def svg_of(app: WebsightApp) -> str:
    """The screen as it is now."""
    svg = app.export_screenshot(title="websight-tui")
    # no fonts from the network: the viewer's own monospace font will do
    plain = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return plain.replace("Fira Code", FONT).replace("font-family: arial", f"font-family: {FONT}")


def write(svg: str, name: str, folder: Path = IMAGES) -> Path:
    """Writes NAME.svg and NAME.png and returns the latter's path."""
    import resvg_py

    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    png = folder / f"{name}.png"
    png.write_bytes(bytes(resvg_py.svg_to_bytes(svg_string=svg, monospace_family=FONT, font_family=FONT)))
    return png


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("screens", nargs="*", metavar="SCREEN", help=f"of {', '.join(SCREENS)} (default: the README's)")
    parser.add_argument("--out", type=Path, default=IMAGES)
    parser.add_argument("--size", default="120x36", help="columns x rows")
    parser.add_argument("--theme", default="")
    parser.add_argument("--live", action="store_true", help="open the app instead")
    args = parser.parse_args()
    if args.live:
        make_app().run()
        return
    columns, rows = (int(part) for part in args.size.split("x"))
    for screen in args.screens or PUBLISHED:
        print(write(asyncio.run(picture(screen, (columns, rows), args.theme)), screen, args.out))


if __name__ == "__main__":
    main()
