"""Model FLOP utilisation: the arithmetic that LoRA needs for the rows of a step, over what the GPU could have done.

    MFU = samples a second × FLOP of a sample ÷ peak

FLOP of a sample, with the adapted base model frozen (a multiplication and an addition are 2):

- language model (decoder blocks and head, not the embedding): 2 × parameters a token forward, 2 backward (to the inputs
  only, frozen weights need no gradient of their own);
- adapters: 6 × trainable parameters a token;
- causal attention: 2 × tokens² × heads × head size × layers forward, twice that backward;
- vision tower: forward only, 2 × parameters a patch (four patches a visual token), and attention among all patches.

The second forward pass of gradient checkpointing is work that the model does not need, so it does not count (as in
arXiv:2204.02311, appendix B); `recomputed=True` counts it, for the utilisation of the hardware.
"""

from __future__ import annotations

from typing import Final

from bench.gpu.measured import Measured
from bench.gpu.model8b import TEXT_8B, VISION_8B
from websight_tui.sizing import SHAPES, lora_parameters

PEAK_FLOPS: Final = 989e12
"""Dense bf16 of an H100 or H200 SXM (NVIDIA's datasheet gives 1,979 TFLOP/s with sparsity, which is twice that)."""
TEXT_TOKENS: Final = 40
"""Of each measured row; all others are visual."""
_SHAPE: Final = SHAPES["Qwen/Qwen3-VL-8B-Instruct"]
_PATCHES: Final = 4
"""Patches of 16 × 16 pixels that are merged into one visual token."""


def decoder_parameters() -> int:
    """Parameters of the linear layers of all decoder blocks."""
    queries = _SHAPE.num_attention_heads * _SHAPE.head_dim
    keys = _SHAPE.num_key_value_heads * _SHAPE.head_dim
    attention = _SHAPE.hidden_size * (2 * queries + 2 * keys)
    mlp = 3 * _SHAPE.hidden_size * _SHAPE.intermediate_size
    return (attention + mlp) * _SHAPE.num_hidden_layers


def vision_flop(visual_tokens: int) -> float:
    """Forward pass of the vision tower over one image."""
    hidden, depth = VISION_8B["hidden_size"], VISION_8B["depth"]
    block = 4 * hidden * hidden + 2 * hidden * VISION_8B["intermediate_size"]
    merged = _PATCHES * hidden
    mergers = (1 + len(VISION_8B["deepstack_visual_indexes"])) * merged * (merged + VISION_8B["out_hidden_size"])
    patches = _PATCHES * visual_tokens
    attention = 4 * patches * patches * hidden * depth
    return float(2 * patches * block * depth + 2 * visual_tokens * mergers + attention)


def sample_flop(rank: int, tokens: int, visual_tokens: int, *, recomputed: bool = False) -> float:
    """FLOP of one row, forward and backward; with `recomputed` also the decoder blocks' second forward pass."""
    blocks = decoder_parameters()
    head = _SHAPE.hidden_size * int(TEXT_8B["vocab_size"])
    adapters = lora_parameters(_SHAPE, rank)
    heads = _SHAPE.num_attention_heads * _SHAPE.head_dim
    attention = 2 * tokens * tokens * heads * _SHAPE.num_hidden_layers
    flop = (4 * (blocks + head) + 6 * adapters) * tokens + 3 * attention + vision_flop(visual_tokens)
    if recomputed:
        flop += 2 * (blocks + adapters) * tokens + attention
    return flop


def utilisation(measured: Measured, *, recomputed: bool = False) -> float | None:
    """MFU of a cell, 0 to 1; None if memory ran out.

    Args:
        recomputed: count the second forward pass too, where there was one.
    """
    if measured.median_s is None:
        return None
    again = recomputed and measured.cell.checkpointing
    row = sample_flop(measured.cell.rank, measured.row_tokens, measured.row_tokens - TEXT_TOKENS, recomputed=again)
    return row * measured.samples / measured.median_s / PEAK_FLOPS
