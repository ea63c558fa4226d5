"""A cluster for a whole module, a line and a person's machine for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.line import Line
from tests.faults.disks import mounted
from tests.faults.world import World, make
from websight_tui.pocket import control
from websight_tui.pocket.control import PocketInfo


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PocketInfo]:
    folder = tmp_path_factory.mktemp("faults")
    yield control.start(folder / "pocket", nodes=9)
    control.stop(folder / "pocket")


@pytest.fixture
def world(cluster: PocketInfo, tmp_path: Path) -> Iterator[World]:
    now = control.status(cluster.folder) or control.start(cluster.folder, nodes=9)
    line = Line(now.endpoint.port or 0)
    there = make(now, line, tmp_path)
    try:
        yield there
    finally:
        there.close()
        line.stop()


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever breaks is an error of ours with words: nothing is logged with a traceback on the way."""
    with caplog.at_level("ERROR", logger="websight_tui"):
        yield
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 kB, here."""
    yield from mounted(tmp_path / "small", "size=600k")
