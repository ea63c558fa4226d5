"""The backtest: it is honest about what it leaves out, and the package meets its bar on recorded logs."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

from bench import calibration, constants, finished_runs, peers
from bench import projection as bench
from bench.tables import markdown_table, put_between_marks, quantile
from tests.projection.made import made_log
from tests.projection.test_project_command import trainer_log
from tests.shared import shared_dir
from websight_tui.projection import conformal
from websight_tui.projection.timeline import cut_log


@pytest.fixture(scope="module")
def runs() -> list[finished_runs.Run]:
    return finished_runs.load([shared_dir() / "logs"], 20 * 60)


def errors(runs: list[finished_runs.Run], at: float) -> list[float]:
    guesses = [(run, peers.ours(cut_log(run.log, at))) for run in runs]
    return [abs(guess / run.total_s - 1) * 100 for run, guess in guesses if guess is not None]


@pytest.mark.parametrize(("at", "middle", "top"), [(0.1, 1, 7), (0.25, 0.5, 3.5), (0.5, 0.3, 1.2), (0.75, 0.2, 1)])
def test_steady_runs(runs: list[finished_runs.Run], at: float, middle: float, top: float) -> None:
    found = errors([run for run in runs if run.steady and not run.resumed], at)
    assert len(found) >= 14
    assert median(found) <= middle
    assert quantile(found, 0.9) <= top


@pytest.mark.parametrize(("at", "middle", "top"), [(0.1, 3, 7), (0.25, 1, 4), (0.5, 1, 2), (0.75, 0.5, 1)])
def test_resumed_segments(runs: list[finished_runs.Run], at: float, middle: float, top: float) -> None:
    found = errors([run for run in runs if run.resumed], at)
    assert found
    assert median(found) <= middle
    assert max(found) <= top


def test_evaluations_seen_once(runs: list[finished_runs.Run]) -> None:
    assert max(errors([run for run in runs if run.evaluates and run.steady], 0.75)) <= 1


def test_no_verdict_is_wrong_from_half_of_the_limit_on(runs: list[finished_runs.Run]) -> None:
    for at, judged, wrong, *_ in bench.verdict_rows(runs):
        assert int(judged) > 0
        assert at == "25%" or int(wrong) == 0


def test_bands_hold_on_repositories_that_they_never_saw() -> None:
    rows = bench.coverage_rows(finished_runs.load([shared_dir() / "logs"], bench.CALIBRATION_S))
    name, counted, held80, held95, _ = rows[-1]
    assert name == "all"
    assert int(counted) > 100
    assert 75 <= int(held80.rstrip("%")) <= 90
    assert int(held95.rstrip("%")) >= 92


def test_the_shipped_quantiles_are_those_of_the_bench() -> None:
    text = calibration.conformal_module(finished_runs.load([shared_dir() / "logs"], bench.CALIBRATION_S))
    shipped = Path(conformal.__file__).read_text(encoding="utf-8")
    assert text.split() == shipped.split()


def test_a_folder_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, pace in enumerate((3.0, 5.0)):
        log, _ = made_log(total=600, pace=pace, seed=number)
        (tmp_path / f"me+run{number}__trainer_log.jsonl").write_text(trainer_log(log.segments[0]))
    short, _ = made_log(total=600, until=200)
    (tmp_path / "other__trainer_log.jsonl").write_text(trainer_log(short.segments[0]))
    assert bench.main([str(tmp_path), "--least", "15"]) == 0
    assert "2 finished runs of 2 repositories" in capsys.readouterr().out


def test_constants_are_tried_on_repositories_that_did_not_choose_them() -> None:
    log, end = made_log(total=600, pace=3.0)
    runs = [finished_runs.Run(name, name, log, end, True, False) for name in ("a", "b")]
    before = constants.shipped()
    errors, chosen = constants.held_out(runs)
    assert constants.shipped() == before
    assert set(chosen) == {"a", "b"}
    assert set(errors) == {(name, at) for name in ("a", "b") for at in constants.SCALE}
    assert constants.errors_of(runs, before) != constants.errors_of(runs, (*before[:2], 0.2))


def test_a_folder_without_runs_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main([str(tmp_path)]) == 1
    assert "no finished run" in capsys.readouterr().err


def test_quantiles_weigh_repositories_the_same() -> None:
    many = [calibration.Miss("big", 0.5, 0.1)] * 50 + [calibration.Miss("small", 0.5, 3.0)]
    assert calibration.weighted_quantile(many, 0.6, 1) == 3.0


def test_tables_go_between_their_marks(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.write_text("a\n<!-- t -->\nold\n<!-- /t -->\nz\n")
    put_between_marks(path, "t", markdown_table(["k", "v"], [["x", "1"]]))
    text = path.read_text()
    assert "old" not in text
    assert "| x | 1 |" in text
    assert text.endswith("z\n")
    with pytest.raises(ValueError, match="no marks"):
        put_between_marks(path, "missing", "")
