"""This machine: no room, a home that is read-only, a damaged history, two apps, a killed download, a lost terminal."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disks import fill, mounted, root_only, with_quota
from tests.faults.world import KEEPALIVE_S, World, finishes, shown, trains, wait_until
from tests.runs.test_lab_runs import done
from tests.tui.conftest import screen_text, until
from websight_tui.config import Cluster
from websight_tui.pocket.control import PocketInfo
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import Endpoint, Unattended
from websight_tui.runs.engine import Engine
from websight_tui.runs.state import Link
from websight_tui.runs.store import Store
from websight_tui.tui.app import WebsightApp

pytestmark = pytest.mark.xdist_group("faults-laptop")


@root_only
def test_the_disk_here_is_full_and_has_room_again(world: World, small_disk: Path) -> None:
    """It is said; what was read is kept on the screen; with room again it goes on, and the history has no hole."""
    there = World(world.config, small_disk, info=world.info, line=world.line)
    try:
        engine, keeper = there.app()
        run_id = there.train(engine, keeper, steps=200)
        fill(small_disk / "filler")
        assert keeper.wait(lambda s: s.unwritten is not None, 30), keeper.state.clusters
        assert keeper.state.unwritten is not None
        assert keeper.state.unwritten.word == "disk full"
        seen = len(shown(keeper.state.runs[run_id]))
        plan = there.plan(1, 0.1)
        engine.submit(plan)
        answer = done(keeper, "submit", 20)
        assert not answer.ok
        assert "history" in answer.message
        assert plan.spec.token not in world.command("squeue -h -t all -o %k")
        (small_disk / "filler").unlink()
        assert keeper.wait(lambda s: s.unwritten is None, 30), keeper.state.unwritten
        assert keeper.state.clusters["demo"].link is Link.ONLINE
        finishes(keeper, run_id, 200)
        assert seen
        there.intact(keeper)
        engine.close()
        _, again = there.app(connect=False)
        assert shown(again.state.runs[run_id]) == list(range(1, 201)), "the history has a hole"
    finally:
        there.close()


@root_only
def test_a_quota_here_is_used_up_and_raised(world: World, tmp_path: Path) -> None:
    """EDQUOT from the kernel, an I/O error to SQLite: it is told by its name, and got over like a full disk."""
    for quota in with_quota(tmp_path / "home", tmp_path / "image"):
        there = World(world.config, quota.folder, info=world.info, line=world.line)
        engine, keeper = there.app()
        run_id = there.train(engine, keeper, steps=200)
        quota.limit("1M")
        fill(quota.folder / "filler")
        assert keeper.wait(lambda s: s.unwritten is not None, 30), keeper.state.clusters
        assert keeper.state.unwritten is not None
        assert keeper.state.unwritten.word == "quota full", keeper.state.unwritten
        quota.limit("none")
        assert keeper.wait(lambda s: s.unwritten is None, 30), keeper.state.unwritten
        finishes(keeper, run_id, 200)
        there.intact(keeper)
        engine.close()
        _, again = there.app(connect=False)
        assert shown(again.state.runs[run_id]) == list(range(1, 201)), "the history has a hole"
        there.close()


def test_files_may_not_grow_here(world: World) -> None:
    """The same without root: an app in a process of its own, whose files may not grow beyond a size (RLIMIT_FSIZE)."""
    world.app(connect=False)[0].close()
    size = max(path.stat().st_size for path in (world.folder / "app").iterdir())
    order = order_of(world, "app")
    code = f"""
import json, resource, signal, sys
from tests.faults.test_laptop import world_of
from tests.faults.world import finishes, online
there = world_of(json.loads({json.dumps(json.dumps(order))}))
engine, keeper = there.app("app")
run_id = there.train(engine, keeper, steps=100)
usual = resource.getrlimit(resource.RLIMIT_FSIZE)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, usual[1]))
assert keeper.wait(lambda s: s.unwritten is not None, 30), keeper.state.clusters
assert "history" in keeper.state.unwritten.message
resource.setrlimit(resource.RLIMIT_FSIZE, usual)
online(keeper)
finishes(keeper, run_id, 100)
engine.close()
engine, again = there.app("app", connect=False)
assert [int(s) for g in again.state.runs[run_id].log.segments for s in g.columns.step] == list(range(1, 101))
print("whole", run_id)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=110, check=False)
    assert "whole" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr


def order_of(world: World, name: str) -> dict[str, object]:
    endpoint = world.cluster.endpoint
    return {
        "folder": str(world.folder),
        "cluster_folder": str(world.info.folder) if world.info else "",
        "port": endpoint.port,
        "user": endpoint.user,
        "identity_file": endpoint.identity_file,
        "known_hosts": endpoint.known_hosts,
        "name": name,
    }


