"""Where a run goes: the end of its epochs, or, if it uses the time it has, where it will be at its deadline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.projection.test_reach import using_the_time
from tests.tui.fakes import config, story
from websight_tui.cli.follow import figures
from websight_tui.projection.finish import project
from websight_tui.runs.events import RunLoaded
from websight_tui.runs.state import RunView
from websight_tui.tui.present import progress_of


def deadline_run() -> RunView:
    run = next(event.run for event in story(config()) if isinstance(event, RunLoaded))
    log = using_the_time(4000.0)
    return replace(run, log=log, projection=project(log, limit_s=None))


def test_a_run_that_uses_its_time_goes_as_far_as_it_gets() -> None:
    run = deadline_run()
    assert run.projection is not None
    assert run.total_steps == run.projection.total_steps == pytest.approx(1990, rel=0.01)
    assert progress_of(run).share == pytest.approx(200 / run.total_steps)
    assert figures(run)["total_steps"] == run.total_steps


def test_before_its_first_projection_the_epochs_bound_it() -> None:
    assert replace(deadline_run(), projection=None).total_steps == 100_000


def test_a_projection_of_an_earlier_segment_says_nothing_of_this_one() -> None:
    run = deadline_run()
    run.log.segments[0].start_step = 100
    assert run.total_steps == 100_000


def test_any_other_run_goes_to_the_end_of_its_epochs() -> None:
    run = deadline_run()
    run.log.segments[0].meta["use_the_time"] = False
    assert run.total_steps == 100_000
