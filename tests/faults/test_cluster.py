"""Slurm and the cluster's disk: a controller that is down or hangs, no accounting, no room, wrong clocks."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disks import Quota, fill, root_only, with_quota
from tests.faults.world import World, finishes, online, reaches, settled, shown, trains
from websight_tui.runs.state import Link, Outcome, Phase

pytestmark = pytest.mark.xdist_group("faults-cluster")


@pytest.fixture
def healed(world: World) -> Iterator[World]:
    """A world whose cluster is well again afterwards."""
    yield world
    world.ctl("controller", "up")
    world.ctl("accounting", "on")


@pytest.mark.parametrize("how", ["down", "hung"])
def test_a_controller_that_does_not_answer_stops_nothing_but_the_queue(healed: World, how: str) -> None:
    """The screen says so and ages; files are read on; when it answers again all is as if nothing had been."""
    engine, keeper = healed.app()
    run_id = healed.train(engine, keeper, steps=120)
    healed.ctl("controller", how, "0.3")
    engine.refresh("demo")
    assert keeper.wait(lambda s: bool(s.clusters["demo"].scheduler_error), 30), keeper.state.clusters
    seen = len(shown(keeper.state.runs[run_id]))
    assert keeper.wait(lambda s: len(shown(s.runs[run_id])) > seen, 20), "the log stands still"
    assert keeper.state.clusters["demo"].link is Link.ONLINE
    assert keeper.state.runs[run_id].phase is not Phase.FAILED
    healed.ctl("controller", "up")
    engine.refresh("demo")
    finishes(keeper, run_id, 120)
    assert keeper.wait(lambda s: not s.clusters["demo"].scheduler_error, 30)
    healed.intact(keeper)


@pytest.mark.parametrize("how", ["down", "hung"])
def test_a_submission_to_a_controller_that_does_not_answer(healed: World, how: str) -> None:
    """A hung one took the job and lost the answer: it is found, once. One that is down took none, and says so."""
    engine, keeper = healed.app()
    healed.ctl("controller", how, "0.3")
    plan = healed.plan(3, 0.05)
    run_id = plan.spec.run_id
    engine.submit(plan)
    said = (Outcome.REJECTED, Outcome.UNKNOWN)
    assert keeper.wait(lambda s: run_id in s.runs and s.runs[run_id].outcome in said, 40), keeper.state.runs
    healed.ctl("controller", "up")
    engine.refresh("demo")
    end = time.monotonic() + 40
    while keeper.state.runs[run_id].outcome is Outcome.UNKNOWN and time.monotonic() < end:
        healed.shift_s += 15  # it is looked for twice, half a minute apart, before it is called not taken
        engine.refresh("demo")
        keeper.wait(lambda s: s.runs[run_id].outcome is not Outcome.UNKNOWN, 1)
    settled(keeper)
    assert keeper.state.runs[run_id].outcome is (Outcome.ACCEPTED if how == "hung" else Outcome.REJECTED)
    if how == "hung":
        finishes(keeper, run_id, 3)
    healed.intact(keeper)


def test_without_the_accounting_the_end_is_known_all_the_same(healed: World) -> None:
    healed.ctl("accounting", "off")
    engine, keeper = healed.app()
    run_id = healed.train(engine, keeper, steps=20)
    finishes(keeper, run_id, 20)
    assert keeper.state.runs[run_id].phase is Phase.FINISHED
    healed.intact(keeper)


def test_no_room_for_a_file_on_the_cluster(healed: World) -> None:
    """A file may not grow there (a quota): nothing is submitted, the reason is said, and later it works."""
    assert healed.info is not None
    engine, keeper = healed.app()
    plan = healed.plan(3, 0.05)
    usual = resource.prlimit(healed.info.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(healed.info.pid, resource.RLIMIT_FSIZE, (64, usual[1]))
    try:
        engine.submit(plan)
        reaches(keeper, plan.spec.run_id, Phase.REJECTED)
    finally:
        resource.prlimit(healed.info.pid, resource.RLIMIT_FSIZE, usual)
    text = keeper.state.runs[plan.spec.run_id].outcome_text
    assert text.startswith("Nothing was submitted"), text
    assert "quota" in text
    assert not list((healed.info.home / "w").rglob(".*.tmp")), "a piece was left behind"
    healed.intact(keeper)
    engine.submit(plan)
    finishes(keeper, plan.spec.run_id, 3)
    healed.intact(keeper)


@root_only
def test_the_disk_of_the_cluster_is_full(healed: World) -> None:
    """A real file system without a byte left, under the folder of the runs."""
    assert healed.info is not None
    there = healed.info.home / "w"
    there.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", there], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        filler = there / "filler"
        fill(filler)
        engine, keeper = healed.app()
        plan = healed.plan(3, 0.05)
        engine.submit(plan)
        run = reaches(keeper, plan.spec.run_id, Phase.REJECTED)
        assert "full" in run.outcome_text, run.outcome_text
        healed.intact(keeper)
        filler.unlink()
        engine.submit(plan)
        finishes(keeper, plan.spec.run_id, 3)
        healed.intact(keeper)
    finally:
        healed.close()
        subprocess.run(["umount", "--lazy", there], check=True)


@pytest.fixture
def quota(healed: World, tmp_path: Path) -> Iterator[Quota]:
    """Over the folder of the runs on the cluster."""
    assert healed.info is not None
    for quota in with_quota(healed.info.home / "w", tmp_path / "image"):
        yield quota
        healed.close()


@root_only
def test_a_quota_on_the_cluster(healed: World, quota: Quota) -> None:
    """EDQUOT from the kernel: nothing is submitted, the reason is said, and later it works."""
    engine, keeper = healed.app()
    quota.limit("1M")
    fill(quota.folder / "filler")
    plan = healed.plan(3, 0.05)
    engine.submit(plan)
    run = reaches(keeper, plan.spec.run_id, Phase.REJECTED)
    assert run.outcome_text.startswith("Nothing was submitted"), run.outcome_text
    assert "quota" in run.outcome_text
    assert not list(quota.folder.rglob(".*.tmp")), "a piece was left behind"
    healed.intact(keeper)
    quota.limit("none")
    engine.submit(plan)
    finishes(keeper, plan.spec.run_id, 3)
    healed.intact(keeper)


@root_only
def test_a_quota_is_used_up_while_a_run_trains(healed: World, quota: Quota) -> None:
    """The trainer cannot write on: the run is over and said to be, with every step that it wrote, and no other."""
    engine, keeper = healed.app()
    run_id = healed.train(engine, keeper, steps=400)
    quota.limit("1M")
    fill(quota.folder / "filler")
    run = reaches(keeper, run_id, Phase.FAILED, 60)
    assert 0 < len(shown(run)) < 400
    assert keeper.wait(lambda s: bool(s.runs[run_id].problems), 20)
    assert "quota" in keeper.state.runs[run_id].problems[-1]  # by its own words, if there was room for them
    healed.intact(keeper)


@pytest.mark.parametrize("shift_s", [3600, -3600])
def test_clocks_that_are_an_hour_apart(world: World, shift_s: int) -> None:
    """Only the difference counts, so it is this machine's clock that is wrong here."""
    world.shift_s = shift_s
    engine, keeper = world.app()
    run_id = world.train(engine, keeper, steps=60)
    run = keeper.state.runs[run_id]
    assert run.problems == (), run.problems
    finishes(keeper, run_id, 60)
    run = keeper.state.runs[run_id]
    assert run.problems == (), run.problems
    assert keeper.wait(lambda s: s.runs[run_id].job is not None and s.runs[run_id].job.final, 20)
    job = keeper.state.runs[run_id].job
    assert job is not None
    assert job.start_time is not None
    assert job.end_time is not None
    assert 0 <= job.end_time - job.start_time < 60
    world.intact(keeper)


