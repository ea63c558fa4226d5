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
from pathlib import Path
from typing import Final

from tests.tui.fakes import NOW, FakeEngine, FakePlanner, config, story, swept
from websight_tui.runs.events import Event
from websight_tui.tui.app import WebsightApp

SCREENS: Final[dict[str, tuple[str, ...]]] = {
    "home": (),
    "home-run": ("tab",),
    "home-queue": ("tab", "tab", "down", "down"),
    "run": ("tab", "enter"),
    "run-time": ("tab", "enter", "x", "x"),
    "run-crosshair": ("tab", "enter", "plus", *("left",) * 12),
    "run-all": ("tab", "enter", "a", "z"),
    "checkpoints": ("tab", "enter", "v", "v"),
    "launch": ("1", "enter"),
    "edit": ("1", "e"),
    "compare": ("d", "down"),
    "overlay": ("tab", "o"),
    "sweep": ("w",),
    "sweep-launch": ("1", "space", "space", "space", "enter"),
    "remedies": ("tab", "down", "enter", "r"),
    "cancel": ("tab", "c"),
    "help": ("question_mark",),
}
IMAGES: Final = Path(__file__).parent / "images"
FONT: Final = "DejaVu Sans Mono"
PUBLISHED: Final = ("home", "run", "run-time", "launch", "edit", "overlay", "sweep")


def make_app(screen: str = "") -> WebsightApp:
    """The app on a made-up cluster at a fixed moment; its sweeps are there for their own screens alone."""
    made_up = config()
    more = swept(made_up) if screen.startswith("sweep") else ()

    def engine(emit: Callable[[Event], None]) -> FakeEngine:
        return FakeEngine(emit, on_load=(*story(made_up), *more))

    return WebsightApp(made_up, engine, clock=lambda: NOW, planner=FakePlanner())


async def picture(screen: str, size: tuple[int, int], theme: str = "") -> str:
    """The SVG of one screen at `size` (columns, rows)."""
    app = make_app(screen)
    async with app.run_test(size=size) as pilot:
        deadline = time.monotonic() + 10
        while not app.state.runs and time.monotonic() < deadline:
            await pilot.pause(0.02)
        if theme:
            app.theme = theme
        await pilot.press(*SCREENS[screen])
        await pilot.pause(0.6)  # charts are drawn at most twice a second
        return svg_of(app)


def svg_of(app: WebsightApp) -> str:
    """The screen as it is now."""
    svg = app.export_screenshot(title="websight-tui")
    # no fonts from the network: the viewer's own monospace font will do
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", FONT)


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
