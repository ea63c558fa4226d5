"""The connection: cut at every byte range of a conversation, slow, stalling, half open; the SSH server killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from bench.line import Line, Weather
from tests.faults.world import World, finishes, is_not_online, make, online, reaches, restart, settled
from websight_tui.pocket.control import PocketInfo
from websight_tui.runs.state import Link, Outcome, Phase

pytestmark = pytest.mark.xdist_group("faults-line")
CUT_EVERY = os.environ.get("CUT_EVERY", "")
"""Bytes between two cuts; without it a few cuts are spread over the conversation."""
COARSE = 10


@pytest.fixture(scope="module")
def conversation(cluster: PocketInfo, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Bytes of login, poll and submission on a line that is well."""
    folder = tmp_path_factory.mktemp("measured")
    line = Line(cluster.endpoint.port or 0)
    there = make(cluster, line, folder, root="~/measured")
    try:
        engine, keeper = there.app()
        plan = there.plan(2, 0.05)
        engine.submit(plan)
        reaches(keeper, plan.spec.run_id, Phase.FINISHED)
        return line.passed[0]
    finally:
        there.close()
        line.stop()


def test_cut_at_every_byte_range_of_login_poll_and_submission(
    cluster: PocketInfo, conversation: int, tmp_path: Path
) -> None:
    """After each cut the app is online again by itself (after a cut login: on one key), and has one job or none."""
    step = int(CUT_EVERY) if CUT_EVERY else conversation // COARSE
    outcomes: dict[int, str] = {}
    for number, cut in enumerate(range(1, conversation, step)):
        folder = tmp_path / str(number)
        folder.mkdir()
        line = Line(cluster.endpoint.port or 0, Weather(cut_after=cut))
        there = make(cluster, line, folder, root=f"~/cut-{number}")
        try:
            outcomes[cut] = _submitted_once(there, line, cut)
        finally:
            there.close()
            line.stop()
    # the cuts were where they were meant to be: before, in and after the submission
    assert "login" in outcomes.values(), outcomes
    assert {"accepted", "rejected", "accepted after a search"} & set(outcomes.values()), outcomes


def _submitted_once(there: World, line: Line, cut: int) -> str:
    engine, keeper = there.app(connect=False)
    engine.connect("demo")
    over = (Link.ONLINE, Link.FAILED, Link.RECONNECTING)
    assert keeper.wait(lambda s: s.clusters["demo"].link in over, 60), (cut, keeper.state)
    if keeper.state.clusters["demo"].link is not Link.ONLINE:
        line.weather.cut_after = None
        if keeper.state.clusters["demo"].link is Link.FAILED:
            assert keeper.state.clusters["demo"].error, cut
            engine.connect("demo")
        online(keeper)
        return "login"
    plan = there.plan(2, 0.05)
    engine.submit(plan)
    run_id = plan.spec.run_id
    said = (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.UNKNOWN)
    assert keeper.wait(lambda s: run_id in s.runs and s.runs[run_id].outcome in said, 60), (cut, keeper.state)
    first = keeper.state.runs[run_id].outcome
    line.weather.cut_after = None
    online(keeper)
    if first is Outcome.UNKNOWN and not keeper.wait(lambda s: s.runs[run_id].outcome in said[:2], 4):
        there.shift_s = 400  # what never reached Slurm is given up after five minutes
        engine.refresh("demo")
    settled(keeper)
    run = keeper.state.runs[run_id]
    if run.outcome is Outcome.ACCEPTED:
        finishes(keeper, run_id, 2)
    there.intact(keeper)
    return run.outcome.value + (" after a search" if first is Outcome.UNKNOWN else "")


def test_slow_and_lossy(world: World) -> None:
    assert world.line is not None
    world.line.weather.latency_s, world.line.weather.loss = 0.08, 0.1
    engine, keeper = world.app()
    run_id = world.train(engine, keeper, steps=40)
    finishes(keeper, run_id, 40)
    world.intact(keeper)


def test_half_open_while_a_run_trains(world: World) -> None:
    """Nothing arrives any more and nothing is closed: the keepalive tells, and a new connection takes over."""
    assert world.line is not None
    engine, keeper = world.app()
    run_id = world.train(engine, keeper, steps=80)
    world.line.weather.half_open_after = 0
    is_not_online(keeper)
    world.line.weather.half_open_after = None
    online(keeper)
    finishes(keeper, run_id, 80)
    world.intact(keeper)


def test_the_ssh_server_stands_still_for_longer_than_keepalives(world: World) -> None:
    """SIGSTOP, as a login node that swaps or is suspended: nothing is closed, nothing answers, until it goes on."""
    engine, keeper = world.app()
    run_id = world.train(engine, keeper, steps=150, pause=0.1)
    assert world.info is not None
    assert world.line is not None
    logins = len(world.line.passed)
    os.kill(world.info.pid, signal.SIGSTOP)
    try:
        is_not_online(keeper)
        assert keeper.state.clusters["demo"].link is Link.RECONNECTING
        assert keeper.state.clusters["demo"].error
    finally:
        os.kill(world.info.pid, signal.SIGCONT)
    online(keeper)
    assert len(world.line.passed) > logins, "it was given up and logged in anew"
    finishes(keeper, run_id, 150)
    assert keeper.state.runs[run_id].problems == ()
    world.intact(keeper)


def test_the_ssh_server_is_killed_and_comes_back(world: World) -> None:
    engine, keeper = world.app()
    run_id = world.train(engine, keeper, steps=80)
    assert world.info is not None
    os.kill(world.info.pid, signal.SIGKILL)
    is_not_online(keeper)
    restart(world)
    online(keeper)
    finishes(keeper, run_id, 80)
    world.intact(keeper)


def test_cut_again_and_again_while_a_run_trains(world: World) -> None:
    assert world.line is not None
    engine, keeper = world.app()
    run_id = world.train(engine, keeper, steps=150)
    for _ in range(3):
        world.line.cut()
        is_not_online(keeper)
        online(keeper)
    finishes(keeper, run_id, 150)
    world.intact(keeper)