def test_the_clock_is_set_back_and_forth_while_a_run_trains(world: World) -> None:
    engine, keeper = world.app()
    run_id = world.train(engine, keeper, steps=100)
    for shift in (3600, -3600, 0):
        world.shift_s = shift
        engine.refresh("demo")
        seen = len(shown(keeper.state.runs[run_id]))
        assert keeper.wait(lambda s, n=seen: len(shown(s.runs[run_id])) > n, 20), f"stands still at {shift:+}"  # type: ignore[misc]
    finishes(keeper, run_id, 100)
    world.intact(keeper)


def test_the_machine_sleeps_for_an_hour(world: World) -> None:
    """Nothing runs, the clock jumps, and the connection is dead when it wakes."""
    assert world.line is not None
    engine, keeper = world.app()
    run_id = world.train(engine, keeper, steps=80)
    world.line.weather.hold = True
    world.shift_s = 3600
    world.line.cut()
    world.line.weather.hold = False
    online(keeper)
    engine.refresh("demo")
    finishes(keeper, run_id, 80)
    assert keeper.state.runs[run_id].problems == ()
    world.intact(keeper)


@pytest.mark.parametrize("how", ["truncated", "rotated", "deleted"])
def test_a_log_that_is_not_what_it_was(world: World, how: str) -> None:
    """What is on the screen is what is in the file of now; nothing of it twice, nothing of it missing."""
    engine, keeper = world.app()
    run_id = world.train(engine, keeper, steps=60, pause=0.1)
    path = world.events(run_id)
    match how:
        case "truncated":
            os.truncate(path, 0)
        case "rotated":
            path.rename(path.with_name("events.jsonl.1"))
        case _:
            path.unlink()
    reaches(keeper, run_id, Phase.FINISHED)
    world.intact(keeper)
    assert shown(keeper.state.runs[run_id])[-1] == 60
    assert len(shown(keeper.state.runs[run_id])) < 60
    again, reopened = world.app()
    again.focus(run_id)
    trains(reopened, run_id)
    world.intact(reopened)
