"""Are the libraries there, in versions that work together? Read from their metadata, nothing is imported."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from trainer.checks.finding import Finding
from trainer.spec import Settings

# The releases that this trainer was run with; LLaMA-Factory's arguments and callbacks are checked against this one.
TESTED: Final = {
    "llamafactory": "0.9.5",
    "torch": "2.13",
    "transformers": "5.6",
    "peft": "0.18",
    "trl": "0.24",
    "accelerate": "1.11",
    "datasets": "4.0",
}
NEEDED: Final = (*TESTED, "torchvision", "pillow", "av", "tokenizers", "safetensors")
INSTALL: Final = "Install the trainer's set in the Python that the job uses: pip install 'websight-tui[trainer]'."


def installed_version(package: str) -> str | None:
    """A package's version, or None if this Python does not have it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_environment(
    settings: Settings, version_of: Callable[[str], str | None] = installed_version
) -> Iterator[Finding]:
    """Findings about Python and its packages, for a run with these settings."""
    versions = {package: version_of(package) for package in NEEDED}
    if missing := [package for package, version in versions.items() if version is None]:
        yield _fail(f"{sys.executable} lacks {', '.join(missing)}", INSTALL)
    others = [
        f"{package} {versions[package]} (tested: {tested})"
        for package, tested in TESTED.items()
        if versions[package] and not f"{versions[package]}.".startswith(f"{tested}.")
    ]
    if others:
        hint = "It may work; if it fails at the start, install the tested versions."
        yield Finding("warn", "environment", f"untested versions: {', '.join(others)}", hint)
    if settings.report_to == "tensorboard" and version_of("tensorboard") is None:
        yield _fail("report_to is tensorboard, which is not installed", "pip install tensorboard, or report_to: none.")
    if settings.gpus_per_node:
        yield from _check_gpu_libraries(settings, version_of)
    if not missing and not others:
        yield Finding("ok", "environment", f"Python {sys.version.split()[0]} with the tested versions")


def _check_gpu_libraries(settings: Settings, version_of: Callable[[str], str | None]) -> Iterator[Finding]:
    if version_of("torch") and torch_cuda() is None:
        hint = "Install torch's CUDA build in this environment, or choose another Python for the cluster."
        yield _fail("torch is a CPU build, the run wants GPUs", hint)
    if settings.deepspeed == "zero2" and version_of("deepspeed") is None:
        hint = "pip install deepspeed, or set deepspeed: none; 8B LoRA fits an 80 GB GPU without it."
        yield _fail("deepspeed is set to zero2 but not installed", hint)
    if settings.flash_attn == "fa2" and version_of("flash-attn") is None:
        hint = "pip install flash-attn, or set flash_attn: sdpa to say so yourself."
        message = "flash_attn is fa2 but flash-attn is not installed: torch's own attention will be used"
        yield Finding("warn", "environment", message, hint)


def torch_cuda() -> str | None:
    """The CUDA version that torch was built for, from its version.py; None for a CPU build."""
    spec = importlib.util.find_spec("torch")
    try:
        text = Path(str(spec.origin)).with_name("version.py").read_text(encoding="utf-8") if spec else ""
    except OSError:
        return None
    match = re.search(r"^cuda\s*(?::[^=\n]*)?=\s*['\"]([\d.]+)['\"]", text, re.MULTILINE)
    return match[1] if match else None


def _fail(message: str, hint: str = "") -> Finding:
    return Finding("fail", "environment", message, hint)
