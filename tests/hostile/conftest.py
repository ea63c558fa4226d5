from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.cluster import PASSWORD, HostileCluster
from tests.hostile.terminal import Terminal


class Laptop:
    """A person's machine that knows the hostile cluster.

    Args:
        run_id: of the run that it submitted there.
    """

    def __init__(self, folder: Path, cluster: HostileCluster) -> None:
        self.folder, self.cluster = folder, cluster
        folder.mkdir()
        (folder / "config.toml").write_text(cluster.config())
        self.run_id = ""

    @property
    def env(self) -> dict[str, str]:
        own = {"WEBSIGHT_TUI_CONFIG": "config.toml", "WEBSIGHT_TUI_DATA": "data"}
        paths = {name: str(self.folder / path) for name, path in own.items()}
        return {**os.environ, **paths, "HOME": str(self.folder), "WEBSIGHT_TUI_SSH_CONFIG": "/dev/null"}

    def open(self, *words: str) -> Terminal:
        return Terminal([sys.executable, "-m", "websight_tui", *words], self.env)

    def command(self, *words: str, login: bool = True, seconds: float = 60) -> tuple[int | None, bytes]:
        """Runs a command in a terminal, answering the login's question: (exit status, what it wrote)."""
        terminal = self.open(*words)
        try:
            if login:
                terminal.wait_for("PROMPTSHOWN")
                terminal.press(PASSWORD + "\n")
            return terminal.end(seconds=seconds), bytes(terminal.written)
        finally:
            terminal.close()


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """With one run submitted to the hostile cluster, whose files are hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    cluster = HostileCluster(folder / "cluster")
    made = Laptop(folder / "laptop", cluster)
    status, written = made.command("submit", "tiny", "--cluster", "evil")
    assert status == 0, written
    (run,) = (cluster.home / "w" / "runs").iterdir()
    made.run_id = run.name
    cluster.fill(run.name)
    yield made
    cluster.stop()
