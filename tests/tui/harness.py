"""`python -m tests.tui.harness [size …]`: pictures of the screens with a made-up afternoon, for looking at them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.tui.fakes import NOW, FakeEngine, FakePlanner, config, story
from websight_tui.tui.app import WebsightApp

STEPS = {
    "home": (),
    "home-run": ("tab",),
    "home-queue": ("tab", "tab", "down", "down"),
    "run": ("tab", "enter"),
    "run-time": ("tab", "enter", "x", "x", "0"),
    "launch": ("1", "enter"),
    "edit": ("1", "e"),
    "compare": ("d", "down"),
    "help": ("question_mark",),
    "cancel": ("tab", "c"),
    "overlay": ("tab", "o"),
    "jobs": ("tab", "enter", "v", "v"),
}


def make_app() -> WebsightApp:
    cfg = config()

    def engine(emit: object) -> FakeEngine:
        return FakeEngine(emit, on_load=story(cfg))  # type: ignore[arg-type]

    return WebsightApp(cfg, engine, clock=lambda: NOW, planner=FakePlanner())


async def picture(name: str, size: tuple[int, int], folder: Path, theme: str = "") -> None:
    import resvg_py

    app = make_app()
    async with app.run_test(size=size) as pilot:
        for _ in range(100):
            await pilot.pause(0.01)
            if app.state.runs:
                break
        if theme:
            app.theme = theme
        await pilot.press(*STEPS[name])
        await pilot.pause(0.7)
        svg = app.export_screenshot(title="websight-tui")
    png = resvg_py.svg_to_bytes(svg_string=svg, monospace_family="DejaVu Sans Mono", font_family="DejaVu Sans Mono")
    (folder / f"{name}-{size[0]}x{size[1]}{theme and '-' + theme}.png").write_bytes(bytes(png))


if __name__ == "__main__":
    if sys.argv[1:] == ["live"]:
        make_app().run()
    else:
        out = Path(sys.argv[1])
        out.mkdir(parents=True, exist_ok=True)
        columns, rows = map(int, sys.argv[2].split("x"))
        for screen in sys.argv[3:] or STEPS:
            screen, _, chosen = screen.partition("@")
            asyncio.run(picture(screen, (columns, rows), out, chosen))
