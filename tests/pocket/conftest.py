"""Pocket clusters for tests: one shared by a module, all stopped at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pocket.lab import Lab
from websight_tui.pocket import control
from websight_tui.pocket.control import PocketInfo

JOBS = {
    "ok.sh": "#!/bin/bash\n#SBATCH -A ingrai -J ok-job -t 5\n"
    "#SBATCH -o %x-%j.out -e %x-%j.err\n#SBATCH --gres=gpu:8\nsleep 2\n",
    "badopt.sh": "#!/bin/bash\n#SBATCH -A ingrai\n#SBATCH --gpu-count=8\nhostname\n",
    "badtime.sh": "#!/bin/bash\n#SBATCH -A ingrai\n#SBATCH --time=soon\nhostname\n",
    "noshebang.sh": "echo hello\n",
    "dos.sh": "#!/bin/bash\r\n#SBATCH -A ingrai\r\nhostname\r\n",
    "empty.sh": "",
    "sleep.sh": "#!/bin/bash\n#SBATCH -A ingrai -t 5 -J sleeper\nsleep ${1:-300}\n",
    "fail.sh": "#!/bin/bash\n#SBATCH -A ingrai -t 5 -J failjob\nexit 3\n",
}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A scheduler like the recorded lab, that starts no daemon."""
    made = Lab(tmp_path / "lab")
    for name, text in JOBS.items():
        (made.home / name).write_bytes(text.encode())
    return made


@pytest.fixture(scope="module")
def pocket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PocketInfo]:
    """A cluster at the real clock, for the module."""
    folder = tmp_path_factory.mktemp("pocket")
    yield control.start(folder, nodes=3)
    control.stop(folder)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[..., PocketInfo]]:
    """Starts clusters of the test's own."""
    folder = tmp_path / "pocket"

    def start(**options: float) -> PocketInfo:
        return control.start(folder, **options)  # type: ignore[arg-type]

    yield start
    control.stop(folder)
