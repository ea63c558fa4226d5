"""The projection of a running segment: warm-ups, resumes, pauses, changes, damage, and the words for them."""

from __future__ import annotations

import time

import pytest

from tests.projection.made import made_log, made_segment
from websight_tui.metrics.model import Segment, TrainingLog
from websight_tui.projection.finish import project
from websight_tui.projection.known import RunFacts
from websight_tui.projection.model import Verdict
from websight_tui.projection.timeline import cut_log


def test_a_steady_run_is_projected_within_one_percent_at_a_quarter() -> None:
    log, end = made_log(total=1000, until=250)
    answer = project(log, limit_s=None)
    assert answer.total_s == pytest.approx(end, rel=0.01)
    assert answer.step == 250
    assert answer.total_steps == 1000


def test_a_slow_first_interval_does_not_stretch_the_rest() -> None:
    log, end = made_log(total=1000, until=100, warm_up=600)
    answer = project(log, limit_s=None)
    assert answer.total_s == pytest.approx(end, rel=0.02)


def test_a_resumed_segment_counts_its_own_steps_only() -> None:
    first, _ = made_segment(total=1000, until=470, pace=5.0)
    second, end = made_segment(total=1000, start=465, until=600, pace=2.0, seed=2)
    answer = project(TrainingLog("trainer_log", [first, second]), limit_s=None)
    assert answer.total_s == pytest.approx(end, rel=0.02)
    assert answer.segment_start == 465
    assert any("resumed at 465: pace of this segment only" in reason for reason in answer.reasons)


@pytest.mark.parametrize("named", [True, False], ids=["named", "seen only as time"])
def test_evaluations_to_come_are_counted(named: bool) -> None:
    log, end = made_log(total=1000, until=520, eval_steps=100, eval_s=300, named=named)
    answer = project(log, limit_s=None)
    assert answer.total_s == pytest.approx(end, rel=0.03)
    assert any("still to come" in reason for reason in answer.reasons)


def test_evaluations_in_a_log_that_gives_them_no_length_are_measured() -> None:
    log, end = made_log(total=1000, until=520, eval_steps=100, eval_s=300)
    segment = log.segments[0]
    segment.evaluations = [type(e)(e.step) for e in segment.evaluations]
    assert project(log, limit_s=None).total_s == pytest.approx(end, rel=0.03)


def test_saves_from_the_configuration_are_measured_and_counted() -> None:
    log, end = made_log(total=1000, until=520, save_steps=200, save_s=200, named=False)
    answer = project(log, limit_s=None, known=RunFacts(save_steps=200))
    assert answer.total_s == pytest.approx(end, rel=0.03)


def test_an_evaluation_never_seen_widens_the_band_upwards_and_is_named() -> None:
    log, _ = made_log(total=1000, until=200)
    plain = project(log, limit_s=None)
    warned = project(log, limit_s=None, known=RunFacts(eval_steps=800))
    assert any("an evaluation of unknown length is due at step 800" in reason for reason in warned.reasons)
    assert plain.total_s_80 is not None
    assert warned.total_s_80 is not None
    assert warned.total_s_80[1] > plain.total_s_80[1]


def test_the_length_of_an_evaluation_is_guessed_from_its_samples() -> None:
    log, _ = made_log(total=1000, until=200)
    facts = RunFacts(eval_steps=500, eval_samples=700, step_samples=8)
    answer, plain = project(log, limit_s=None, known=facts), project(log, limit_s=None)
    assert answer.total_s is not None
    assert plain.total_s is not None
    one = 700 / (3.5 * 8 / 2.0)
    assert answer.total_s - plain.total_s == pytest.approx(2 * one, rel=0.05)  # at 500 and at 1,000


def test_hugging_faces_default_schedule_promises_no_evaluation() -> None:
    log, _ = made_log(total=1000, until=200)
    log.segments[0].meta["eval_steps"] = 500
    assert not any("evaluation" in reason for reason in project(log, limit_s=None).reasons)


def test_a_change_of_pace_for_good_is_noticed_and_said() -> None:
    log, end = made_log(total=1000, until=500, slower_before=(200, 8.0))
    answer = project(log, limit_s=None)
    assert answer.total_s == pytest.approx(end, rel=0.03)
    assert any("the pace changed" in reason and "faster" in reason for reason in answer.reasons)


def test_a_pace_that_flips_makes_the_band_wide() -> None:
    steady, _ = made_log(total=4000, until=1000)
    flipping = Segment(total_steps=4000)
    elapsed = 0.0
    for step in range(10, 1010, 10):
        elapsed += 19 if step // 100 % 2 else 38
        flipping.columns.append(step=step, elapsed=elapsed)
    wide = project(TrainingLog(segments=[flipping]), limit_s=None)
    narrow = project(steady, limit_s=None)
    assert wide.total_s_80 is not None
    assert narrow.total_s_80 is not None
    assert wide.total_s is not None
    assert narrow.total_s is not None
    assert any("flips" in reason for reason in wide.reasons)
    relative = [(p.total_s_80[1] - p.total_s_80[0]) / p.total_s for p in (wide, narrow)]  # type: ignore[index,operator]
    assert relative[0] > 5 * relative[1]


