"""The parts of the pocket cluster that need no process: times, words, placement, dependencies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pocket.lab import LAB, TRAINEE
from websight_tui.pocket import processes
from websight_tui.pocket.dependencies import Answer, is_valid, judge
from websight_tui.pocket.environment import compress_nodes, expand_nodes, output_paths, ranges
from websight_tui.pocket.getopt_long import Options, table
from websight_tui.pocket.model import CommandError, Job, job_from_data, job_to_data
from websight_tui.pocket.placement import FOREVER, expected_place, plan
from websight_tui.pocket.times import (
    UNLIMITED,
    Clock,
    long_duration,
    parse_limit,
    parse_moment,
    short_duration,
)

UTC = {"TZ": "UTC"}


def job(number: int, **values: object) -> Job:
    base: dict[str, object] = {"name": "j", "account": "demo", "partition": "gpu", "work_dir": "/w", "command": "c"}
    return Job(job_id=number, **{**base, "time_limit": 60, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90", 90),
        ("1:30", 2),
        ("1:30:00", 90),
        ("1-2", 1560),
        ("1-02:03:04", 1564),
        ("0", UNLIMITED),
        ("-1", UNLIMITED),
    ],
)
def test_limits(text: str, minutes: int) -> None:
    assert parse_limit(text) == minutes


@pytest.mark.parametrize("text", ["soon", "", "1:2:3:4", "1.5", "-5"])
def test_wrong_limits(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        parse_limit(text)


def test_durations() -> None:
    assert [short_duration(s) for s in (0, 599, 5400, 93_840, -1)] == [
        "0:00",
        "9:59",
        "1:30:00",
        "1-02:04:00",
        "INVALID",
    ]
    assert [long_duration(s) for s in (300, 93_840)] == ["00:05:00", "1-02:04:00"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", 1_795_424_236),
        ("now+1hour", 1_795_427_836),
        ("now-3minutes", 1_795_424_056),
        ("now+90", 1_795_424_326),
        ("today", 1_795_392_000),
        ("2026-11-23T08:58:00", 1_795_424_280),
        ("2026-11-23", 1_795_392_000),
        ("08:00", 1_795_420_800),
        ("uts1795424236", 1_795_424_236),
    ],
)
def test_moments(text: str, moment: int) -> None:
    assert parse_moment(text, 1_795_424_236, UTC) == moment


def test_a_fast_clock_is_straight() -> None:
    now = time.time()
    clock = Clock(now, 1000.0, 60.0)
    assert clock.at(now + 2) == pytest.approx(1120)
    assert clock.real_delay(clock.now() + 120) == pytest.approx(2, abs=0.1)
    assert clock.real_delay(0) == 0


def test_getopt() -> None:
    options = Options("prog", *table("hold/H", "time/t ntasks/n ntasks-per-node", "nice"), bad_exit=255)
    assert options.parse(["-Ht5", "--time", "6", "--nice", "file", "--ntasks=2", "--", "-x"]) == (
        [("hold", None), ("time", "5"), ("time", "6"), ("nice", None), ("ntasks", "2")],
        ["file", "-x"],
    )
    for words, text in [
        (["--tim"], "option '--time' requires an argument"),
        (["--hold=1"], "option '--hold' doesn't allow an argument"),
        (["-x"], "invalid option -- 'x'"),
        (["-t"], "option requires an argument -- 't'"),
        (["--n"], "option '--n' is ambiguous; possibilities: '--ntasks' '--ntasks-per-node' '--nice'"),
    ]:
        with pytest.raises(CommandError) as caught:
            options.parse(words)
        assert caught.value.err == f'prog: {text}\nTry "prog --help" for more information\n'
        assert caught.value.exit == 255


@given(st.sets(st.integers(0, 99), min_size=1))
def test_node_lists_come_back(numbers: set[int]) -> None:
    names = [f"pocket{n:02}" for n in sorted(numbers)]
    assert expand_nodes(compress_nodes(names)) == names


def test_ranges() -> None:
    assert ranges([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"


def test_output_names() -> None:
    made = job(7, name="run", stdout="%x-%j-%4j-%%-%u-%N.out", node_list=["gpu02"])
    assert output_paths(made, TRAINEE) == ("/w/run-7-0007-%-trainee-gpu02.out",) * 2
    task = job(9, array_job_id=7, array_task_id=3, stderr="/e/%A_%a")
    assert output_paths(task, TRAINEE) == ("/w/slurm-7_3.out", "/e/7_3")


def test_a_job_survives_the_disk() -> None:
    made = job(3, signal=(10, 300, True), batch_exit=(1, 0), node_list=["gpu01"], past=[{"state": "REQUEUED"}])
    assert job_from_data({**job_to_data(made), "of a later version": 1}) == made


def test_backfill_never_delays_the_first() -> None:
    running = [job(i, gpus=8, state="RUNNING", start=0.0, node_list=[f"gpu0{i}"], time_limit=60 * i) for i in (1, 2, 3)]
    big, long, short = job(10, nodes=2, gpus=8), job(11, gpus=8, time_limit=120), job(12, gpus=8, time_limit=30)
    starts, reasons = plan([big, long, short], LAB, running, 0.0)
    assert [(j.job_id, nodes) for j, nodes in starts] == [(12, ["gpu04"])]
    assert reasons == {10: "Resources", 11: "Priority"}
    assert expected_place(big, LAB, running, 0.0) == (3600.0, ["gpu01", "gpu04"])
    assert expected_place(job(13, nodes=5), LAB, running, 0.0) == (FOREVER, [])


def test_whole_nodes() -> None:
    shared = job(1, state="RUNNING", start=0.0, node_list=["gpu01", "gpu02", "gpu03"], nodes=3)
    starts, _ = plan([job(2, exclusive=True), job(3, exclusive=True)], LAB, [shared], 0.0)
    assert [(j.job_id, nodes) for j, nodes in starts] == [(2, ["gpu04"])]
    assert plan([job(4)], LAB, [shared], 0.0, down=["gpu01", "gpu02", "gpu03"])[0][0][1] == ["gpu04"]


@pytest.mark.parametrize(
    ("wish", "answer"),
    [
        ("afterok:1", Answer.MET),
        ("afterok:2", Answer.NEVER),
        ("afterok:3", Answer.WAIT),
        ("afterok:1:3", Answer.WAIT),
        ("afterok:2,afterany:3", Answer.NEVER),
        ("afterok:2?afterany:3", Answer.WAIT),
        ("afterok:2?afternotok:2", Answer.MET),
        ("after:3", Answer.MET),
        ("after:3+10", Answer.WAIT),
        ("afterok:99", Answer.MET),
    ],
)
def test_dependencies(wish: str, answer: Answer) -> None:
    others = {
        1: job(1, state="COMPLETED", start=0.0, end=1.0),
        2: job(2, state="FAILED", start=0.0, end=1.0),
        3: job(3, state="RUNNING", start=0.0),
    }
    assert is_valid(wish)
    assert judge(job(9, dependency=wish), lambda n: [others[n]] if n in others else [], others.values(), 5.0) is answer


@pytest.mark.parametrize("wish", ["foo:1", "afterok", "afterok:x", "afterok:1,,2"])
def test_wrong_dependencies(wish: str) -> None:
    assert not is_valid(wish)


@pytest.mark.parametrize("proc", ["/proc", "/nonexistent"])
def test_processes_with_and_without_proc(monkeypatch: pytest.MonkeyPatch, proc: str) -> None:
    monkeypatch.setattr(processes, "_PROC", Path(proc))
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        known = processes.identity(child.pid)
        assert known
        assert known == processes.identity(child.pid)
        assert processes.table()[child.pid][0] == os.getpid()
        assert child.pid in processes.family([os.getpid()])
    finally:
        child.communicate(b"\n")
    assert processes.identity(child.pid) is None
