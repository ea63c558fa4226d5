"""The scheduler behind every way to a cluster: submitted once, seen, cancelled, accounted for."""

from __future__ import annotations

import contextlib
import os
import pty
import secrets
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.contract.conftest import Place
from websight_tui.remote.openssh_command import terminal_command
from websight_tui.slurm_commands import commands, failures, parse
from websight_tui.slurm_commands.model import Job

SCRIPT = """#!/bin/bash
#SBATCH --output={folder}/%j.out --time=5 --nodes=1 --mem=100M {options}
echo "started on $(hostname)"
{work}
"""


@pytest.fixture
def cluster(place: Place) -> Iterator[Place]:
    if not place.scheduler:
        pytest.skip("no scheduler there")
    with place.awake():
        yield place


def submit(place: Place, work: str, option: str = "") -> str:
    """Submits a job and returns its id."""
    token = f"wst-{secrets.token_hex(6)}"
    path = f"{place.folder}/{token}.sh"
    options = f"--account={place.account} {option}" if place.account else option
    place.transport.upload(SCRIPT.format(folder=place.folder, work=work, options=options).encode(), path, mode=0o755)
    command = commands.submit(f"{place.folder}/{token}", path, token=token, job_name=f"{token}-contract")
    result = place.transport.exec(command, timeout=commands.SUBMIT_TIMEOUT_S)
    assert result.exit == 0, result.stderr
    assert place.transport.exec(command, timeout=60).exit == commands.ALREADY_CLAIMED
    return parse.parse_submitted(result.stdout)


def queued(place: Place, job_id: str) -> Job | None:
    result = place.transport.exec(commands.queue(), timeout=commands.QUERY_TIMEOUT_S)
    assert (result.exit, result.stderr) == (0, "")
    return next((job for job in parse.parse_queue(result.stdout) if job.job_id == job_id), None)


def until(find: Callable[[], Job | None], state: str, seconds: float = 40.0) -> Job:
    """The job once it is in `state`."""
    deadline, job = time.monotonic() + seconds, find()
    while (job is None or job.state != state) and time.monotonic() < deadline:
        threading.Event().wait(0.2)
        job = find()
    assert job is not None
    assert job.state == state
    return job


def test_a_job_runs_and_is_cancelled(cluster: Place) -> None:
    job_id = submit(cluster, "sleep 60")
    job = until(lambda: queued(cluster, job_id), "RUNNING")
    assert job.name.endswith("-contract")
    assert job.time_limit_s == 300
    assert job.work_dir
    shown = cluster.transport.exec(commands.show_job(job_id), timeout=30)
    assert parse.parse_show_job(shown.stdout)["StdOut"] == f"{cluster.folder}/{job_id}.out"
    assert cluster.transport.exec(commands.cancel([job_id]), timeout=30).exit == 0
    until(lambda: queued(cluster, job_id), "CANCELLED")


def test_its_output_is_read_and_its_end_is_known(cluster: Place) -> None:
    job_id = submit(cluster, "exit 3")
    until(lambda: queued(cluster, job_id), "FAILED")
    chunk = cluster.transport.read(f"{cluster.folder}/{job_id}.out", 0, 1000)
    assert chunk is not None
    assert chunk.data.startswith(b"started on ")
    command = commands.accounting([job_id])
    result = cluster.transport.exec(command, timeout=30)
    if cluster.scheduler == "bare":
        assert result.exit == 1
        assert failures.no_accounting(result.stderr)
        return

    def accounted() -> Job | None:
        rows = parse.parse_accounting(cluster.transport.exec(command, timeout=30).stdout)
        return next((job for job in rows if job.job_id == job_id), None)

    assert until(accounted, "FAILED").exit_code == "3:0"


def test_the_waiting_tasks_of_an_array_are_held_and_cancelled(cluster: Place) -> None:
    job_id = submit(cluster, "sleep 60", "--array=0-150:2%1")
    running = f"{job_id}_0"
    until(lambda: queued(cluster, running), "RUNNING")

    def waiting() -> Job | None:
        rows = parse.parse_queue(cluster.transport.exec(commands.queue(), timeout=commands.QUERY_TIMEOUT_S).stdout)
        return next((job for job in rows if job.job_id.startswith(f"{job_id}_[")), None)

    row = until(waiting, "PENDING")
    shown = cluster.transport.exec(commands.show_job(row.job_id), timeout=30)
    assert parse.parse_show_job(shown.stdout)["ArrayJobId"] == job_id
    held = cluster.transport.exec(commands.hold(row.job_id), timeout=30)
    assert held.exit == 0, held.stderr
    row = until(waiting, "PENDING")
    assert row.reason in ("JobHeldUser", "JobArrayTaskLimit")
    cancelled = cluster.transport.exec(commands.cancel([row.job_id]), timeout=30)
    assert cancelled.exit == 0, cancelled.stderr
    assert queued(cluster, running) is not None
    assert cluster.transport.exec(commands.cancel([job_id]), timeout=30).exit == 0
    until(lambda: queued(cluster, running), "CANCELLED")


def test_a_wrong_account_is_rejected_in_words(cluster: Place) -> None:
    if cluster.scheduler == "bare":
        pytest.skip("without accounting every account is taken")
    result = cluster.transport.exec("sbatch --account=nosuch --wrap true", timeout=30)
    assert result.exit == 1
    assert "account" in failures.submit_failure(result.exit, result.stderr).message.lower()


def test_a_shell_inside_a_running_job(cluster: Place) -> None:
    """What the app hands the terminal to: ssh, a terminal on the node, the job's environment, the shell's status."""
    if cluster.scheduler == "pocket":
        pytest.skip("the embedded cluster has no shells in its jobs")
    if cluster.asks:
        pytest.skip("nobody answers this login's questions on the terminal")
    job_id = submit(cluster, "sleep 60")
    until(lambda: queued(cluster, job_id), "RUNNING")
    ours, theirs = pty.openpty()
    shell = subprocess.Popen(
        terminal_command(cluster.endpoint, commands.shell_in(job_id)), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        os.write(ours, b'test -t 0 && echo "a terminal in $((SLURM_JOB_ID + 0))."; exit 7\n')
        said = read_until(ours, f"a terminal in {job_id}.")
        assert shell.wait(20) == 7, said
    finally:
        shell.kill()
        os.close(ours)
        cluster.transport.exec(commands.cancel([job_id]), timeout=30)


def read_until(terminal: int, wanted: str, seconds: float = 30.0) -> str:
    """What the terminal shows until `wanted` is there."""
    said, deadline = "", time.monotonic() + seconds
    with contextlib.suppress(OSError):  # the end of a terminal
        while wanted not in said and time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.5)[0]:
                said += os.read(terminal, 4096).decode(errors="replace")
    assert wanted in said, said
    return said