def world_of(order: dict[str, str]) -> World:
    """In another process: the world of `order_of`, its line held by the process that made it."""
    import dataclasses

    from websight_tui.config import load_config
    from websight_tui.pocket import control

    endpoint = Endpoint(
        host="127.0.0.1",
        transport="paramiko",
        port=int(order["port"]),
        user=order["user"],
        identity_file=order["identity_file"],
        known_hosts=order["known_hosts"],
        use_ssh_config=False,
    )
    cluster = Cluster("demo", endpoint, root="~/w", gpus_per_node=0, poll_floor_s=0.2, python=sys.executable)
    folder = Path(order["folder"])
    config = dataclasses.replace(load_config(folder / "none"), clusters={"demo": cluster})
    return World(config, folder, info=control.status(Path(order["cluster_folder"])))


def test_two_apps_on_one_history_watch_the_same_run(world: World) -> None:
    engine, keeper = world.app("shared")
    run_id = world.train(engine, keeper, steps=60)
    _, second = world.app("shared")
    trains(second, run_id)
    finishes(keeper, run_id, 60)
    finishes(second, run_id, 60)
    world.intact(keeper)
    world.intact(second)
    _, later = world.app("shared", connect=False)
    assert shown(later.state.runs[run_id]) == list(range(1, 61))


