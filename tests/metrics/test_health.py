from __future__ import annotations

import random
from itertools import pairwise
from math import exp, nan

import pytest

from websight_tui.metrics import health
from websight_tui.metrics.curve_fit import expected_gain
from websight_tui.metrics.model import Checkpoint, Evaluation, NonFinite, Segment, TrainingLog


def run_of(losses: list[float], total: int = 2000, pace: float = 3.0, t: float | None = 0.0) -> TrainingLog:
    segment = Segment(total_steps=total, started_at=t)
    for i, loss in enumerate(losses, 1):
        at = 10 * i * pace
        segment.columns.append(step=10.0 * i, elapsed=at, t=None if t is None else t + at, loss=loss)
    return TrainingLog(segments=[segment])


def falling(count: int, noise: float = 0.05, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [0.5 + 2 * exp(-i / 40) + rng.gauss(0, noise) for i in range(count)]


def kinds(log: TrainingLog, now: float | None = None) -> list[str]:
    return [s.kind for s in health.signs(log, now)]


@pytest.mark.parametrize("seed", range(20))
def test_a_healthy_run_is_silent_all_along(seed: int) -> None:
    losses = falling(150, seed=seed)
    for count in range(0, 151, 15):
        log = run_of(losses[:count])
        assert kinds(log, now=count * 30 + 60.0) == []


def test_diverging() -> None:
    log = run_of(falling(100) + [0.6 + i * 0.1 for i in range(30)])
    sign = health.signs(log)[0]
    assert (sign.kind, sign.severity) == ("diverging", "alarm")
    assert "best level" in sign.message


def test_one_spike_is_a_note_and_not_a_divergence() -> None:
    assert kinds(run_of([*falling(100), 6.0, *falling(105)[101:]])) == ["spikes"]


def test_nan_in_the_open() -> None:
    log = run_of([*falling(50), nan, nan])
    log.segments[0].nonfinite += [NonFinite(510, ("loss",)), NonFinite(520, ("loss",))]
    assert kinds(log) == ["nan"]


def test_one_infinite_gradient_is_how_mixed_precision_works() -> None:
    log = run_of(falling(50))
    log.segments[0].nonfinite.append(NonFinite(20, ("grad_norm",)))
    assert kinds(log) == []


def test_nan_hidden_behind_a_loss_of_zero() -> None:
    sign = health.signs(run_of([*falling(50), 0.0, 0.0]))[0]
    assert (sign.kind, sign.step) == ("nan", 510)
    assert kinds(run_of([0.0, 0.0])) == ["nan"]


def test_a_loss_that_came_down_to_zero_is_not_nan() -> None:
    assert kinds(run_of([exp(-i / 4) for i in range(40)] + [0.0, 0.0], total=430)) == []


def test_a_zero_loss_that_still_has_gradients_is_not_nan() -> None:
    log = run_of([*falling(50), 0.0, 0.0])
    for i in (-1, -2):
        log.segments[0].columns.grad_norm[i] = 0.01
    assert "nan" not in kinds(log)


def test_plateau() -> None:
    rng = random.Random(3)
    log = run_of([1.0 + rng.gauss(0, 0.004) for _ in range(100)])
    (sign,) = health.signs(log)
    assert sign.kind == "plateau"
    assert "1000 steps left" in sign.message


def test_expected_gain_covers_the_truth() -> None:
    rng = random.Random(5)
    hits = 0
    for _ in range(40):
        a, b, c = rng.uniform(0.5, 3), rng.choice([0.1, 0.3, 0.5, 1.0]), rng.uniform(0, 1)
        steps = [10.0 * i for i in range(1, 60)]
        gain = expected_gain(steps, [c + a * (x / 10) ** -b + rng.gauss(0, 0.05) for x in steps], 1180.0)
        assert gain is not None
        assert gain.lo <= gain.gain <= gain.hi
        hits += gain.lo <= a * (59**-b - 118**-b) <= gain.hi
    assert hits >= 38


def test_expected_gain_needs_points() -> None:
    assert expected_gain([1, 2, 3], [1, 1, 1], 10) is None
    assert expected_gain([float(i) for i in range(100)], [nan] * 100, 200) is None


def test_overfitting() -> None:
    log = run_of(falling(80))
    log.segments[0].evaluations += [Evaluation(s, loss=y) for s, y in ((200, 0.9), (400, 1.0), (600, 1.1), (800, 1.2))]
    (sign,) = health.signs(log)
    assert (sign.kind, sign.step) == ("overfitting", 200)


@pytest.mark.parametrize(
    ("pace", "quiet", "stalled"), [(3, 170, False), (3, 200, True), (30, 1400, False), (30, 1600, True)]
)
def test_stall_takes_three_minutes_and_five_intervals(pace: float, quiet: float, stalled: bool) -> None:
    log = run_of(falling(40), pace=pace)
    now = 400 * pace + quiet
    assert ("stalled" in kinds(log, now)) is stalled


def test_a_long_evaluation_is_no_stall() -> None:
    log = run_of(falling(40))
    log.segments[0].eval_begun_at = 1200
    assert kinds(log, 1200 + 1500.0) == []
    log.segments[0].evaluations.append(Evaluation(200, seconds=60))
    assert kinds(log, 1200 + 1500.0) == ["stalled"]


def test_no_stall_while_starting_after_the_end_or_without_a_clock() -> None:
    assert kinds(TrainingLog(segments=[Segment(total_steps=9, started_at=0)]), 1700.0) == []
    assert kinds(TrainingLog(segments=[Segment(total_steps=9, started_at=0)]), 1900.0) == ["stalled"]
    log = run_of(falling(40), t=None)
    assert kinds(log, 1e9) == []
    assert [s.kind for s in health.signs(log, 1e6, seen_at=1e6 - 1000)] == ["stalled"]
    log.segments[0].end = "finished"
    assert [s.kind for s in health.signs(log, 1e6, seen_at=1e6 - 1000)] == []


def test_slower_than_its_own_past() -> None:
    log = run_of(falling(100))
    columns = log.segments[0].columns
    for i in range(80, 100):
        columns.elapsed[i] = columns.elapsed[79] + (i - 79) * 60
    (sign,) = health.signs(log)
    assert sign.kind == "slower"
    assert "2.0 times" in sign.message


@pytest.mark.parametrize(("times", "told"), [(2.0, True), (1.1, False)])
def test_a_slower_node_after_a_resume(times: float, told: bool) -> None:
    log, later = run_of(falling(60)), run_of(falling(12)).segments[0]
    later.start_step = 600
    for i in range(len(later.columns)):
        later.columns.step[i] += 600
        later.columns.elapsed[i] *= times
    log.segments[0].meta["host"], later.meta["host"] = "gpu03", "gpu07"
    log.segments.append(later)
    slower = [sign for sign in health.signs(log) if sign.kind == "slower"]
    assert bool(slower) is told
    if told:
        assert "2.0 times as long as before it on gpu07, before on gpu03" in slower[0].message


def test_saves_and_evaluations_are_not_slowness() -> None:
    log = run_of(falling(100))
    columns = log.segments[0].columns
    shift = 0.0
    for i in range(100):
        columns.elapsed[i] += shift
        if i % 2:
            shift += 40
            log.segments[0].checkpoints.append(Checkpoint(int(columns.step[i])))
    assert kinds(log) == []


def test_of_a_very_long_log_the_newest_losses_are_all_looked_at_and_enough_of_the_others() -> None:
    log = run_of([1.0 / (1 + i) for i in range(30_000)])
    log.segments.append(run_of([0.5 + i * 1e-6 for i in range(9_000)]).segments[0])
    log.segments[1].start_step = 300_000
    for i in range(9_000):
        log.segments[1].columns.step[i] += 300_000
    points = health._losses(log)
    assert points[-5000:] == list(zip(log.segments[1].columns.step, log.segments[1].columns.loss, strict=True))[-5000:]
    assert 9_000 < len(points) < 12_000
    assert points[0] == (10.0, 1.0)
    steps = [x for x, _ in points]
    assert steps == sorted(set(steps))
    gaps = {round(b - a) for a, b in pairwise(steps[:-5001])}
    assert len(gaps) <= 2, "every k-th, across the seam of two segments too"
    short = run_of([float(i) for i in range(100)])
    assert health._losses(short) == [(10.0 * i, i - 1.0) for i in range(1, 101)]
