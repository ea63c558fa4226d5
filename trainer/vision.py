"""How large an image is when the model sees it, and how many tokens that is: in training as in the evaluation.

Two steps, as LLaMA-Factory 0.9.5 (data/mm_plugin.py) and transformers' Qwen2-VL image processor do them: scale down to
image_max_pixels, then round both sides to whole blocks of 32 pixels (patches of 16, merged 2 by 2), one token a block.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Final

MIN_PIXELS: Final = 32 * 32
"""LLaMA-Factory's image_min_pixels, which the trainer leaves as it is."""
BLOCK: Final = 32
PROCESSOR_MIN, PROCESSOR_MAX = 65_536, 16_777_216
"""Pixels: Qwen3-VL's preprocessor_config.json, for when the model's own cannot be read."""


def scaled_size(width: int, height: int, max_pixels: int) -> tuple[int, int]:
    """Width and height after LLaMA-Factory's scaling, before the processor's rounding."""
    if width * height > max_pixels:
        factor = math.sqrt(max_pixels / (width * height))
        width, height = int(width * factor), int(height * factor)
    if width * height < MIN_PIXELS:
        factor = math.sqrt(MIN_PIXELS / max(1, width * height))
        width, height = int(width * factor), int(height * factor)
    width, height = max(width, 28), max(height, 28)
    if width / height > 200:
        width = height * 180
    if height / width > 200:
        height = width * 180
    return width, height


def image_tokens(width: int, height: int, max_pixels: int, limits: tuple[int, int]) -> int:
    """Tokens of an image of width × height pixels.

    Args:
        max_pixels: the run's image_max_pixels.
        limits: the processor's smallest and largest number of pixels (see processor_limits).
    """
    width, height = scaled_size(width, height, max_pixels)
    across, down = round(width / BLOCK) * BLOCK, round(height / BLOCK) * BLOCK
    smallest, largest = limits
    if across * down > largest:
        factor = math.sqrt(width * height / largest)
        across = max(BLOCK, math.floor(width / factor / BLOCK) * BLOCK)
        down = max(BLOCK, math.floor(height / factor / BLOCK) * BLOCK)
    elif across * down < smallest:
        factor = math.sqrt(smallest / (width * height))
        across = math.ceil(width * factor / BLOCK) * BLOCK
        down = math.ceil(height * factor / BLOCK) * BLOCK
    return across * down // (BLOCK * BLOCK)


def processor_limits(model: Path | None) -> tuple[int, int]:
    """The image processor's smallest and largest number of pixels, from the model's folder where it is at hand."""
    try:
        size = json.loads(((model or Path()) / "preprocessor_config.json").read_text(encoding="utf-8"))["size"]
        return int(size["shortest_edge"]), int(size["longest_edge"])
    except (OSError, ValueError, KeyError, TypeError):
        return PROCESSOR_MIN, PROCESSOR_MAX


def scale_image(image: Any, max_pixels: int) -> Any:
    """A PIL image as the trainer hands it to the processor: scaled, RGB."""
    size = scaled_size(image.width, image.height, max_pixels)
    if size != image.size:
        image = image.resize(size)
    return image if image.mode == "RGB" else image.convert("RGB")
