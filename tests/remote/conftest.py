from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.remote.servers import Server


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts SSH servers with given rules; all are stopped afterwards."""
    running: list[Server] = []

    def start(name: str = "server", *, known: bool = True, **rules: Any) -> Server:
        server = Server(tmp_path / name, **rules)
        running.append(server)
        if known:
            server.know()
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    return make_server()


@pytest.fixture
def ssh_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes the SSH configuration that the app reads instead of the user's own."""

    def write(text: str) -> Path:
        path = tmp_path / "ssh_config"
        path.write_text(text)
        monkeypatch.setenv("WEBSIGHT_TUI_SSH_CONFIG", str(path))
        return path

    return write
