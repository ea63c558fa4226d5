"""Looks at every screen: each of docs/scenes.py at four sizes and in all looks, and many of them on one sheet.

`python -m docs.every_screen [SCENE…] [--sizes 80x24,120x36] [--looks dark,light] [--out FOLDER]` (or `make looks`)
writes FOLDER/LOOK-SIZE/SCENE.png and FOLDER/LOOK-SIZE-N.png, several screens on each. None of it is committed.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from docs.scenes import SCENES, SETTLE_S, Play, Scene
from docs.screenshots import FONT, svg_of
from websight_tui.ui_settings import Ui

SIZES: Final = ("80x24", "100x30", "120x36", "200x60")
LOOKS: Final = {
    "dark": ("websight-dark", "unicode"),
    "light": ("websight-light", "unicode"),
    "contrast": ("websight-contrast", "unicode"),
    "colour-blind": ("websight-colour-blind", "unicode"),
    "mono": ("websight-mono", "unicode"),
    "ascii": ("websight-contrast", "ascii"),
}
"""A theme, and the symbols."""
_ACROSS: Final = {"80x24": 3, "100x30": 3, "120x36": 2, "200x60": 1}
_DOWN: Final = {"80x24": 3, "100x30": 3, "120x36": 3, "200x60": 2}
_CELL: Final = 8.4
"""Pixels of a sheet's column: letters can just be read."""


async def pictures(scene: Scene, size: str, looks: Sequence[str]) -> dict[str, str]:
    """SVG by look of one scene, reached by its keys in a window of that size."""
    return {look: await _picture(scene, size, look) for look in looks}


async def _picture(scene: Scene, size: str, look: str) -> str:
    columns, rows = (int(part) for part in size.split("x"))
    theme, symbols = LOOKS[look]
    with tempfile.TemporaryDirectory() as folder:
        app = scene.make(Path(folder))
        app.config = replace(app.config, ui=Ui(theme=theme, symbols=symbols))
        app._apply_ui()
        async with app.run_test(size=(columns, rows), notifications=True) as pilot:
            deadline = time.monotonic() + 10
            while not app.loaded and time.monotonic() < deadline:
                await pilot.pause(0.02)
            await scene.act(Play(app, pilot))
            await pilot.pause(SETTLE_S)
            return svg_of(app).replace(folder, "~/.config/websight-tui")


def png_of(svg: str, width: int) -> bytes:
    """A picture of so many pixels."""
    import resvg_py

    return bytes(resvg_py.svg_to_bytes(svg_string=svg, monospace_family=FONT, font_family=FONT, width=width))


def sheet(pngs: Sequence[tuple[str, bytes]], across: int) -> bytes:
    """Several named pictures of one size on one."""
    from PIL import Image, ImageDraw, ImageFont

    images = [(name, Image.open(io.BytesIO(png))) for name, png in pngs]
    width, height = images[0][1].size
    down = -(-len(images) // across)
    whole = Image.new("RGB", (across * width, down * (height + 18)), "#777777")
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(13)
    for index, (name, image) in enumerate(images):
        x, y = index % across * width, index // across * (height + 18)
        draw.text((x + 6, y + 1), name, fill="#ffffff", font=font)
        whole.paste(image, (x, y + 18))
    written = io.BytesIO()
    whole.save(written, "PNG")
    return written.getvalue()


def take(scenes: Sequence[Scene], sizes: Sequence[str], looks: Sequence[str], out: Path) -> None:
    """All of them, and their sheets."""
    for size in sizes:
        by_look: dict[str, list[tuple[str, bytes]]] = {look: [] for look in looks}
        for scene in scenes:
            for look, svg in asyncio.run(pictures(scene, size, looks)).items():
                png = png_of(svg, round(int(size.split("x")[0]) * _CELL))
                folder = out / f"{look}-{size}"
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{scene.name}.png").write_bytes(png)
                by_look[look].append((scene.name, png))
        across = _ACROSS.get(size, 2)
        many = across * _DOWN.get(size, 2)
        for look, pngs in by_look.items():
            for at in range(0, len(pngs), many):
                path = out / f"{look}-{size}-{at // many + 1:02}.png"
                path.write_bytes(sheet(pngs[at : at + many], across))
                print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"of {', '.join(s.name for s in SCENES)}")
    parser.add_argument("--sizes", default=",".join(SIZES), help="columns x rows (default: %(default)s)")
    parser.add_argument("--looks", default="dark,light", help=f"of {', '.join(LOOKS)} (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("looks"))
    args = parser.parse_args()
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    chosen = [scene for scene in SCENES if not args.scenes or scene.name in args.scenes]
    take(chosen, args.sizes.split(","), args.looks.split(","), args.out)


if __name__ == "__main__":
    main()
