"""What is published: the wheel carries the trainer and its job scripts, and runs the demo away from the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import ROOT

if TYPE_CHECKING:
    from tests.e2e.conftest import Command

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def test_it_carries_trainer_and_scripts_and_nothing_heavy(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(n for n in names if n.endswith("METADATA"))).decode()
    for path in ("trainer/train.py", "trainer/cpu_shim/sitecustomize.py", "slurm/job.sh"):
        assert f"websight_tui/_bundle/{path}" in names
    assert {"websight_tui/report/page.html", "websight_tui/report/page.css"} <= names
    assert not any("__pycache__" in name or name.startswith(("tests/", "bench/")) for name in names)
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert not any("torch" in line or "llamafactory" in line for line in required)
    assert wheel.stat().st_size < 2_000_000


def test_it_runs_the_demo_away_from_the_checkout(
    wheel: Path, tmp_path: Path, make_command: Callable[..., Command]
) -> None:
    """Its files alone on the path, with this environment's libraries: nothing of the checkout can be imported."""
    target = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    start = f"import sys; sys.path.insert(0, {str(target)!r}); from websight_tui.cli import main; sys.exit(main())"
    command = make_command([sys.executable, "-c", start], PYTHONPATH=str(target))
    where = [*command.program[:1], "-c", "import websight_tui; print(websight_tui.__file__)"]
    found = subprocess.run(where, capture_output=True, text=True, env=command.env, cwd=tmp_path, check=True)
    assert found.stdout.startswith(str(target))
    assert command.json("demo", "--headless", "--replay")[-1]["phase"] == "finished"
