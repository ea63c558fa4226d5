"""How many steps lie between two pauses, by those that were seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websight_tui.projection.schedule import period_of


@pytest.mark.parametrize(
    ("steps", "start", "slack", "period"),
    [
        ([], 0, 1, 0),
        ([0], 0, 1, 0),
        ([200], 0, 1, 200),
        ([200, 400, 600], 0, 1, 200),
        ([400, 800], 0, 1, 400),
        ([500], 400, 1, 100),  # resumed at a checkpoint, which is where the pause before was
        ([4400], 4000, 1, 400),
        ([742], 370, 10, 371),  # the log names every tenth step: it began at 371
        ([500], 465, 1, 100),  # resumed between two: the way to the first is half of a period on average
        ([500], 500, 1, 500),
    ],
)
def test_what_is_known(steps: list[int], start: int, slack: int, period: int) -> None:
    assert period_of(steps, start, slack) == period


@given(period=st.integers(1, 500), times=st.integers(1, 40), more=st.integers(2, 30))
def test_two_pauses_and_more_tell_it(period: int, times: int, more: int) -> None:
    steps = [period * i for i in range(times + 1, times + 1 + more)]
    assert period_of(steps, period * times) == period


@given(step=st.integers(1, 10**15), start=st.integers(0, 10**15), slack=st.integers(-5, 10**9))
def test_damage_takes_no_time_and_gives_a_part_of_the_step(step: int, start: int, slack: int) -> None:
    period = period_of([step], start, slack)
    assert 1 <= period <= step
    assert step % period == 0