@pytest.mark.parametrize("damage", ["garbage", "torn"])
async def test_a_damaged_history_is_put_aside_and_the_screen_says_so(world: World, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "data" / "runs.sqlite"
    Store(path).close()
    old = path.read_bytes()
    path.write_bytes(b"\x00garbage" * 4096 if damage == "garbage" else old[: len(old) // 2])

    def factory(emit: object) -> Engine:
        return Engine(world.config, Store(path), open_transport=world.open, emit=emit)  # type: ignore[arg-type]

    app = WebsightApp(world.config, factory, initial_cluster="demo")
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until(pilot, lambda: "damaged" in screen_text(app), "the screen says so", seconds=30)
        await until(pilot, lambda: app.cluster_view and app.cluster_view.link is Link.ONLINE, "online", seconds=30)
        assert "Traceback" not in screen_text(app)
    (aside,) = [one for one in path.parent.iterdir() if "damaged" in one.name and one.suffix not in ("-wal", "-shm")]
    assert aside.read_bytes() == (b"\x00garbage" * 4096 if damage == "garbage" else old[: len(old) // 2])


def test_a_history_that_is_damaged_while_the_app_runs(world: World) -> None:
    """Nothing is submitted twice, the trouble is told in words, the next start puts the file aside."""
    engine, keeper = world.app("hurt")
    run_id = world.train(engine, keeper, steps=60)
    path = world.folder / "hurt" / "runs.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as stream:
        stream.seek(0)
        stream.write(os.urandom(8192))
    assert keeper.wait(lambda s: len(shown(s.runs[run_id])) > 0, 5)
    engine.close()
    again, second = world.app("hurt")
    assert "put aside" in again.store.note
    assert second.state.clusters["demo"].link is Link.ONLINE
    tokens = world.command("squeue -h -t all -o %k").split()
    assert tokens.count(keeper.state.runs[run_id].spec.token) == 1


@root_only
def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    """The command says what and where, without a traceback, and asks for another folder."""
    for folder in mounted(tmp_path / "home", "size=64k,ro"):
        done = websight("status", HOME=str(folder), XDG_DATA_HOME=str(folder / "data"), XDG_CONFIG_HOME=str(folder))
        assert done.returncode != 0
        assert "Traceback" not in done.stderr + done.stdout
        assert str(folder) in done.stderr, done.stderr


def test_a_data_folder_that_is_none(tmp_path: Path) -> None:
    """The same without root: a file stands where the folder should be."""
    (tmp_path / "data").write_text("in the way")
    done = websight("status", WEBSIGHT_TUI_DATA=str(tmp_path / "data" / "inside"))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr + done.stdout
    assert "data" in done.stderr


def websight(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    command = [sys.executable, "-m", "websight_tui", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_download_is_killed_and_the_next_one_goes_on(
    cluster: PocketInfo, world: World, tmp_path: Path, share: float
) -> None:
    """kill -9 at three places of a file; the rest comes later, and every byte is right."""
    size = 6_000_000
    source = cluster.home / f"adapter-{share}"
    source.write_bytes(os.urandom(size))
    target = tmp_path / "adapter"
    code = f"""
import json, os, sys
from pathlib import Path
from tests.faults.test_laptop import world_of
from websight_tui.remote.port import Unattended
transport = world_of(json.loads({json.dumps(json.dumps(order_of(world, "x")))})).open
transport = transport(world_of(json.loads({json.dumps(json.dumps(order_of(world, "x")))})).cluster)
transport.connect(Unattended())
def progress(done, total):
    if done >= {share} * total:
        os.kill(os.getpid(), 9)
transport.download({str(source)!r}, Path({str(target)!r}), progress=progress)
"""
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert not target.exists()
    assert world.line is not None
    before = world.line.passed[-1]
    transport = open_transport(world.cluster.endpoint)
    transport.connect(Unattended())
    transport.download(str(source), target)
    transport.close()
    assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(source.read_bytes()).digest()
    assert not target.with_name("adapter.part").exists()
    if share > 0.9:
        assert world.line.passed[-1] < size / 2, (before, "the whole file was fetched again")


class Terminal:
    """The app in a terminal of its own, on the embedded cluster."""

    def __init__(self, config: Path, data: Path) -> None:
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.environ |= {
                "TERM": "xterm-256color",
                "COLUMNS": "120",
                "LINES": "36",
                "WEBSIGHT_TUI_CONFIG": str(config),
                "WEBSIGHT_TUI_DATA": str(data),
            }
            os.execv(sys.executable, [sys.executable, "-m", "websight_tui", "--cluster", "pocket"])
        os.set_blocking(self.screen, False)
        self.seen = b""

    def read(self) -> bytes:
        try:
            while data := os.read(self.screen, 65536):
                self.seen += data
        except OSError:
            pass
        return self.seen

    def ended(self, within_s: float) -> int | None:
        """The wait status; None if it still runs."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return status
            time.sleep(0.05)  # another process
        return None


@pytest.fixture
def terminal(world: World, tmp_path: Path) -> Iterator[Terminal]:
    endpoint = world.cluster.endpoint
    config = tmp_path / "config.toml"
    config.write_text(
        f"""[clusters.pocket]
host = "127.0.0.1"
port = {endpoint.port}
user = "{endpoint.user}"
identity_file = "{endpoint.identity_file}"
known_hosts = "{endpoint.known_hosts}"
transport = "paramiko"
"""
    )
    app = Terminal(config, tmp_path / "data")
    yield app
    try:
        os.kill(app.pid, signal.SIGKILL)
        os.waitpid(app.pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


@pytest.mark.parametrize("how", ["SIGHUP", "closed"])
def test_the_terminal_is_gone(world: World, terminal: Terminal, tmp_path: Path, how: str) -> None:
    """The app ends at once, leaves no process behind, and its history is whole."""
    wait_until(lambda: b"Presets" in terminal.read(), 40, "the first screen")
    if how == "SIGHUP":
        os.kill(terminal.pid, signal.SIGHUP)
    else:
        os.close(terminal.screen)
    assert terminal.ended(15) is not None, "it still runs"
    assert b"Traceback" not in terminal.seen
    store = Store(tmp_path / "data" / "runs.sqlite")
    assert store.note == ""
    store.close()


def test_the_app_sleeps_longer_than_its_keepalives_on_a_line_that_died(world: World) -> None:
    """SIGSTOP for five times as long as a keepalive waits, while the line goes silent: it notices when it wakes."""
    code = f"""
import json
from tests.faults.test_laptop import world_of
from tests.faults.world import finishes, is_not_online, online
there = world_of(json.loads({json.dumps(json.dumps(order_of(world, "app")))}))
engine, keeper = there.app("app")
run_id = there.train(engine, keeper, steps=150, pause=0.1)
print("trains", flush=True)
is_not_online(keeper)
print("lost", flush=True)
online(keeper)
finishes(keeper, run_id, 150)
assert keeper.state.runs[run_id].problems == ()
there.intact(keeper)
print("whole", flush=True)
engine.close()
"""
    assert world.line is not None
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as app:
        assert app.stdout is not None
        assert app.stderr is not None
        assert app.stdout.readline() == b"trains\n", app.stderr.read()
        app.send_signal(signal.SIGSTOP)
        world.line.weather.half_open_after = 0
        time.sleep(5 * KEEPALIVE_S)  # what is tested is that nothing happens meanwhile
        app.send_signal(signal.SIGCONT)
        lost = app.stdout.readline()
        world.line.weather.half_open_after = None
        out, err = app.communicate(timeout=90)
        assert (lost, out) == (b"lost\n", b"whole\n"), err.decode()
        assert b"Traceback" not in err, err.decode()


def test_the_app_is_stopped_and_goes_on(world: World, terminal: Terminal) -> None:
    """SIGSTOP and SIGCONT, as a suspended machine; the connection is cut meanwhile."""
    wait_until(lambda: b"online" in terminal.read(), 40, "online")
    os.kill(terminal.pid, signal.SIGSTOP)
    assert world.line is not None
    world.line.cut()
    time.sleep(1.0)
    logins = len(world.line.passed)
    os.kill(terminal.pid, signal.SIGCONT)
    line = world.line
    wait_until(lambda: len(line.passed) > logins, 40, "a new login by itself")
    assert b"Traceback" not in terminal.read()
    assert terminal.ended(0.1) is None
