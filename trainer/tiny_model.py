"""A random Qwen3-VL of 1 MB with its own small tokenizer: everything the real one has, but small enough for a CPU.

It exists so that the demo and the tests train with the real libraries on a machine without a GPU or a network. It knows
nothing at first; LoRA of rank 8 teaches it the form of the answers, and roughly where things on a page are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SPECIAL = [
    "<|endoftext|>",
    *(f"<|im_{end}|>" for end in ("start", "end")),
    *(f"<|{what}_{end}|>" for what in ("object_ref", "box", "quad", "vision") for end in ("start", "end")),
    *(f"<|{what}_pad|>" for what in ("vision", "image", "video")),
]
PLAIN = [f"<{slash}{word}>" for word in ("tool_call", "tool_response", "think") for slash in ("", "/")]
# Qwen's way of cutting text into words before BPE; digits stand alone.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT_TEMPLATE = """\
{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.content is string %}{{- message.content }}
{%- else %}{%- for part in message.content %}
{%- if part.type == 'image' or 'image' in part %}{{- '<|vision_start|><|image_pad|><|vision_end|>' }}
{%- elif part.type == 'video' or 'video' in part %}{{- '<|vision_start|><|video_pad|><|vision_end|>' }}
{%- elif 'text' in part %}{{- part.text }}{%- endif %}{%- endfor %}{%- endif %}{{- '<|im_end|>\\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""

HIDDEN, LAYERS, HEADS, KV_HEADS, VISION_HIDDEN, VISION_LAYERS = 64, 2, 4, 2, 32, 2
# A frozen output layer of the usual scale (0.02) keeps the logits near 1, so the loss could never fall below about 5.
OUTPUT_SCALE = 15.0
SEED = 0


def make_model(folder: Path, corpus: Iterable[str]) -> None:
    """Writes the model, its tokenizer and its processors' settings into `folder`, which exists.

    Args:
        folder: where the files go; afterwards it loads like a download of the real model.
        corpus: text that the tokenizer learns its words from.
    """
    import torch
    from transformers import Qwen3VLForConditionalGeneration
    from transformers.utils import logging

    ids, vocabulary = _make_tokenizer(folder, corpus)
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        model = Qwen3VLForConditionalGeneration(_config(ids, vocabulary))
    with torch.no_grad():
        model.lm_head.weight.mul_(OUTPUT_SCALE)
    model.generation_config.eos_token_id = [ids["<|im_end|>"], ids["<|endoftext|>"]]
    model.generation_config.pad_token_id = ids["<|endoftext|>"]
    logging.disable_progress_bar()  # a bar for one file of 1 MB would be the first thing in the job's log
    model.save_pretrained(folder)
    logging.enable_progress_bar()
    _write_processors(folder)


def _config(ids: dict[str, int], vocabulary: int) -> Any:
    from transformers import Qwen3VLConfig

    head_dim = HIDDEN // HEADS
    third = head_dim // 2 // 3
    return Qwen3VLConfig(
        text_config={
            "vocab_size": -(-vocabulary // 128) * 128,
            "hidden_size": HIDDEN,
            "intermediate_size": 3 * HIDDEN,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "num_key_value_heads": KV_HEADS,
            "head_dim": head_dim,
            "max_position_embeddings": 32768,
            "rope_theta": 5_000_000,
            "rope_scaling": {
                "rope_type": "default",
                "mrope_interleaved": True,
                "mrope_section": [head_dim // 2 - 2 * third, third, third],
            },
            "bos_token_id": ids["<|endoftext|>"],
            "eos_token_id": ids["<|im_end|>"],
        },
        vision_config={
            "depth": VISION_LAYERS,
            "hidden_size": VISION_HIDDEN,
            "intermediate_size": 2 * VISION_HIDDEN,
            "num_heads": 2,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "out_hidden_size": HIDDEN,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [VISION_LAYERS - 1],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=False,
    )


def _make_tokenizer(folder: Path, corpus: Iterable[str]) -> tuple[dict[str, int], int]:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(
        corpus, trainers.BpeTrainer(vocab_size=480, initial_alphabet=alphabet, show_progress=False)
    )
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.add_tokens(PLAIN)
    tokenizer.save(str(folder / "tokenizer.json"))
    parts = json.loads((folder / "tokenizer.json").read_text())["model"]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in parts["merges"]]
    (folder / "vocab.json").write_text(json.dumps(parts["vocab"], ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    ids = {token: tokenizer.token_to_id(token) for token in (*SPECIAL, *PLAIN)}
    _write_tokenizer_settings(folder, ids)
    return ids, tokenizer.get_vocab_size()


def _write_tokenizer_settings(folder: Path, ids: dict[str, int]) -> None:
    plain = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(number): {"content": token, "special": token in SPECIAL, **plain} for token, number in ids.items()
        },
        "additional_special_tokens": SPECIAL[1:],
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": None,
        "errors": "replace",
        "split_special_tokens": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 262144,
        "chat_template": CHAT_TEMPLATE,
    }
    _write(folder / "tokenizer_config.json", settings)
    _write(folder / "chat_template.json", {"chat_template": CHAT_TEMPLATE})


def _write_processors(folder: Path) -> None:
    common = {
        "patch_size": 16,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "processor_class": "Qwen3VLProcessor",
    }
    image = {"size": {"shortest_edge": 4096, "longest_edge": 16777216}, "image_processor_type": "Qwen2VLImageProcessor"}
    video = {
        "size": {"shortest_edge": 4096, "longest_edge": 25165824},
        "video_processor_type": "Qwen3VLVideoProcessor",
    }
    _write(folder / "preprocessor_config.json", common | image)
    _write(folder / "video_preprocessor_config.json", common | video)


def _write(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=1) + "\n")
