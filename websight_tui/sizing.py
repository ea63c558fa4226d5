"""What a preset comes to, computed instead of hoped: parameters, bytes on disk, memory, compute.

Formulas: LoRA adds rank × (in + out) parameters to every adapted linear layer (arXiv:2106.09685, section 4.1). Memory
and compute per token are fits for Qwen3-VL-8B with LoRA on all language-model layers and a frozen vision tower; each
constant says where it comes from. Everything here is an estimate until a run of the user's own has been measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from websight_tui.presets import TINY_MODEL, Preset


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The sizes of a Qwen3-style language model that LoRA and memory depend on (its config.json's `text_config`)."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    total_parameters: int


SHAPES: Final[dict[str, ModelShape]] = {
    "Qwen/Qwen3-VL-8B-Instruct": ModelShape(4096, 12288, 36, 32, 8, 128, 8_767_123_696),
    TINY_MODEL: ModelShape(64, 192, 2, 4, 2, 16, 266_016),
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """A preset's sizes; None where the model's shape is not known.

    Args:
        trainable_parameters: LoRA parameters.
        adapter_bytes: adapter_model.safetensors: fp32, under DeepSpeed bf16.
        checkpoint_bytes: a checkpoint with Adam's two moments (fp32), under DeepSpeed with the weights three times.
        gpu_memory_bytes: estimate for one GPU at the widest micro-batch of mean length.
        flop_per_token: forward and backward of one token of the language model, as trained.
    """

    trainable_parameters: int | None
    adapter_bytes: int | None
    checkpoint_bytes: int | None
    gpu_memory_bytes: int | None
    flop_per_token: float | None


def lora_parameters(shape: ModelShape, rank: int) -> int:
    """Parameters that LoRA of `rank` adds to all seven linear layers of every decoder block."""
    hidden, ffn = shape.hidden_size, shape.intermediate_size
    queries = shape.num_attention_heads * shape.head_dim
    keys = shape.num_key_value_heads * shape.head_dim
    attention = 2 * (hidden + queries) + 2 * (hidden + keys)  # q, o and k, v
    mlp = 3 * (hidden + ffn)  # gate, up, down
    return rank * (attention + mlp) * shape.num_hidden_layers


GIB: Final = 1024**3
_BF16_WEIGHTS: Final = 2
_BYTES_PER_TRAINABLE: Final = 16  # fp32 weight, gradient, Adam's two moments
_SAVED_BYTES: Final = {
    "none": (4, 12),  # fp32 weights; with Adam's two moments
    "zero2": (2, 16),  # bf16 weights; these twice, fp32 weights and two moments in the ranks' shards
}
"""Of an adapter and of a checkpoint for each trained parameter, by `deepspeed`; as measured in bench/gpu/results."""
_BYTES_PER_TOKEN: Final = {
    True: 2.16e6,
    False: 11.9e6,
}  # with and without gradient checkpointing, fitted to 86 peaks in bench/gpu/results; mostly logits
_RUNTIME_BYTES: Final = 5 * GIB  # CUDA context, NCCL buffers, fragmentation
_FLOP_PER_TOKEN: Final = (44.16e9, 0.0219e9)  # with gradient checkpointing: constant, per rank


def sizes(preset: Preset) -> Sizes:
    """Sizes of `preset`, from its model's shape."""
    shape = SHAPES.get(preset.model_name_or_path)
    if shape is None or preset.lora_target != "all":
        return Sizes(None, None, None, None, None)
    trainable = lora_parameters(shape, preset.lora_rank)
    tokens = preset.per_device_train_batch_size * preset.tokens_per_sample
    memory: int | None = None
    flop: float | None = None
    if preset.model_name_or_path != TINY_MODEL:  # the constants are fits for the 8B model
        memory = round(
            shape.total_parameters * _BF16_WEIGHTS
            + _BYTES_PER_TRAINABLE * trainable
            + _BYTES_PER_TOKEN[preset.gradient_checkpointing] * tokens
            + _RUNTIME_BYTES
        )
        flop = _FLOP_PER_TOKEN[0] + _FLOP_PER_TOKEN[1] * preset.lora_rank
    adapter, checkpoint = _SAVED_BYTES[preset.deepspeed]
    return Sizes(trainable, trainable * adapter, trainable * checkpoint, memory, flop)
