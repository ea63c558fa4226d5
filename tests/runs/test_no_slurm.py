"""A machine without Slurm: connected, and it says why there is no queue."""

from __future__ import annotations

from pathlib import Path

import pytest

from websight_tui.config import LOCAL, load_config
from websight_tui.remote.local import LocalTransport
from websight_tui.runs.engine import Engine
from websight_tui.runs.keeper import Keeper
from websight_tui.runs.state import Link
from websight_tui.runs.store import Store


def test_without_squeue_the_reason_and_the_next_step_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "printf", "date"):  # all that the connection itself needs
        (tools / name).symlink_to(Path("/bin") / name if (Path("/bin") / name).exists() else Path("/usr/bin") / name)
    monkeypatch.setenv("PATH", str(tools))
    keeper = Keeper()
    engine = Engine(
        load_config(tmp_path / "none.toml"),
        Store(tmp_path / "runs.sqlite"),
        open_transport=lambda _: LocalTransport(login_shell=False),
        emit=keeper,
    )
    try:
        engine.load()
        engine.connect(LOCAL)
        assert keeper.wait(lambda s: bool(s.clusters[LOCAL].scheduler_error), 20), keeper.state.clusters
        view = keeper.state.clusters[LOCAL]
        assert view.link is Link.ONLINE
        assert view.queue_at is None
        assert "not on the PATH" in view.scheduler_error
        assert "login node" in view.scheduler_error, "what to do about it"
    finally:
        engine.close()
