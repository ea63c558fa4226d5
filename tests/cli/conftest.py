"""Commands in processes of their own, against an embedded cluster that stands in the configuration like any other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from websight_tui.config import load_config
from websight_tui.pocket import control
from websight_tui.pocket.control import PocketInfo
from websight_tui.runs.store import Store

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Desk:
    """A person's machine: configuration and history in a folder of the test's own."""

    folder: Path
    info: PocketInfo

    def configure(self, python: str) -> None:
        """Writes the configuration; `python` is the cluster's."""
        at = self.info.endpoint
        values = {
            "host": at.host,
            "port": at.port,
            "user": at.user,
            "identity_file": at.identity_file,
            "known_hosts": at.known_hosts,
            "transport": "paramiko",
            "root": "~/w",
            "gpus_per_node": 0,
            "poll_floor_s": 0.2,
            "python": python,
            "login_shell": False,
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        self.config.write_text("\n".join(["[clusters.small]", *lines]))
        load_config(self.config)

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def store(self) -> Store:
        return Store(self.folder / "data" / "runs.sqlite")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Begins a command."""
        own = {"WEBSIGHT_TUI_CONFIG": str(self.config), "WEBSIGHT_TUI_DATA": str(self.folder / "data")}
        return subprocess.Popen(
            [sys.executable, "-m", "websight_tui", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "100", **own},
        )

    def run(self, *words: str, timeout: float = 150) -> tuple[int, str, str]:
        """(exit status, stdout, stderr) of a command."""
        process = self.start(*words)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return process.returncode, out, err

    def json(self, *words: str, timeout: float = 150) -> list[dict[str, Any]]:
        """The objects that a command printed."""
        status, out, err = self.run(*words, "--json", timeout=timeout)
        assert status == 0, out + err
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture(scope="session")
def pocket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PocketInfo]:
    folder = tmp_path_factory.mktemp("pocket")
    yield control.start(folder)
    control.stop(folder)


@pytest.fixture
def desk(tmp_path: Path, pocket: PocketInfo) -> Desk:
    made = Desk(tmp_path, pocket)
    made.configure(sys.executable)
    return made


@pytest.fixture(scope="session")
def trainer_python() -> str:
    """The Python with LLaMA-Factory and TensorBoard."""
    python = os.environ.get("WEBSIGHT_TUI_TRAINER_PYTHON", str(ROOT / ".venv-trainer" / "bin" / "python"))
    if not Path(python).exists():
        pytest.skip("no trainer environment on this machine (make .venv-trainer/ready)")
    return python
