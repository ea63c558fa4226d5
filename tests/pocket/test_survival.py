"""What outlives what: clients, the daemon, jobs, and nothing after a stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pocket.login import Login, wait_for
from websight_tui.pocket import control
from websight_tui.pocket.control import PocketError, PocketInfo
from websight_tui.pocket.processes import identity

Start = Callable[..., PocketInfo]


def crash(info: PocketInfo) -> None:
    """kill -9 for the daemon."""
    os.kill(info.pid, signal.SIGKILL)
    assert wait_for(lambda: control.status(info.folder) is None)


def test_a_killed_daemon_finds_its_jobs_again(fresh: Start) -> None:
    info = fresh()
    with Login(info) as login:
        ended = login.submit("#!/bin/bash\nwhile [ ! -e go ]; do sleep 0.02; done; exit 7\n")
        going = login.submit("#!/bin/bash\nsleep 64.5\n")
        waiting = login.submit("#!/bin/bash\ntrue\n", "--hold --comment=kept")
        assert wait_for(lambda: login.run("squeue -h -t R -o %i").out.count("\n") == 2)
    crash(info)
    (info.home / "go").touch()
    spool = info.folder / "spool" / f"{ended}.0"
    assert wait_for(lambda: (spool / "status").exists())
    again = fresh()
    assert again.pid != info.pid
    assert again.endpoint == info.endpoint
    with Login(again) as login:
        assert login.ended(ended) == "FAILED 7:0"
        assert login.run(f"squeue -h -j {going} -o %T").out == "RUNNING\n"
        assert login.run(f"squeue -h -j {waiting} -o '%r|%k'").out == "JobHeldUser|kept\n"
        login.run(f"scancel {going}")
        assert login.ended(going).startswith("CANCELLED")
        assert int(login.submit("#!/bin/bash\ntrue\n")) > int(waiting)


def test_a_terminated_daemon_leaves_jobs_running(fresh: Start) -> None:
    info = fresh()
    with Login(info) as login:
        job = login.submit("#!/bin/bash\nsleep 0.8; exit 5\n")
        assert wait_for(lambda: login.run("squeue -h -t R -o %i").out)
    os.kill(info.pid, signal.SIGTERM)
    assert wait_for(lambda: control.status(info.folder) is None)
    with Login(fresh()) as login:
        assert login.ended(job) == "FAILED 5:0"


@pytest.mark.parametrize("crashed", [False, True])
def test_stop_ends_jobs_and_daemon(tmp_path: Path, crashed: bool) -> None:
    info = control.start(tmp_path / "pocket")
    with Login(info) as login:
        login.submit("#!/bin/bash\ntrap '' TERM\nsetsid sleep 65.5 & sleep 66.5 & while :; do wait; done\n")
        assert wait_for(lambda: "sleep 66.5" in login.run("ps -A -o args").out)
    if crashed:
        crash(info)
    control.stop(info.folder, timeout=1)
    assert control.status(info.folder) is None
    assert identity(info.pid) is None
    processes = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert "sleep 65.5" not in processes
    assert "sleep 66.5" not in processes
    assert str(info.folder) not in processes
    control.stop(info.folder)


def test_a_recycled_pid_is_not_hit(tmp_path: Path) -> None:
    folder = tmp_path / "pocket"
    folder.mkdir()
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    facts = {"pid": stranger.pid, "identity": "another", "port": 1, "user": "x", "clock_factor": 1.0, "nodes": 2}
    (folder / "pocket.json").write_text(json.dumps(facts))
    assert control.status(folder) is None
    control.stop(folder)
    assert stranger.poll() is None
    stranger.communicate(b"\n")


def test_a_start_that_cannot_work_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PocketError, match="cannot use"):
        control.start(tmp_path / "file")
    with pytest.raises(PocketError, match="clock factor"):
        control.start(tmp_path / "pocket", clock_factor=0)


def test_starts_at_the_same_moment_make_one_cluster(tmp_path: Path) -> None:
    folder = tmp_path / "pocket"
    code = "import sys, pathlib as p, websight_tui.pocket.control as c; print(c.start(p.Path(sys.argv[1])).pid)"
    starts = [
        subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    try:
        pids = {start.communicate(timeout=30)[0].strip() for start in starts}
        assert len(pids) == 1
        assert control.status(folder) is not None
    finally:
        control.stop(folder)


def test_long_paths_and_spaces_work(tmp_path: Path) -> None:
    folder = tmp_path / ("deep " * 15).strip() / ("er" * 30)
    info = control.start(folder)
    try:
        with Login(info) as login:
            job = login.submit("#!/bin/bash\nsqueue -h -o %T\n")
            assert login.ended(job) == "COMPLETED 0:0"
            assert login.run(f"cat slurm-{job}.out").out == "RUNNING\n"
    finally:
        control.stop(folder)


def test_many_jobs(fresh: Start) -> None:
    with Login(fresh(nodes=8)) as login:
        array = login.submit("#!/bin/sh\ntrue\n", "-p short -a 0-79")
        held = login.run("for i in $(seq 40); do sbatch --hold -J many --wrap true; done | wc -l").out.strip()
        assert held == "40"
        assert wait_for(lambda: not login.run(f"squeue -h -t PD,R,CG -j {array}").out, within=40)
        states = login.run(f"sacct -nPX -j {array} -o State").out.split()
        assert states == ["COMPLETED"] * 80
        login.run("scancel -n many")
        assert login.run("squeue -h").out == ""


def test_a_job_whose_wrapper_vanished_is_not_thought_running(fresh: Start) -> None:
    info = fresh()
    with Login(info) as login:
        job = login.submit("#!/bin/bash\nsleep 67.5\n", "--no-requeue")
        spool = info.folder / "spool" / f"{job}.0"
        assert wait_for(lambda: (spool / "pid").exists())
        wrapper, batch = (spool / "pid").read_text().split()
        os.kill(int(wrapper), signal.SIGKILL)
        os.kill(int(batch), signal.SIGKILL)
        assert login.ended(job) == "NODE_FAIL 0:0"
