"""Every oddity that real logs were seen to have, in a training whose end is known: the estimate holds all the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.projection import written as w
from tests.projection.test_properties import holds_together
from websight_tui.metrics.detect import read_any
from websight_tui.metrics.job_output import read_job_outputs
from websight_tui.projection.finish import project
from websight_tui.projection.model import Projection, Verdict
from websight_tui.projection.timeline import cut_log

PLAIN = w.training()
EVALUATING = w.training(eval_steps=200, eval_s=100.0)
OFF_THE_LOG = w.training(eval_steps=125, eval_s=80.0)
AT_EVERY_LINE = w.training(eval_steps=50, eval_s=80.0, every=50, total=4000)
RESUMED = w.training(start=500)
RESUMED_EVALUATING = w.training(start=500, eval_steps=100, eval_s=60.0)
RUNS = {
    "plain": PLAIN,
    "evaluating": EVALUATING,
    "evaluating-off-the-log": OFF_THE_LOG,
    "evaluating-at-every-line": AT_EVERY_LINE,
    "resumed": RESUMED,
    "resumed-evaluating": RESUMED_EVALUATING,
}
ROWS = [
    w.with_nulls,
    w.without_eval_loss,
    w.every_seventh_without_loss,
    w.sometimes_without_time,
    w.as_text,
    w.with_dpo,
    w.with_throughput,
    w.of_nothing,
    w.with_nan,
]
CONSOLES: dict[str, dict[str, Callable[[str], str]]] = {
    "plain": {},
    "srun -l": {"dicts": lambda t: f"\n0: {t}\n", "bars": lambda t: f"\r0: {t}"},
    "srun -l of many tasks": {"dicts": lambda t: f"\n  0: {t}\n", "bars": lambda t: f"\n  0: {t}"},
    "LLaMA-Factory's logger": {"dicts": lambda t: f"\n[INFO|2026-01-01 10:00:00] logging.py:144 >> {t}\n"},
    "cursor up": {"eval_bar": lambda t: f"\n\r{t}\x1b[A"},
    "a second bar": {"eval_bar": lambda t: f"\r{t}"},
    "NUL": {"bars": lambda t: f"\r{t[:9]}\0\0\0{t[9:]}"},
    "slurmstepd": {"bars": lambda t: f"\r{t}slurmstepd: error: *** STEP 1.0 ON n1 CANCELLED ***\n"},
    "four ranks": {
        "dicts": lambda t: "".join(f"\n{rank}: {t}\n" for rank in range(4)),
        "bars": lambda t: "".join(f"\r{rank}: {t}" for rank in range(4)),
    },
    "one endless line": {"dicts": lambda t: t, "bars": lambda t: f"\r{t}{' ' * 900}"},
    "a bar that claims 547 it/s": {"bars": lambda t: "\r" + t.replace("1:00:00,  4.02s/it", "00:00, 547.02it/s")},
}


def at(run: w.Training, lines: w.Lines, share: float, name: str) -> Projection:
    """The projection of the file as it was when that share of the steps was done."""
    reached = run.start + share * (run.total - run.start)
    second = max(m.elapsed for m in run.moments if m.step <= reached)
    logs = read_any(w.until(lines, second), name)
    answer = project(logs[-1], limit_s=None)
    holds_together(answer)
    return answer


def is_near(answer: Projection, run: w.Training, within: float) -> None:
    assert answer.total_s is not None
    assert answer.total_s == pytest.approx(run.end, rel=within)
    assert answer.segment_start == run.start
    assert answer.total_steps == run.total


@pytest.mark.parametrize("change", ROWS, ids=lambda change: change.__name__)
@pytest.mark.parametrize("name", RUNS)
def test_rows_of_every_kind(name: str, change: Callable[..., dict[str, object]]) -> None:
    run = RUNS[name]
    lines = w.trainer_log(run, change)
    is_near(at(run, lines, 0.4, "trainer_log.jsonl"), run, 0.012)
    is_near(at(run, lines, 0.75, "trainer_log.jsonl"), run, 0.006)


@pytest.mark.parametrize("console", CONSOLES)
@pytest.mark.parametrize("name", ["plain", "evaluating", "resumed", "resumed-evaluating"])
def test_consoles_of_every_kind(name: str, console: str) -> None:
    run = RUNS[name]
    for text in (False, True):
        lines = w.job_output(run, text=text, **CONSOLES[console])  # type: ignore[arg-type]
        is_near(at(run, lines, 0.4, "job-1.out"), run, 0.012)
    headless = w.job_output(run, head=False, **CONSOLES[console])  # type: ignore[arg-type]
    is_near(at(run, headless, 0.75, "job-1.out"), run, 0.006)


@pytest.mark.parametrize("head", [True, False])
def test_a_resume_that_skips_data_for_a_long_time_before_its_first_step(head: bool) -> None:
    late = tuple(replace(moment, elapsed=moment.elapsed + 900) for moment in RESUMED.moments)
    run = replace(RESUMED, moments=late, end=RESUMED.end + 900)
    is_near(at(run, w.job_output(run, head=head), 0.5, "job-1.out"), run, 0.005)
    is_near(at(run, w.trainer_log(run), 0.5, "trainer_log.jsonl"), run, 0.005)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_cut_log_says_what_the_file_said_then(share: float) -> None:
    for run in RUNS.values():
        lines = w.trainer_log(run)
        whole = read_any(w.until(lines, run.end), "trainer_log.jsonl")[-1]
        then, cut = at(run, lines, share, "trainer_log.jsonl"), project(cut_log(whole, share), limit_s=None)
        assert cut.total_s == pytest.approx(then.total_s, rel=0.002)


@pytest.mark.parametrize("days", [2, 4])
def test_runs_of_days(days: int) -> None:
    run = w.training(pace=days * 100.0)
    for change in (w.with_nulls, w.with_dpo):
        lines = w.trainer_log(run, change)
        assert f"{days} days, ".encode() in w.until(lines, run.end)
        is_near(at(run, lines, 0.5, "trainer_log.jsonl"), run, 0.005)


def test_a_run_that_ended_at_18_percent_while_its_last_line_promised_hours() -> None:
    lines = [(t, line) for t, line in w.trainer_log(PLAIN) if t <= 0.185 * PLAIN.end]
    last = {**json.loads(lines[-1][1]), "current_steps": 184, "elapsed_time": "0:12:31"}
    del last["loss"], last["lr"]
    lines.append((PLAIN.end, json.dumps(last).encode() + b"\n"))
    (log,) = read_any(w.until(lines, PLAIN.end), "trainer_log.jsonl")
    answer = project(log, limit_s=3600.0)
    assert answer.total_s == 751
    assert answer.verdict is Verdict.FITS
    assert answer.reasons[0] == "ended early at step 184 of 1,000 after 13 min"


def test_a_final_evaluation_with_a_count_of_its_own_is_no_training() -> None:
    lines = w.trainer_log(PLAIN)
    row = {"current_steps": 8, "total_steps": 8, "eval_loss": 1.1, "epoch": 1.0, "elapsed_time": "1:09:00"}
    lines.append((PLAIN.end + 60, json.dumps(row).encode() + b"\n"))
    (log,) = read_any(w.until(lines, PLAIN.end + 60), "trainer_log.jsonl")
    answer = project(log, limit_s=None)
    assert (answer.step, answer.total_steps, answer.total_s) == (1000, 1000, 4140)


def test_a_prediction_is_projected_like_a_training() -> None:
    is_near(at(PLAIN, w.trainer_log(PLAIN, w.only_a_count), 0.5, "trainer_log.jsonl"), PLAIN, 0.005)


def test_fourteen_runs_in_one_file_are_fourteen_answers() -> None:
    before = [(0.0, line) for _ in range(13) for _, line in w.trainer_log(PLAIN)]
    logs = read_any(w.until([*before, *w.trainer_log(PLAIN)], 0.6 * PLAIN.end), "trainer_log.jsonl")
    assert len(logs) == 14
    is_near(project(logs[-1], limit_s=None), PLAIN, 0.005)


@pytest.mark.parametrize("ahead_s", [40, 300, 700, 1500])
@pytest.mark.parametrize("pace", [4.0, 6.5])
def test_two_writers_are_projected_apart(pace: float, ahead_s: float) -> None:
    """Steps go back at every other line."""
    other = w.training(pace=pace, seed=9)
    ahead = [(t - ahead_s, line) for t, line in w.trainer_log(other)]
    answer = at(PLAIN, w.interleaved([ahead, w.trainer_log(PLAIN)]), 0.5, "trainer_log.jsonl")
    assert answer.total_s is not None
    assert min(abs(answer.total_s / run.end - 1) for run in (PLAIN, other)) < 0.01


def test_the_schedule_of_evaluations_is_known_from_the_segment_before() -> None:
    """The resumed segment has not come to one yet."""
    first = w.training(eval_steps=250, eval_s=90.0)
    before = [(-1.0, line) for t, line in w.trainer_log(first) if t <= 0.5 * first.end]
    run = w.training(start=500, eval_steps=250, eval_s=90.0)
    answer = at(run, [*before, *w.trainer_log(run)], 0.15, "trainer_log.jsonl")
    is_near(answer, run, 0.01)
    assert any("evaluation of about 2 min (not seen yet) is due at step 750" in r for r in answer.reasons)


def test_streams_apart_meet_again_and_one_alone_says_what_it_lacks() -> None:
    bars = w.until(w.job_output(PLAIN, dicts=lambda _: ""), 0.5 * PLAIN.end)
    dicts = w.until(w.job_output(PLAIN, bars=lambda _: "", head=False), 0.5 * PLAIN.end)
    (log,) = read_job_outputs({"err": bars, "out": dicts})
    is_near(project(log, limit_s=None), PLAIN, 0.005)
    (alone,) = read_any(dicts, "job-1.out")
    answer = project(alone, limit_s=3600.0)
    assert answer.verdict is Verdict.TOO_EARLY
    assert "has no clock" in answer.reasons[0]
    assert ".err" in answer.reasons[0]


def test_a_logical_line_of_megabytes(tmp_path: Path) -> None:
    lines = w.job_output(PLAIN, head=False, dicts=lambda t: t, bars=lambda t: f"\r{t}{' ' * 4400}")
    data = w.until(lines, 0.5 * PLAIN.end)
    assert len(data) > 2 << 20
    assert data.count(b"\n") == 0
    is_near(at(PLAIN, lines, 0.5, "job-1.err"), PLAIN, 0.005)
