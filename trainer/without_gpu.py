"""Makes the heavy libraries importable where torch is a CPU build (see cpu_shim), for commands typed by hand."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Final

from trainer.checks.environment import torch_cuda

SHIM: Final = Path(__file__).with_name("cpu_shim")


def use_shim() -> None:
    """Puts the shim first on the import path unless torch is a CUDA build or the shim is there already.

    A job has it on PYTHONPATH, where Python loads it by itself. Imports nothing heavy.
    """
    if str(SHIM) in sys.path or torch_cuda() is not None:
        return
    sys.path.insert(0, str(SHIM))
    runpy.run_path(str(SHIM / "sitecustomize.py"))
