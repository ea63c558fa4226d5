"""A home that cannot be written, in a real terminal: the app opens, says so in a line, and is of use."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.terminal import Terminal
from tests.faults.disks import fill, mounted, root_only
from tests.faults.world import World, finishes, wait_until
from websight_tui.errors import StoreError
from websight_tui.runs.store import Store
from websight_tui.runs.store_opening import open_or_copy

pytestmark = [pytest.mark.xdist_group("faults-laptop"), root_only]
CONFIG = """
[clusters.demo]
host = "127.0.0.1"
port = {0.port}
user = "{0.user}"
identity_file = "{0.identity_file}"
known_hosts = "{0.known_hosts}"
transport = "paramiko"
root = "~/w"
gpus_per_node = 0
poll_floor_s = 1
python = "{1}"
"""
_NOT_THEIRS = ("XDG_", "WEBSIGHT_", "COLUMNS", "LINES")
"""Variables of who runs the tests that a person in that home has not."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, still writable."""
    yield from mounted(tmp_path / "home", "size=4m")


def history_in(home: Path) -> Path:
    return home / ".local" / "share" / "websight-tui" / "runs.sqlite"


def lived_in(world: World, home: Path) -> str:
    """Leaves a configuration and the history of a finished run there; the run's id."""
    config = home / ".config" / "websight-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(CONFIG.format(world.cluster.endpoint, sys.executable))
    there = World(world.config, history_in(home).parents[1], info=world.info, line=world.line)
    engine, keeper = there.app("websight-tui")
    run_id = there.train(engine, keeper, steps=5)
    finishes(keeper, run_id, 5)
    there.close()
    return run_id


def app_in(home: Path, temporary: Path) -> Terminal:
    """The app as somebody starts it whose home this is."""
    temporary.mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_THEIRS)}
    env |= {"HOME": str(home), "TMPDIR": str(temporary)}
    return Terminal([sys.executable, "-m", "websight_tui"], env=env)


def ends(terminal: Terminal) -> None:
    wait_until(lambda: not terminal.alive, 20, "the app ends")


def test_the_app_in_a_home_that_cannot_be_written(world: World, home: Path, tmp_path: Path) -> None:
    """It opens, says in a line why nothing is kept and what to do, shows history and queue, and submits nothing."""
    lived_in(world, home)
    subprocess.run(["mount", "-o", "remount,ro", home], check=True)
    before = world.command("squeue -h -t all -o %k").split()
    with app_in(home, tmp_path / "tmp") as terminal:
        terminal.wait("online", timeout=40)
        terminal.wait("This machine's disk is read-only: no history is kept. Set WEBSIGHT_TUI_DATA")
        terminal.wait("finished")  # what was kept before is there
        terminal.send("1")
        terminal.press("\r", "Job script")
        terminal.wait("checks failed", timeout=60)  # this cluster's Python trains nothing
        terminal.press("\r", "Submit anyway?")
        at = terminal.send("y")[1]
        terminal.wait("could not be recorded", since=at)
        terminal.press("\x1b", "Presets")
        terminal.send("q")
        ends(terminal)
        assert "Traceback" not in terminal.shown()
    assert world.command("squeue -h -t all -o %k").split() == before
    assert list((tmp_path / "tmp").iterdir()) == [], "the copy is left behind"


def test_the_app_starts_with_a_full_disk(world: World, home: Path, tmp_path: Path) -> None:
    """The same where there is no room: and a history that could not be opened for it is not taken for a damaged one."""
    run_id = lived_in(world, home)
    fill(home / "filler")
    with app_in(home, tmp_path / "tmp") as terminal:
        terminal.wait("online", timeout=40)
        terminal.wait("This machine's disk is full: no history is kept. Free some space")
        terminal.wait("finished")
        terminal.send("q")
        ends(terminal)
        assert "Traceback" not in terminal.shown()
    (home / "filler").unlink()
    assert [path.name for path in history_in(home).parent.iterdir() if "damaged" in path.name] == []
    store = Store(history_in(home))
    assert [run.spec.run_id for run in store.runs()] == [run_id]
    store.close()


def test_nothing_is_submitted_from_a_copy(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder is private, and gone once it is closed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    Store(history_in(home)).close()
    subprocess.run(["mount", "-o", "remount,ro", home], check=True)
    store = open_or_copy(history_in(home))
    assert store.unkept is not None
    assert store.path.parent.stat().st_mode & 0o077 == 0
    store.check_writable()
    with pytest.raises(StoreError, match="read-only"):
        store.must_last()
    store.close()
    assert not store.path.parent.exists()
