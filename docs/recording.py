"""A session as an animated picture: frames of the real app, each as long as it deserves, in one small GIF."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from docs.screenshots import FONT

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTH: Final = 960
"""Pixels; letters of 120 columns can be read at this width."""
COLOURS: Final = 64
"""Of one palette for all frames, so that what stays the same costs nothing."""


@dataclass
class Recording:
    """Frames in their order: (SVG, seconds that it is shown)."""

    frames: list[tuple[str, float]] = field(default_factory=list)

    def add(self, svg: str, seconds: float) -> None:
        """One more frame; the same picture again only stays longer."""
        if self.frames and self.frames[-1][0] == svg:
            self.frames[-1] = (svg, self.frames[-1][1] + seconds)
        else:
            self.frames.append((svg, seconds))

    def write(self, path: Path) -> int:
        """Writes the GIF; its size in bytes."""
        from PIL.Image import Dither

        images = [_image(svg) for svg, _ in self.frames]
        palette = _contact_sheet(images).quantize(COLOURS)
        shown = [image.quantize(palette=palette, dither=Dither.NONE) for image in images]
        durations = [round(seconds * 1000) for _, seconds in self.frames]
        shown[0].save(
            path, save_all=True, append_images=shown[1:], duration=durations, loop=0, optimize=False, disposal=1
        )
        return path.stat().st_size


def _image(svg: str) -> Image:
    import resvg_py
    from PIL import Image

    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, monospace_family=FONT, font_family=FONT, width=WIDTH))
    return Image.open(io.BytesIO(png)).convert("RGB")


def _contact_sheet(images: list[Image]) -> Image:
    """All frames in one, so that the palette knows every colour."""
    from PIL import Image

    sheet = Image.new("RGB", (WIDTH, sum(image.height for image in images)))
    at = 0
    for image in images:
        sheet.paste(image, (0, at))
        at += image.height
    return sheet
