"""Runs that use the time they have: they fit, and the question is how many steps they reach."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.projection.made import made_log
from websight_tui.metrics.model import TrainingLog
from websight_tui.presets import BUILT_IN
from websight_tui.projection.finish import project
from websight_tui.projection.forecast import forecast
from websight_tui.projection.model import Forecast, Verdict

BEGAN = 1_000_000.0
RANK32 = next(preset for preset in BUILT_IN if preset.name == "rank32")


def using_the_time(budget: float, **wanted: object) -> TrainingLog:
    log, _ = made_log("events", total=100_000, until=200, started_at=BEGAN, **wanted)
    log.segments[0].meta |= {"use_the_time": True, "deadline": BEGAN + budget}
    return log


def test_it_fits_and_says_at_which_step_it_will_end() -> None:
    shown = project(using_the_time(4000.0), limit_s=None)
    assert shown.verdict is Verdict.FITS
    assert shown.total_s == 4000.0
    assert shown.total_steps == pytest.approx(1990, rel=0.01)
    assert (
        shown.reasons[0] == f"uses the time it has: about step {shown.total_steps:,} of at most 100,000 by its deadline"
    )
    assert shown.finish_at == BEGAN + 4000.0


def test_pauses_to_come_are_taken_off() -> None:
    log = using_the_time(4000.0, eval_steps=100, eval_s=50.0)
    reached = project(log, limit_s=None).total_steps
    assert reached == pytest.approx((4000 - 20) / 2.5, rel=0.03)


def test_the_bands_end_at_the_deadline_and_hold_the_estimate() -> None:
    shown = project(using_the_time(4000.0), limit_s=5000.0)
    assert shown.total_s is not None
    for band in (shown.total_s_80, shown.total_s_95):
        assert band is not None
        assert band[0] < shown.total_s == band[1] == 4000.0


def test_the_deadline_of_the_job_counts_where_the_trainer_named_none() -> None:
    log = using_the_time(4000.0)
    log.segments[0].meta["deadline"] = None
    assert project(log, limit_s=3000.0).total_s == 3000.0
    ordinary = project(log, limit_s=None)
    assert ordinary.total_steps == 100_000
    assert ordinary.total_s == pytest.approx(200_000, rel=0.05)


def test_epochs_that_end_before_the_deadline_are_projected_as_ever() -> None:
    log, end = made_log("events", total=1000, until=500, started_at=BEGAN)
    log.segments[0].meta |= {"use_the_time": True, "deadline": BEGAN + 1.01 * end}
    shown = project(log, limit_s=1.01 * end)
    assert shown.total_s == pytest.approx(end, rel=0.01)
    assert (shown.total_steps, shown.verdict) == (1000, Verdict.FITS)  # an ordinary run would be tight


@pytest.mark.parametrize("budget", [0.0, -5.0, 100.0, float("nan"), float("inf")])
def test_a_deadline_that_has_passed_or_is_none_raises_nothing(budget: float) -> None:
    shown = project(using_the_time(budget), limit_s=None)
    assert shown.total_s is not None
    assert shown.total_s >= shown.elapsed_s or budget != budget


def test_a_run_that_has_ended_says_that_it_used_its_time() -> None:
    log = using_the_time(500.0)
    log.segments[0].end, log.segments[0].ended_at = "finished", BEGAN + 480.0
    shown = project(log, limit_s=500.0)
    assert shown.reasons[0].startswith("used the time it had: finished at step 200 of at most 100,000")
    assert (shown.step, shown.total_steps) == (200, 200)


def test_the_forecast_says_how_many_steps_fit() -> None:
    def made(hours: float, **changes: object) -> Forecast:
        preset = replace(RANK32, use_the_time=True, num_train_epochs=100.0, **changes)  # type: ignore[arg-type]
        return forecast(preset, world_size=8, gpu="H100", limit_s=hours * 3600)

    short, long = made(2), made(4)
    assert short.verdict is Verdict.FITS
    assert short.seconds == 2 * 3600 - RANK32.signal_lead_s
    assert long.steps == pytest.approx(2.15 * short.steps, rel=0.1)
    assert f"about {short.steps:,} of at most" in short.basis
    assert made(0.001).verdict is Verdict.WILL_NOT_FIT


def test_a_forecast_that_fits_anyway_is_the_ordinary_one() -> None:
    ordinary = forecast(RANK32, world_size=8, gpu="H100", limit_s=100 * 3600)
    assert forecast(replace(RANK32, use_the_time=True), world_size=8, gpu="H100", limit_s=100 * 3600) == ordinary