def test_two_writers_in_one_segment_do_not_confuse_it() -> None:
    segment, end = made_segment(total=1000, until=500)
    other, _ = made_segment(total=1000, until=300, seed=9)
    mixed = Segment(total_steps=1000)
    for i in range(len(segment.columns)):
        for source in (segment, other):
            if i < len(source.columns):
                mixed.columns.append(step=source.columns.step[i], elapsed=source.columns.elapsed[i])
    answer = project(TrainingLog(segments=[mixed]), limit_s=None)
    assert answer.total_s == pytest.approx(end, rel=0.05)


@pytest.mark.parametrize("lines", [0, 1, 3])
def test_below_four_lines_nothing_is_said(lines: int) -> None:
    log, _ = made_log(total=1000, until=10 * lines)
    answer = project(log, limit_s=3600)
    assert answer.verdict is Verdict.TOO_EARLY
    assert answer.total_s is None
    assert answer.reasons


def test_four_lines_are_enough() -> None:
    log, _ = made_log(total=1000, until=40)
    assert project(log, limit_s=36000).verdict is Verdict.FITS


def test_a_log_without_a_clock_says_so() -> None:
    segment = Segment(total_steps=100)
    for step in range(1, 50):
        segment.columns.append(step=step, loss=1.0)
    answer = project(TrainingLog("trainer_state", [segment]), limit_s=3600)
    assert answer.verdict is Verdict.TOO_EARLY
    assert "no clock" in answer.reasons[0]
    assert answer.step == 49


def test_an_empty_log_is_too_early() -> None:
    assert project(TrainingLog(), limit_s=1.0).verdict is Verdict.TOO_EARLY


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [(2.0, Verdict.FITS), (1.03, Verdict.TIGHT), (0.97, Verdict.TIGHT), (0.5, Verdict.WILL_NOT_FIT)],
)
def test_the_verdicts(ratio: float, verdict: Verdict) -> None:
    log, end = made_log(total=1000, until=500)
    answer = project(log, limit_s=end * ratio)
    assert answer.verdict is verdict
    assert "limit" in answer.reasons[0]


def test_a_finished_run_is_no_projection() -> None:
    log, end = made_log(total=1000)
    log.segments[0].end = "finished"
    answer = project(log, limit_s=end + 1)
    assert answer.total_s == pytest.approx(end)
    assert answer.total_s_80 == (answer.total_s, answer.total_s)
    assert answer.verdict is Verdict.FITS
    assert answer.reasons[0].startswith("finished after")
    assert project(log, limit_s=end - 1).verdict is Verdict.WILL_NOT_FIT


def test_a_run_that_ended_early_promises_no_more_hours() -> None:
    log, _ = made_log(total=1000, until=180)
    log.segments[0].meta["ended_early_at"] = 180
    answer = project(log, limit_s=None)
    assert answer.total_s == answer.elapsed_s
    assert answer.reasons[0].startswith("ended early at step 180 of 1,000")


def test_the_limit_counts_from_the_job_and_the_deadline_goes_before_it() -> None:
    log, _ = made_log(total=1000, until=500, started_at=10_000.0)
    late = project(log, limit_s=3600, job_started_at=10_000.0 - 900)
    assert late.limit_s == 2700
    assert any("start-up took 15 min" in reason for reason in late.reasons)
    assert project(log, limit_s=3600, deadline=12_000.0).limit_s == 2000
    assert late.finish_at == pytest.approx(10_000 + (late.total_s or 0))


def test_a_silent_log_pushes_the_end_back() -> None:
    log, _ = made_log(total=1000, until=500, started_at=0.0)
    last = log.segments[0].columns.elapsed[-1]
    fresh = project(log, limit_s=None, now=last + 5)
    silent = project(log, limit_s=None, now=last + 3600)
    assert fresh.total_s is not None
    assert silent.total_s is not None
    assert silent.total_s - fresh.total_s == pytest.approx(3600, rel=0.05)
    assert any("no new line for" in reason for reason in silent.reasons)


def test_cutting_shows_what_was_known_then() -> None:
    log, _ = made_log(total=1000, eval_steps=100, eval_s=30, start=200)
    log.segments[0].end = "finished"
    cut = cut_log(log, 0.25)
    assert cut.segments[0].last_step == 400
    assert [e.step for e in cut.segments[0].evaluations] == [300, 400]
    assert cut.segments[0].end == ""
    assert log.segments[0].last_step == 1000
    assert cut_log(log, 1.0) is log


def test_ten_thousand_lines_take_a_few_milliseconds() -> None:
    log, _ = made_log(total=100_000, until=100_000, every=10, eval_steps=5000, eval_s=60)
    log.segments[0].total_steps = 200_000
    fastest = 1.0
    for _ in range(7):
        began = time.process_time()
        project(log, limit_s=1e6)
        fastest = min(fastest, time.process_time() - began)
    assert fastest < 0.012  # 3 ms on a quiet core; caches are shared with other work
