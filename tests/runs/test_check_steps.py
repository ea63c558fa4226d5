"""What a check has told, folded into how far it is."""

from __future__ import annotations

from websight_tui.runs.checks.finding import Doing, fail, ok, warn
from websight_tui.runs.checks.steps import Told, add, steps_of

NAMES = ("trainer", "setup", "data")


def test_steps_wait_run_and_end_with_their_gravest_finding() -> None:
    told: list[Told] = []
    add(told, 10.0, Doing("trainer", "uploading", 1, 4, in_bytes=True))
    add(told, 12.0, Doing("trainer", "uploading", 3, 4, in_bytes=True))
    first, *rest = steps_of(told, NAMES, 13.0)
    assert (first.stand, first.words, first.seconds, first.done, first.total) == ("running", "uploading", 3.0, 3, 4)
    assert [(step.stand, step.seconds) for step in rest] == [("waiting", None)] * 2
    assert len(told) == 1, "of a step that goes on only the newest words are kept"
    add(told, 14.0, Doing("setup"))
    add(told, 15.0, Doing("data", "1,000 rows"))
    for finding in (ok("data", "well"), fail("data", "gone", "copy it"), warn("data", "odd")):
        add(told, 16.0, finding)
    add(told, 18.0, Doing("more", "beside the known names"))
    steps = steps_of(told, NAMES, 19.0)
    assert [(s.name, s.stand, s.words, s.seconds) for s in steps] == [
        ("trainer", "ok", "", 4.0),
        ("setup", "ok", "", 1.0),
        ("data", "fail", "gone", 3.0),
        ("more", "running", "beside the known names", 1.0),
    ]


def test_a_finding_of_a_step_that_was_never_begun_is_shown() -> None:
    (step,) = steps_of([(1.0, fail("run", "run.json does not exist"))], (), 2.0)
    assert (step.stand, step.words, step.seconds) == ("fail", "run.json does not exist", None)


def test_a_clock_that_is_set_back_shows_no_negative_time() -> None:
    assert steps_of([(10.0, Doing("data"))], NAMES, 5.0)[2].seconds == 0.0
