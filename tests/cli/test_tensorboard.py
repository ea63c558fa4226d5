"""`websight-tui tensorboard` against the real TensorBoard on the embedded cluster."""

from __future__ import annotations

import dataclasses
import json
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Desk
from websight_tui.pocket import control
from websight_tui.presets import BUILT_IN
from websight_tui.runspec import RunSpec

EVENTS = """
import sys
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
writer = EventFileWriter(sys.argv[1])
for step in range(1, 4):
    value = Summary.Value(tag="train/loss", simple_value=3.0 / step)
    writer.add_event(Event(wall_time=1e9 + step, step=step, summary=Summary(value=[value])))
writer.close()
"""


def record_run(desk: Desk, **changes: Any) -> RunSpec:
    """A run in the history, as submitted to the cluster."""
    tiny = next(preset for preset in BUILT_IN if preset.name == "tiny")
    preset = dataclasses.replace(tiny, **changes)
    spec = RunSpec("tiny-1", f"wst-{time.time_ns()}", 1.0, "small", preset, str(desk.folder / "there"), "abc")
    store = desk.store
    store.begin_submission(spec, 1.0)
    store.close()
    return spec


def first_line(process: subprocess.Popen[str], within: float = 120) -> dict[str, Any]:
    assert process.stdout is not None
    assert process.stderr is not None
    assert select.select([process.stdout], [], [], within)[0]
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return dict(json.loads(line))


def holds(true: Callable[[], bool], within: float = 15) -> bool:
    deadline = time.monotonic() + within
    while not (answer := true()) and time.monotonic() < deadline:
        time.sleep(0.05)  # the condition lies in another process: nothing to wait on
    return answer


def tensorboards(logs: str) -> bool:
    listed = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return any("tensorboard.main" in line and logs in line for line in listed.splitlines())


def test_the_real_one_shows_the_run_and_ends_on_ctrl_c(desk: Desk, trainer_python: str) -> None:
    desk.configure(trainer_python)
    spec = record_run(desk)
    logs = f"{spec.out_dir}/runs"
    subprocess.run([trainer_python, "-c", EVENTS, logs], check=True, timeout=60)
    process = desk.start("tensorboard", "last", "--json")
    try:
        said = first_line(process)
        assert said["logs"] == logs
        with urllib.request.urlopen(f"{said['url']}data/plugin/scalars/tags", timeout=30) as answer:
            assert "train/loss" in answer.read().decode()
        assert tensorboards(logs)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (0, ""), out
    finally:
        process.kill()
    assert not tensorboards(logs)


def test_a_killed_command_leaves_nothing_on_the_login_node(desk: Desk, trainer_python: str) -> None:
    desk.configure(trainer_python)
    logs = f"{record_run(desk).out_dir}/runs"
    Path(logs).mkdir(parents=True)
    process = desk.start("tensorboard", "tiny", "--json")
    try:
        first_line(process)
        assert tensorboards(logs)
    finally:
        process.kill()
        process.communicate()
    assert holds(lambda: not tensorboards(logs))


def test_a_broken_connection_is_said(tmp_path: Path, trainer_python: str) -> None:
    desk = Desk(tmp_path, control.start(tmp_path / "pocket"))
    try:
        desk.configure(trainer_python)
        Path(f"{record_run(desk).out_dir}/runs").mkdir(parents=True)
        process = desk.start("tensorboard", "last", "--json")
        first_line(process)
    finally:
        control.stop(tmp_path / "pocket")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "broke" in err
    assert json.loads(out)["error"] == "ConnectionLost"


def test_the_wanted_port_that_is_taken_is_an_error(desk: Desk, trainer_python: str) -> None:
    desk.configure(trainer_python)
    Path(f"{record_run(desk).out_dir}/runs").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, _, err = desk.run("tensorboard", "last", "--port", str(port))
    assert status == 3
    assert f"Port {port} of this machine is in use" in err


def test_a_python_without_tensorboard_is_said_with_the_next_step(desk: Desk) -> None:
    Path(f"{record_run(desk).out_dir}/runs").mkdir(parents=True)
    status, _, err = desk.run("tensorboard", "last")
    assert status == 1
    assert "has no TensorBoard" in err
    assert f"{sys.executable} -m pip install tensorboard" in err


@pytest.mark.parametrize(("report_to", "words"), [("none", "writes no TensorBoard"), ("tensorboard", "files on small")])
def test_a_run_without_files_is_said(desk: Desk, report_to: str, words: str) -> None:
    record_run(desk, report_to=report_to)
    status, _, err = desk.run("tensorboard", "last")
    assert status == 1
    assert words in err


def test_what_is_no_port_is_a_usage_error(desk: Desk) -> None:
    status, _, err = desk.run("tensorboard", "last", "--port", "70000")
    assert status == 2
    assert "70000" in err
