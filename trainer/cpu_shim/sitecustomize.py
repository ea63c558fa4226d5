"""Lets PyPI's CUDA build of torchvision import beside a CPU build of torch. First on PYTHONPATH, on CPU only.

Three things are missing there: the compiled operators that torchvision registers fake kernels for, torchaudio (LLaMA-
Factory imports it for sound inputs; a stub lies beside this file), and a torch.load that knows accelerate's device
name "cpu:0", without which a run of several CPU ranks cannot resume. Under a CUDA build of torch nothing is changed.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any


class _BeforeTorchvision(importlib.abc.MetaPathFinder):
    """Does its work at the moment torchvision is first imported, so that other programs pay nothing."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "torchvision":
            return None
        sys.meta_path.remove(self)
        found = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if found is not None:
            import torch

            if torch.version.cuda is None:
                _declare_operators(torch)
                _load_numbered_cpu(torch)
        return found


def _declare_operators(torch: Any) -> None:
    arguments = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    for name in ("nms", "qnms"):
        try:
            torch.library.define(f"torchvision::{name}", arguments)
        except RuntimeError:  # a CPU build of torchvision brought its own
            return


def _load_numbered_cpu(torch: Any) -> None:
    after_torchs_own = 11
    torch.serialization.register_package(
        after_torchs_own, lambda _: None, lambda storage, where: storage if str(where).startswith("cpu:") else None
    )


sys.meta_path.insert(0, _BeforeTorchvision())
