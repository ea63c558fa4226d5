"""The guide's expected loss under a run's own: where its points stand, and that it is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import config, running
from websight_tui.metrics.curves import Axis
from websight_tui.projection.model import Verdict
from websight_tui.runs.state import RunView
from websight_tui.tui.palette import Palette
from websight_tui.tui.reference import GUIDE, LABEL, clipped, guide_for
from websight_tui.tui.run_chart import ChartState, view_of
from websight_tui.tui.screens.run import RunScreen
from websight_tui.tui.widgets.draw import draw


def run_at(step: int) -> RunView:
    return running(config().presets["rank32"], "r", step, 1110, Verdict.FITS, "48213")


def test_over_steps_it_is_the_guides_own() -> None:
    assert guide_for(run_at(300), Axis.STEP) == GUIDE
    assert GUIDE[0] == (0, 2.78)
    assert GUIDE[-1] == (800, 0.42)


@pytest.mark.parametrize(("axis", "a_step"), [(Axis.TIME, 19.5), (Axis.EPOCH, 1 / 1110)])
def test_over_time_and_epochs_its_steps_stand_where_the_run_has_them(axis: Axis, a_step: float) -> None:
    for (step, loss), (x, y) in zip(GUIDE, guide_for(run_at(300), axis), strict=True):
        assert x == pytest.approx(step * a_step, rel=1e-6)
        assert y == loss


def test_without_a_logged_step_it_has_no_place_in_time() -> None:
    assert guide_for(replace(run_at(0)), Axis.TIME) == ()


def test_it_is_cut_at_the_window() -> None:
    assert clipped(GUIDE, 50, 150) == ((50, pytest.approx(1.74)), (100, 0.70), (150, pytest.approx(0.65)))
    assert clipped(GUIDE, 900, 1000) == ()
    assert clipped((), 0, 1) == ()


def test_the_chart_grows_to_hold_it_and_names_it() -> None:
    run, state, palette = run_at(300), ChartState(), Palette()
    plain, guided = (draw(view_of(run, s, palette), 80, 20, palette) for s in (state, state.toggled_guide()))
    assert plain is not None
    assert guided is not None
    text = ["".join(cell[0] for row in d.rows for cell in row) for d in (plain, guided)]
    assert LABEL not in text[0]
    assert LABEL in text[1]
    assert state.toggled_guide().toggled_guide() == state


async def test_a_key_lays_it_under_the_loss(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        await loaded(stage, pilot)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, RunScreen))
        assert LABEL not in screen_text(stage.app)
        await pilot.press("m", "g")
        await until(pilot, lambda: LABEL in screen_text(stage.app))
        await pilot.press("m")
        await until(pilot, lambda: LABEL not in screen_text(stage.app))
