"""A randomly initialised Qwen3-VL-8B on disk, and pages of a chosen length to train it on.

    python -m bench.gpu.model8b FOLDER [--shape tiny]

Speed and memory do not depend on what the weights are, so no download is needed. The tokenizer is the tiny model's; the
vocabulary, and with it the size of the logits, is the real one. `--shape tiny` makes everything small, for a dry run on
a CPU.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import time
from pathlib import Path
from typing import Any, Final

TEXT_8B: Final = {
    "vocab_size": 151_936,
    "hidden_size": 4096,
    "intermediate_size": 12_288,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 262_144,
}
MROPE_8B: Final = [24, 20, 20]
VISION_8B: Final[dict[str, Any]] = {
    "depth": 27,
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_heads": 16,
    "out_hidden_size": 4096,
    "num_position_embeddings": 2304,
    "deepstack_visual_indexes": [8, 16, 24],
}
"""Qwen/Qwen3-VL-8B-Instruct's config.json."""

PATCH: Final = 32  # pixels of one visual token's side: patch 16 × merge 2
TEXT_TOKENS: Final = 60  # template, question and answer, about


def make_model(folder: Path, tiny: Path, *, shape: str = "8b") -> None:
    """Writes a random bf16 model into `folder`.

    Args:
        folder: made by this call.
        tiny: the tiny model's folder, for tokenizer and processors.
        shape: "8b", or "tiny" to leave the sizes as they are.
    """
    import torch
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    folder.mkdir(parents=True)
    for file in tiny.iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, folder / file.name)
    config: dict[str, Any] = json.loads((tiny / "config.json").read_text())
    if shape == "8b":
        text = config["text_config"]
        for key in ("rope_parameters", "rope_scaling"):
            if isinstance(text.get(key), dict):
                text[key]["mrope_section"] = MROPE_8B
        text |= TEXT_8B
        config["vision_config"] |= VISION_8B
    config.pop("architectures", None)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = Qwen3VLForConditionalGeneration(Qwen3VLConfig(**config))
    torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder, max_shard_size="5GB")


def make_pages(folder: Path, lengths: tuple[int, ...], rows: int) -> None:
    """Writes one sharegpt data set a length: "pages_N", `rows` rows of about N tokens each, all of the same size.

    The box of a row is its whole page, so that `python -m trainer evaluate` can judge it.

    Args:
        folder: gets dataset_info.json, images/ and pages_N.json.
        lengths: tokens of a row, image and text.
        rows: of each data set; they share a few images, which are decoded anew for every row.
    """
    from PIL import Image

    rng = random.Random(0)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    info = {}
    for tokens in lengths:
        wide = max(1, round(((tokens - TEXT_TOKENS) * 16 / 10) ** 0.5))
        high = max(1, round((tokens - TEXT_TOKENS) / wide))
        names = []
        for number in range(4):
            small = Image.frombytes("RGB", (wide * 4, high * 4), rng.randbytes(wide * high * 48))
            name = f"images/{tokens}_{number}.png"
            small.resize((wide * PATCH, high * PATCH)).save(folder / name)
            names.append(name)
        data = [
            {
                "messages": [
                    {"role": "user", "content": f"<image>Click the button number {rng.randrange(1000)}."},
                    {
                        "role": "assistant",
                        "content": f"pyautogui.click({rng.randrange(100, 1400)}, {rng.randrange(100, 800)})",
                    },
                ],
                "images": [rng.choice(names)],
                "bbox": [0, 0, 999, 999],
            }
            for _ in range(rows)
        ]
        (folder / f"pages_{tokens}.json").write_text(json.dumps(data))
        info[f"pages_{tokens}"] = {
            "file_name": f"pages_{tokens}.json",
            "formatting": "sharegpt",
            "columns": {"messages": "messages", "images": "images"},
            "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
        }
    (folder / "dataset_info.json").write_text(json.dumps(info))


def main() -> None:
    from trainer.tiny import ensure_tiny

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shape", choices=("8b", "tiny"), default="8b")
    parser.add_argument("--lengths", type=int, nargs="+", default=[1000, 2500, 4000])
    parser.add_argument("--rows", type=int, default=160)
    args = parser.parse_args()
    begun = time.monotonic()
    ensure_tiny(args.folder)
    if not (args.folder / "model" / "config.json").exists():
        make_model(args.folder / "model", args.folder / "tiny" / "model", shape=args.shape)
    print(f"model written after {time.monotonic() - begun:.0f} s", flush=True)
    make_pages(args.folder / "pages", tuple(args.lengths), args.rows)
    print(f"pages written after {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
