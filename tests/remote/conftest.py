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
