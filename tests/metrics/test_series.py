from __future__ import annotations

import random
from array import array
from math import exp, inf, isfinite, isnan, nan

import pytest

from websight_tui.metrics.series import Pyramid, reduce, smooth


def wave(count: int) -> tuple[array[float], array[float]]:
    rng = random.Random(count)
    return array("d", range(count)), array("d", (rng.random() for _ in range(count)))


def test_few_points_come_back_as_they_are() -> None:
    assert reduce([1, 2, 3], [5, nan, 7], 0, 10, 100) == [(1, 5), (3, 7)]
    assert reduce([1, 2, 3, 4], [5, 6, 7, 8], 2, 3, 100) == [(2, 6), (3, 7)]
    assert reduce([], [], 0, 1, 10) == []


def test_no_extreme_is_lost() -> None:
    xs, ys = wave(10_000)
    ys[5000], ys[7001], ys[1], ys[2] = 50, -50, nan, inf
    points = reduce(xs, ys, 0, 10_000, 100)
    assert len(points) <= 200
    assert (5000, 50) in points
    assert (7001, -50) in points
    assert points == sorted(points)
    assert all(isfinite(x) and isfinite(y) for x, y in points)


def test_each_bucket_keeps_its_lowest_and_highest() -> None:
    xs, ys = wave(1000)
    points = reduce(xs, ys, 0, 1000, 10)
    for part in range(10):
        bucket = ys[part * 100 : part * 100 + 100]
        kept = [y for x, y in points if part * 100 <= x < part * 100 + 100]
        assert sorted(kept) == [min(bucket), max(bucket)]


def test_a_bucket_of_nan_is_a_gap() -> None:
    xs, ys = wave(1000)
    for i in range(100, 200):
        ys[i] = nan
    assert not [x for x, _ in reduce(xs, ys, 0, 1000, 10) if 100 <= x < 200]


def test_columns_of_unequal_length() -> None:
    assert reduce([1, 2, 3], [5], 0, 10, 10) == [(1, 5)]


@pytest.mark.parametrize("count", [10, 3000, 100_000])
def test_the_pyramid_keeps_every_extreme_while_it_grows(count: int) -> None:
    xs, ys = wave(count)
    ys[count // 2], ys[count // 3] = 50.0, -50.0
    pyramid = Pyramid()
    grown_xs, grown_ys = array("d"), array("d")
    for begin in range(0, count, 977):
        grown_xs.extend(xs[begin : begin + 977])
        grown_ys.extend(ys[begin : begin + 977])
        pyramid.extend(grown_xs, grown_ys)
    points = pyramid.reduce(0, count, 100)
    assert len(pyramid) == count
    assert len(points) <= 220
    assert {max(y for _, y in points), min(y for _, y in points)} == {50.0, -50.0}
    assert points == sorted(points)
    assert points[-1][0] >= count - 1 - 2 * count / 100
    zoomed = pyramid.reduce(count / 4, count / 3, 100)
    assert all(count / 4 <= x <= count / 3 for x, _ in zoomed)


def test_the_newest_point_shows_at_once() -> None:
    xs, ys = wave(100_000)
    pyramid = Pyramid()
    pyramid.extend(xs, ys)
    xs.append(100_000.0)
    ys.append(99.0)
    pyramid.extend(xs, ys)
    assert pyramid.reduce(0, 200_000, 100)[-1] == (100_000.0, 99.0)


def test_another_series_starts_anew() -> None:
    pyramid = Pyramid()
    pyramid.extend(*wave(5000))
    pyramid.extend([1.0, 2.0], [3.0, 4.0])
    assert pyramid.reduce(0, 10, 10) == [(1.0, 3.0), (2.0, 4.0)]


def test_smoothing_weighs_both_sides_alike() -> None:
    assert list(smooth([1, 2, 3], [5, 5, 5], 10)) == pytest.approx([5, 5, 5])
    spike = smooth(range(101), [float(x == 50) for x in range(101)], 2)
    assert list(spike) == pytest.approx(list(reversed(spike)), abs=1e-6)
    assert spike[52] == pytest.approx(spike[50] / 2)


def test_the_newest_smoothed_value_is_the_exponential_mean_of_what_came_before() -> None:
    ys = wave(500)[1]
    weights = [0.5 ** (k / 5) for k in range(500)]
    mean = sum(w * y for w, y in zip(weights, reversed(ys), strict=True)) / sum(weights)
    assert smooth(range(500), ys, 5)[-1] == pytest.approx(mean)


def test_smoothing_does_not_lag_behind_a_fall() -> None:
    xs = range(200)
    steady = smooth(xs, [100.0 - x for x in xs], 4)
    assert all(steady[x] == pytest.approx(100 - x) for x in range(80))
    falling = [0.5 + 2 * exp(-x / 20) for x in xs]
    means = smooth(xs, falling, 4)
    assert means[0] == pytest.approx(falling[0])
    assert max(abs(mean - y) for mean, y in zip(means, falling, strict=True)) < 0.1  # 0.4 with a mean of the past alone


def test_smoothing_follows_x_not_the_number_of_points() -> None:
    near = smooth([0, 1], [0, 1], 10)[-1]
    far = smooth([0, 100], [0, 1], 10)[-1]
    assert near < 0.55 < 0.99 < far


def test_smoothing_passes_over_nan_and_can_be_off() -> None:
    assert list(smooth([1, 2, 3], [nan, 4, nan], 10))[1:] == [4, 4]
    assert 2 < smooth([1, 2, 3], [2, nan, 4], 10)[1] < 4
    assert all(isnan(y) for y in smooth([1, 2], [nan, nan], 10))
    assert not smooth([], [], 10)
    assert list(smooth([1, 2, 2], [3, 4, 9], 0)) == [3, 4, 9]
