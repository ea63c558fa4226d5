"""Is there room for the checkpoints, by the file system and by the user's quota?"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trainer.checks.finding import Finding
from trainer.spec import Spec

PARAMETERS_PER_RANK: Final = {"Qwen/Qwen3-VL-8B-Instruct": 2_727_936}
"""LoRA parameters for each unit of rank, for a model whose config.json is not at hand."""
BYTES_PER_PARAMETER: Final = 18
"""fp32 adapter, fp32 master copy, Adam's two moments, and a bf16 copy as ZeRO-2 keeps it; plain DDP needs 12."""
OTHER_FILES: Final = 30_000_000
"""Bytes of tokenizer and processor files in every checkpoint."""


def checkpoint_bytes(spec: Spec, model: Path | None) -> int | None:
    """Bytes of one checkpoint, at most; None if the model's shape is not known."""
    per_rank = _parameters_per_rank(model) if model else None
    per_rank = per_rank or PARAMETERS_PER_RANK.get(spec.settings.model_name_or_path)
    if per_rank is None or spec.settings.lora_target != "all":
        return None
    return per_rank * spec.settings.lora_rank * BYTES_PER_PARAMETER + OTHER_FILES


def _parameters_per_rank(model: Path) -> int | None:
    """in + out of all linear layers of the language model (arXiv:2106.09685, section 4.1), from its config.json."""
    try:
        text = json.loads((model / "config.json").read_text(encoding="utf-8"))["text_config"]
        hidden, ffn, head = (int(text[key]) for key in ("hidden_size", "intermediate_size", "head_dim"))
        queries, keys = text["num_attention_heads"] * head, text["num_key_value_heads"] * head
        block = 2 * (hidden + queries) + 2 * (hidden + keys) + 3 * (hidden + ffn)
        return int(block * text["num_hidden_layers"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def check_storage(spec: Spec, model: Path | None) -> Iterator[Finding]:
    """Findings about the file system that the checkpoints go to."""
    folder = next(path for path in (spec.out_dir, *spec.out_dir.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b"\0" * 4096)
            trial.flush()
            os.fsync(trial.fileno())
    except OSError as error:
        hint = "Free space, or choose another root folder for this cluster."
        yield Finding("fail", "storage", f"nothing can be written to {folder}: {error.strerror}", hint)
        return
    one = checkpoint_bytes(spec, model)
    if one is None:
        yield Finding("ok", "storage", f"{folder} can be written; the size of a checkpoint is not known for this model")
        return
    kept = spec.settings.save_total_limit
    need = one * (kept + 1) + one  # the newest is written before the oldest goes; and the final adapter
    rooms = [(shutil.disk_usage(folder).free, "free on its file system")]
    quota = quota_left(folder)
    rooms += [(quota, "left of your quota")] if quota is not None else []
    room, what = min(rooms)
    needs = f"{kept} checkpoints need at most {_gb(need)}"
    if room < need:
        hint = "Free space, keep fewer (save_total_limit), or choose another root folder for this cluster."
        yield Finding("fail", "storage", f"{needs}, {_gb(room)} are {what} ({folder})", hint)
    elif room < 3 * need:
        yield Finding("warn", "storage", f"{needs}, only {_gb(room)} are {what} ({folder})", "Others may fill it.")
    else:
        unknown = "" if quota is not None else "; no quota was found"
        yield Finding("ok", "storage", f"{needs}, {_gb(room)} are {what}{unknown}")


def quota_left(folder: Path) -> int | None:
    """Bytes that the user may still write to `folder`, by `lfs quota` or `quota`; None if neither tells."""
    source = _source_of(folder)
    user = getpass.getuser()
    for command, parse in (
        (["lfs", "quota", "-q", "-u", user, str(folder)], parse_quota),
        (["quota", "-w", "-u", user], lambda text: parse_quota(text, source)),
    ):
        if shutil.which(command[0]) is None:
            continue
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(command, capture_output=True, text=True, timeout=10, errors="replace", check=False)
            left = parse(done.stdout)
            if left is not None:
                return left
    return None


def parse_quota(text: str, source: str | None = None) -> int | None:
    """Bytes left in the output of `lfs quota -q` or `quota -w`: used, soft and hard limit in KiB after a name.

    Args:
        text: the command's output. A used value with a star is over its limit.
        source: the file system's name in the first column to look for; None takes the first line with numbers.

    Returns: bytes up to the hard limit (up to the soft one if there is no hard one); None if no limit is set.
    """
    for line in text.replace("\n   ", " ").splitlines():  # a long name may stand on a line of its own
        match = re.match(r"\s*(\S+)\s+(\d+)(\*?)\s+(\d+)\s+(\d+)\s", line + " ")
        if not match or (source is not None and match[1] != source):
            continue
        used, soft, hard = int(match[2]), int(match[4]), int(match[5])
        limit = hard or soft
        return max(0, limit - used) * 1024 if limit else None
    return None


def _source_of(folder: Path) -> str:
    """Device or server:/export of the file system that `folder` is on, "" if that cannot be told."""
    mounted, found = "", ""
    with contextlib.suppress(OSError):
        real = os.path.realpath(folder)
        for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
            source, mount = line.split()[:2]
            if f"{real}/".startswith(f"{mount.rstrip('/')}/") and len(mount) >= len(mounted):
                mounted, found = mount, source
    return found


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"
