"""A model that is asked: an image and a prompt in, its answer out, with the image scaled as it was in training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trainer.problem import Problem
from trainer.rows import IMAGE_TAG
from trainer.vision import scale_image

DEFAULT_MAX_PIXELS: Final = 1_120_000
"""image_max_pixels of the presets: a 1400×800 page stays as it is."""
MAX_NEW_TOKENS: Final = 32
"""A click has 15 to 20."""


@dataclass(frozen=True, slots=True)
class Source:
    """Which model to ask.

    Args:
        model: folder or hub name of the base model, or of a merged one.
        adapter: folder of a LoRA adapter (a run's output folder or a checkpoint), or None.
        max_pixels: image_max_pixels of the training.
    """

    model: str
    adapter: Path | None
    max_pixels: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model on its device."""

    source: Source
    model: Any
    processor: Any
    device: str


def find_source(adapter: Path | None, model: str | None, max_pixels: int | None) -> Source:
    """Completes what was given on the command line from the adapter's own files and from its run's run.json.

    Raises: Problem if neither adapter nor model is given, or the adapter's folder is not one.
    """
    if adapter is None:
        if model is None:
            raise Problem("no model given", "Give --adapter-path (a run's output folder), or --model for a merged one.")
        return Source(model, None, max_pixels or DEFAULT_MAX_PIXELS)
    try:
        config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
        base = model or str(config["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "Give the folder that holds adapter_model.safetensors: a run's output folder or a checkpoint."
        raise Problem(f"{adapter} holds no LoRA adapter (adapter_config.json)", hint) from error
    return Source(base, adapter, max_pixels or _trained_max_pixels(adapter) or DEFAULT_MAX_PIXELS)


def _trained_max_pixels(adapter: Path) -> int | None:
    """image_max_pixels of the run that made an adapter: run.json lies beside it, or one or two folders above."""
    for folder in (adapter, *adapter.absolute().parents[:2]):
        try:
            return int(json.loads((folder / "run.json").read_text(encoding="utf-8"))["preset"]["image_max_pixels"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def load(source: Source, device: str | None = None) -> Loaded:
    """Loads the model in its own precision onto `device` (default: a GPU if there is one).

    Raises: Problem if it cannot be loaded.
    """
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor
    from transformers.utils import logging

    logging.disable_progress_bar()
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        processor = AutoProcessor.from_pretrained(source.model)
        model = AutoModelForImageTextToText.from_pretrained(source.model, dtype="auto")
        if source.adapter is not None:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, str(source.adapter))
    except Exception as error:  # safetensors, peft and transformers each raise kinds of their own
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        hint = "Are the files complete, and does the adapter belong to this model?"
        raise Problem(f"{source.adapter or source.model} cannot be loaded: {first_line}", hint) from error
    processor.tokenizer.padding_side = "left"  # answers begin at the end of the prompt
    return Loaded(source, model.to(device).eval(), processor, device)


def question(content: str) -> str:
    """The text of one user turn as the training's template writes it; `content` holds the image tag."""
    content = content.replace(IMAGE_TAG, "<|vision_start|><|image_pad|><|vision_end|>")
    return f"<|im_start|>user\n{content}<|im_end|>\n<|im_start|>assistant\n"


def inputs(loaded: Loaded, questions: Sequence[tuple[Path, str]], answers: Sequence[str] | None = None) -> Any:
    """The processor's tensors for (image, content of the user's turn) pairs, with answers behind them if given.

    Raises: Problem if an image cannot be opened.
    """
    from PIL import Image

    images = []
    for path, _ in questions:
        try:
            with Image.open(path) as image:
                image.load()  # an image that needs no scaling would be read after it is closed
                images.append(scale_image(image, loaded.source.max_pixels))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise Problem(f"{path} cannot be opened as an image: {error}") from error
    texts = [question(content) for _, content in questions]
    if answers is not None:
        texts = [text + answer for text, answer in zip(texts, answers, strict=True)]
    tensors = loaded.processor(text=texts, images=images, padding=True, return_tensors="pt")
    return tensors.to(loaded.device)


def ask(loaded: Loaded, questions: Sequence[tuple[Path, str]]) -> list[str]:
    """The model's most likely answers to (image, content of the user's turn) pairs, asked as one batch."""
    import torch
    from transformers import GenerationConfig

    tensors = inputs(loaded, questions)
    ends = loaded.model.generation_config.eos_token_id
    greedy = GenerationConfig(
        do_sample=False,
        max_new_tokens=MAX_NEW_TOKENS,
        eos_token_id=ends,
        pad_token_id=loaded.processor.tokenizer.pad_token_id,
    )
    with torch.inference_mode():
        out = loaded.model.generate(**tensors, generation_config=greedy)
    tokenizer = loaded.processor.tokenizer
    prompt = tensors["input_ids"].shape[1]
    return [str(text).strip() for text in tokenizer.batch_decode(out[:, prompt:], skip_special_tokens=True)]


def printable(text: str) -> str:
    """A model's answer on one line, without control characters."""
    return "".join(char if char.isprintable() else " " for char in text)
