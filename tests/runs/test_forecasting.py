"""Forecasts from one's own runs: true row counts, and how good earlier forecasts were."""

from __future__ import annotations

import dataclasses
import time

import pytest

from tests.projection.made import made_log
from tests.runs.conftest import Desk
from tests.runs.test_watch import reaches, runs, submitted, write
from websight_tui.config import Cluster
from websight_tui.presets import BUILT_IN, Preset
from websight_tui.projection.forecast import Score, track_record
from websight_tui.projection.history import PastRun
from websight_tui.projection.known import NOTHING_KNOWN, RunFacts
from websight_tui.projection.model import Forecast, Verdict
from websight_tui.runs.forecasting import (
    forecast_for,
    history_of,
    job_seconds,
    pauses_known,
    rows_of,
    score_of,
    scores_of,
)
from websight_tui.runs.projecting import projection_of
from websight_tui.runs.scoring import load_forecast
from websight_tui.runs.state import Outcome, Phase, RunView
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.model import Job

PRESETS = {preset.name: preset for preset in BUILT_IN}
RANK32 = PRESETS["rank32"]
HAI = Cluster("hai")
FORECAST = Forecast("rank32", 100, 1000.0, (800.0, 1300.0), 28_500.0, Verdict.FITS, "1 run of yours")
DONE = Job("1", state="COMPLETED", start_time=1000.0, end_time=2100.0, exit_code="0:0", final=True)


def past(rows: int | None, cluster: str = "hai", **changes: object) -> PastRun:
    preset = dataclasses.replace(RANK32, **changes)  # type: ignore[arg-type]
    return PastRun(preset, cluster, "H100", 8, 20.0, 500, train_rows=rows)


def finished(*jobs: Job, forecast: Forecast | None = FORECAST, preset: Preset = RANK32) -> RunView:
    spec = RunSpec("r", "wst-1", 1.0, "hai", preset, "/w", "abc")
    return RunView(spec, Outcome.ACCEPTED, phase=Phase.FINISHED, jobs=jobs, forecast=forecast)


def test_rows_that_an_earlier_run_counted_replace_the_presets_assumption() -> None:
    log, _ = made_log("events", total=100, started_at=1000.0)
    log.segments[0].meta = {"n_train": 35_500, "world_size": 8}
    spec = RunSpec("r", "wst-1", 1.0, "hai", RANK32, "/w", "abc")
    history = history_of([RunView(spec, log=log)])
    made = forecast_for(HAI, RANK32, history)
    assert made.steps == RANK32.total_steps(8, 35_500)
    assert "not counted" not in made.basis
    assert forecast_for(HAI, RANK32, history, samples=71_000).steps == RANK32.total_steps(8, 71_000)
    assert forecast_for(Cluster("other"), RANK32, history).steps == RANK32.total_steps(8)


def measured(run_id: str, **changes: object) -> PastRun:
    made = {"eval_s": 90.0, "save_s": 4.0, "tail_s": 30.0, "run_id": run_id}
    return dataclasses.replace(past(None), **{**made, **changes})  # type: ignore[arg-type]


def test_pauses_that_earlier_runs_took_are_known_to_the_next() -> None:
    spec = RunSpec("new", "wst-2", 1.0, "hai", RANK32, "/w", "abc")
    history = [measured("a"), measured("b", eval_s=110.0, save_s=6.0), measured("c", eval_s=None)]
    known = pauses_known(spec, history)
    assert (known.eval_s, known.save_s, known.tail_s) == (100.0, 4.0, 26.0)
    others = [
        measured("new", eval_s=1.0),
        measured("d", cluster="other", eval_s=1.0),
        measured("e", preset=dataclasses.replace(RANK32, model_name_or_path="another"), eval_s=1.0),
        measured("f", preset=dataclasses.replace(RANK32, max_eval_samples=9), eval_s=1.0),
    ]
    assert pauses_known(spec, [*history, *others]).eval_s == 100.0
    assert pauses_known(spec, []) == NOTHING_KNOWN


