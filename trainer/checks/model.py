"""Is the model at hand? Looked up as transformers would: a folder, else the hub's cache on this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from trainer.checks.finding import Finding
from trainer.spec import TINY_MODEL, Spec


def find_model(spec: Spec) -> Path | None:
    """The folder that holds the model's files, or None if it is not on this machine."""
    folder = Path(spec.model_path).expanduser()
    if folder.is_dir():
        return folder
    cached = _hub_cache() / f"models--{spec.model_path.replace('/', '--')}"
    try:
        revision = (cached / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    snapshot = cached / "snapshots" / revision
    return snapshot if snapshot.is_dir() else None


def _hub_cache() -> Path:
    """huggingface_hub's cache: HF_HUB_CACHE, else HF_HOME/hub, else ~/.cache/huggingface/hub."""
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache).expanduser()
    cache_home = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("HF_HOME", f"{cache_home}/huggingface")).expanduser() / "hub"


def check_model(spec: Spec, model: Path | None) -> Iterator[Finding]:
    """Findings about the model's files; `model` is what find_model returned."""
    name = spec.settings.model_name_or_path
    if model is None and name == TINY_MODEL:
        yield Finding("ok", "model", f"{name} will be made when the run starts")
        return
    if model is None:
        fetch = f"Fetch it on the login node first: hf download {name}"
        if os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0"):
            yield Finding("fail", "model", f"{name} is not in {_hub_cache()} and HF_HUB_OFFLINE is set", fetch)
        elif "/" not in name or name.startswith(("/", ".", "~")):
            yield Finding("fail", "model", f"{name} is neither a folder here nor a name on the hub", fetch)
        else:
            message = f"{name} is not in {_hub_cache()}: the job would download it, if its node has a network"
            yield Finding("warn", "model", message, fetch)
        return
    missing = [file for file in ("config.json", "tokenizer_config.json") if not (model / file).is_file()]
    weights = weight_files(model)
    missing += [file for file in weights if not (model / file).is_file()]
    if missing or not weights:
        what = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
        hint = f"Fetch it again (it goes on where it stopped): hf download {name}"
        yield Finding("fail", "model", f"{model} lacks {what or 'its weights (*.safetensors)'}", hint)
        return
    size = sum((model / file).stat().st_size for file in weights)
    yield Finding("ok", "model", f"{name}: {len(weights)} weight files, {size / 1e9:.1f} GB, in {model}")


def weight_files(model: Path) -> list[str]:
    """Names of the weight files, as the index lists them where there is one."""
    try:
        index = json.loads((model / "model.safetensors.index.json").read_text(encoding="utf-8"))
        return sorted({str(file) for file in index["weight_map"].values()})
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return sorted(path.name for path in model.glob("*.safetensors"))
