"""A cluster whose clock is an hour off, for all of its processes: nothing is late, lost or alarming for it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.line import Line
from tests.faults import skewed
from tests.faults.world import World, finishes, make
from websight_tui.pocket import control
from websight_tui.projection.model import Verdict
from websight_tui.remote.port import Unattended
from websight_tui.runs.our_clock import OurClock
from websight_tui.runs.state import AppState
from websight_tui.tui.present import elapsed_s, left_s

pytestmark = pytest.mark.xdist_group("faults-clocks")


@pytest.fixture(params=[3600, -3600], ids=["ahead", "behind"])
def shifted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[World, int]]:
    if not skewed.LIBRARY:
        pytest.skip("a wrong clock needs Debian's libfaketime")
    info = skewed.start(tmp_path / "pocket", request.param)
    line = Line(info.endpoint.port or 0)
    there = make(info, line, tmp_path)
    try:
        yield there, request.param
    finally:
        there.close()
        line.stop()
        control.stop(info.folder)


def test_the_clock_of_the_cluster_is_an_hour_off(shifted: tuple[World, int]) -> None:
    """Its date, its events, squeue and sacct say so; verdict, problems and all that is shown are as with a good one."""
    world, shift = shifted
    engine, keeper = world.app()
    here = OurClock()
    run_id = world.train(engine, keeper, steps=150, pause=0.1)
    assert keeper.wait(lambda s: ends_at(s, run_id) is not None and s.clusters["demo"].queue != (), 20)
    assert abs(float(_date(world)) - time.time() - shift) < 5, "the clock is not wrong"
    run, shown = keeper.state.runs[run_id], here(keeper.state).runs[run_id]
    assert run.problems == ()
    assert run.projection is not None
    assert run.projection.verdict is Verdict.FITS
    assert run.job is not None
    assert run.job.start_time is not None
    assert abs(run.job.start_time - time.time() - shift) < 30, "squeue does not go by that clock"
    now = time.time()
    (listed,) = here(keeper.state).clusters["demo"].queue
    assert 0 <= (elapsed_s(listed, now) or -1) < 30
    assert 570 < (left_s(listed, now) or 0) <= 600
    assert shown.projection is not None
    expected = shown.projection.finish_at
    finishes(keeper, run_id, 150)
    ended = time.time()
    assert expected is not None
    assert abs(expected - ended) < 10, "the end was told by the other clock"
    assert keeper.wait(lambda s: s.runs[run_id].job is not None and s.runs[run_id].job.final, 30)
    run = keeper.state.runs[run_id]
    assert run.problems == ()
    assert run.job is not None
    assert run.job.state == "COMPLETED"
    assert abs((run.job.end_time or 0) - ended - shift) < 10, "sacct does not go by that clock"
    told = [json.loads(line)["t"] for line in world.events(run_id).read_text().splitlines()]
    assert abs(told[-1] - ended - shift) < 10, "the trainer does not go by that clock"
    assert all(abs(change.at - ended) < 60 for change in run.verdicts)
    assert all(abs((change.finish_at or ended) - ended) < 60 for change in run.verdicts)
    world.intact(keeper)


def test_a_clock_that_is_right_costs_nothing() -> None:
    state = AppState()
    assert OurClock()(state) is state


def _date(world: World) -> str:
    """What a command over SSH says."""
    transport = world.open(world.cluster)
    transport.connect(Unattended())
    return transport.exec("date +%s", timeout=20).stdout


def ends_at(state: AppState, run_id: str) -> float | None:
    projection = state.runs[run_id].projection
    return None if projection is None else projection.finish_at