def test_an_evaluation_that_is_yet_to_come_takes_as_long_as_in_the_run_before() -> None:
    log, _ = made_log("events", total=1000, until=100, started_at=1000.0)
    spec = RunSpec("new", "wst-2", 1.0, "hai", dataclasses.replace(RANK32, eval_dataset="held out"), "/w", "abc")
    job = Job("1", state="RUNNING", start_time=900.0, time_limit_s=28_800)
    known = RunFacts(eval_s=600.0, tail_s=20.0)
    guessed, better = projection_of(spec, job, log, None), projection_of(spec, job, log, None, known)
    assert guessed is not None
    assert better is not None
    assert any("evaluation of about 10 min (not seen yet) is due at step 800" in reason for reason in better.reasons)
    assert better.total_s != guessed.total_s


@pytest.mark.parametrize(
    ("history", "known"),
    [
        ([past(500), past(600)], 600),  # the newest
        ([past(500), past(None)], 500),
        ([past(500, cluster="other")], None),
        ([past(500, dataset="another")], None),
        ([past(500, dataset_dir="elsewhere")], None),
        ([past(500, max_samples=500)], None),  # there may be more
        ([past(700), past(500, max_samples=500)], 700),
        ([past(400, max_samples=500)], 400),  # there are no more
    ],
)
def test_only_a_count_of_the_same_data_counts(history: list[PastRun], known: int | None) -> None:
    assert rows_of("hai", RANK32, history) == known


def test_a_count_that_was_cut_short_serves_a_preset_that_is_cut_shorter() -> None:
    shorter = dataclasses.replace(RANK32, max_samples=300)
    assert rows_of("hai", shorter, [past(500, max_samples=500)]) == 500


def test_a_finished_run_scores_its_forecast() -> None:
    assert score_of(finished(DONE)) == Score(1.1, True)
    later = dataclasses.replace(DONE, job_id="2", start_time=9000.0, end_time=9400.0)
    assert score_of(finished(DONE, later)) == Score(1.5, False)


def test_what_cannot_be_compared_is_not_scored() -> None:
    assert score_of(finished(DONE, forecast=None)) is None
    assert score_of(dataclasses.replace(finished(DONE), phase=Phase.STOPPED)) is None
    assert score_of(finished(dataclasses.replace(DONE, restarts=1))) is None
    assert score_of(finished(dataclasses.replace(DONE, end_time=None))) is None


def test_a_job_that_was_cancelled_before_it_began_took_no_time() -> None:
    never = Job("0", state="CANCELLED", end_time=900.0, final=True)
    assert job_seconds([never, DONE]) == 1100.0
    assert job_seconds([never]) is None


def test_a_forecast_is_kept_with_its_run_scored_at_the_end_and_there_the_next_time(desk: Desk) -> None:
    engine, keeper = desk.start()
    run_id, job, folder = submitted(desk, engine, keeper)
    made = keeper.state.runs[run_id].forecast
    assert made is not None
    assert made.seconds is not None
    runs(job)
    write(folder, job, steps=20, end="finished")
    reaches(keeper, run_id, Phase.SAVING)
    assert keeper.state.runs[run_id].score is None
    job.state, job.start, job.end = "COMPLETED", int(time.time()) - 100, int(time.time())
    assert keeper.wait(lambda s: s.runs[run_id].score is not None, 15), keeper.state.runs[run_id]
    score = keeper.state.runs[run_id].score
    assert score is not None
    assert score.ratio == pytest.approx(100 / made.seconds, rel=0.05)
    assert load_forecast(engine.store, run_id) == (made, score)
    engine.close()
    _, offline = desk.start(connect=False)
    again = offline.state.runs[run_id]
    assert (again.forecast, again.score) == (made, score)
    assert track_record(scores_of(offline.state.runs.values())).startswith("1 forecast so far")


def test_a_record_that_is_damaged_is_no_forecast(desk: Desk) -> None:
    engine, keeper = desk.start()
    run_id, _, _ = submitted(desk, engine, keeper)
    engine.store.put_fact(run_id, "forecast", {"seconds": 1, "seconds_80": [1]})
    engine.store.put_fact(run_id, "forecast_score", {"ratio": 1, "from_the_future": 2})
    assert load_forecast(engine.store, run_id) == (None, None)
