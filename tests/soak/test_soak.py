"""The soak's own claims: flat is told from growing, and a leak on purpose is seen in a real, short soak."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.soak.judge import Sample, slope, trends


def samples(**growth: float) -> list[Sample]:
    """A made soak of 100 samples; each measure grows by so much in all, in steps as memory does."""
    flat = {"rss_mb": 100.0, "descriptors": 20.0, "threads": 6.0}
    return [
        {"t": float(t), "runs": 10.0}
        | {name: at + growth.get(name, 0.0) * (t // 5 * 5) / 100 for name, at in flat.items()}
        for t in range(100)
    ]


def test_a_flat_soak_is_flat_and_outliers_do_not_make_it_grow() -> None:
    wild = [{**one, "rss_mb": 300.0} if one["t"] % 10 == 7 else one for one in samples()]
    assert all(one.flat for one in trends(samples()))
    assert all(one.flat for one in trends(wild))


@pytest.mark.parametrize(("name", "by"), [("rss_mb", 8.0), ("descriptors", 5.0), ("threads", 5.0)])
def test_each_measure_that_grows_is_named(name: str, by: float) -> None:
    assert [one.name for one in trends(samples(**{name: by})) if not one.flat] == [name]


def test_known_runs_may_take_memory_and_nothing_else() -> None:
    grown = [{**one, "runs": one["t"]} for one in samples(rss_mb=20.0)]
    assert all(one.flat for one in trends(grown))


def test_the_slope_is_that_of_the_line() -> None:
    times = [float(t) for t in range(50)]
    assert slope(times, [3 + 0.5 * t for t in times]) == pytest.approx(0.5)


def run(out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench.soak", "--out", str(out), *options],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_a_short_soak_is_flat_and_the_app_agrees_with_the_cluster(tmp_path: Path) -> None:
    done = run(tmp_path, "--smoke", "30")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| flat |") == 3
    for what in ("launches", "connections cut", "queue polls", "times hidden", "screens opened and closed"):
        assert what in done.stdout, done.stdout


def test_leaks_on_purpose_are_seen(tmp_path: Path) -> None:
    done = run(tmp_path, "--smoke", "12", "--plant", "memory", "descriptors", "threads")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("GROWS") == 3, done.stdout
