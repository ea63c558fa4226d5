"""What the trainer's tests share: the CPU shim on the path, one tiny model and data set, one trained adapter."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer.runs import write_run

CHECKOUT = Path(__file__).parents[2]
SHIM = CHECKOUT / "trainer" / "cpu_shim"


def pytest_configure() -> None:
    """torchvision's CUDA wheel on a CPU torch needs the shim, here and in the processes started from here."""
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(SHIM), str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    if str(SHIM) not in sys.path:
        sys.path.insert(0, str(SHIM))
    ran = any(type(finder).__name__ == "_BeforeTorchvision" for finder in sys.meta_path)  # in pytest-xdist's processes
    if (SHIM / "sitecustomize.py").is_file() and not ran:
        runpy.run_path(str(SHIM / "sitecustomize.py"))


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder in which tiny/ has been made."""
    pytest.importorskip("torch", reason="needs the trainer's environment")
    from trainer.tiny import ensure_tiny

    root = tmp_path_factory.mktemp("root")
    ensure_tiny(root)
    return root


@pytest.fixture(scope="session")
def adapter(tiny_root: Path) -> Path:
    """The output folder of one finished run of the tiny preset, trained as a job trains it."""
    folder = write_run(tiny_root, "trained")
    command = [sys.executable, "-m", "trainer", "train", "--run-dir", str(folder)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "out"
