"""The command as a person runs it: its own configuration, history and embedded cluster, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Command:
    """`websight-tui` with its own folders.

    Args:
        folder: for configuration and history.
        program: what starts it.
        env: over the environment.
    """

    def __init__(self, folder: Path, program: list[str], env: dict[str, str]) -> None:
        self.folder, self.program = folder, program
        own = {"WEBSIGHT_TUI_CONFIG": str(folder / "config.toml"), "WEBSIGHT_TUI_DATA": str(folder / "data")}
        self.env = {**os.environ, "COLUMNS": "80", **own, **env}

    def __call__(self, *words: str, timeout: float = 280) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.program, *words],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def json(self, *words: str, ok: bool = True, timeout: float = 280) -> list[dict[str, Any]]:
        """The objects that the command printed with --json."""
        done = self(*words, "--json", timeout=timeout)
        assert not ok or done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def make_command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Command]]:
    """Makes commands, each in a folder of its own; ends their embedded clusters afterwards."""
    made: list[Command] = []

    def make(program: list[str] | None = None, **env: str) -> Command:
        folder = tmp_path_factory.mktemp("command")
        command = Command(folder, program or [sys.executable, "-m", "websight_tui"], env)
        made.append(command)
        return command

    yield make
    for command in made:
        command("demo", "--stop")


@pytest.fixture(scope="session")
def trainer_python() -> str:
    """The Python with LLaMA-Factory that the demo trains with."""
    python = os.environ.get("WEBSIGHT_TUI_TRAINER_PYTHON", str(ROOT / ".venv-trainer" / "bin" / "python"))
    if not Path(python).exists():
        pytest.skip("no trainer environment on this machine (make .venv-trainer/ready)")
    return python
