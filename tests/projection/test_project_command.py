"""`websight-tui project`: JSON as promised, exit statuses, every format, words for people."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from tests.projection.made import made_log
from tests.shared import shared_dir
from websight_tui.cli import project
from websight_tui.metrics.model import Segment

KEYS = [
    "file",
    "run",
    "at",
    "step",
    "total_steps",
    "segment_start",
    "elapsed_s",
    "total_s",
    "total_s_80",
    "total_s_95",
    "limit_s",
    "verdict",
    "reasons",
]


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    project.add_parser(parser.add_subparsers())
    args = parser.parse_args(["project", *words])
    result: int = args.run(args)
    return result


def clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def trainer_log(segment: Segment) -> str:
    return "".join(
        json.dumps(
            {
                "current_steps": int(step),
                "total_steps": segment.total_steps,
                "loss": 1.0,
                "epoch": 0.1,
                "elapsed_time": clock(elapsed),
                "remaining_time": "0:00:00",
            }
        )
        + "\n"
        for step, elapsed in zip(segment.columns.step, segment.columns.elapsed, strict=True)
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    made, _ = made_log(total=1000, until=1000, pace=4.0)
    path = tmp_path / "trainer_log.jsonl"
    path.write_text(trainer_log(made.segments[0]))
    return path


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_has_the_promised_keys_one_object_for_each_share(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(log), "--limit", "2:00:00", "--at", "25%", "--at", "0.5", "--json") == 0
    quarter, half = lines(capsys.readouterr().out)
    assert list(quarter) == KEYS
    assert (quarter["at"], half["at"]) == (0.25, 0.5)
    assert (quarter["step"], half["step"]) == (250, 500)
    assert quarter["limit_s"] == 7200
    assert quarter["verdict"] == "fits"
    assert quarter["total_s"] == pytest.approx(4020, rel=0.02)
    assert quarter["total_s_95"][0] <= quarter["total_s_80"][0] <= quarter["total_s"] <= quarter["total_s_80"][1]


def test_several_runs_of_a_file_are_told_apart(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_text(log.read_text() * 2)
    run(str(log), "--json")
    assert [line["run"] for line in lines(capsys.readouterr().out)] == [0, 1]


def test_a_verdict_will_not_fit_is_status_4(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(log), "--limit", "0:30:00", "--at", "50%") == 4
    out = capsys.readouterr().out
    assert "will not fit" in out
    assert "limit of 30 min" in out


def test_a_file_that_cannot_be_used_is_status_1_and_the_others_are_answered(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("nothing here\n")
    assert run(str(tmp_path / "missing"), str(empty), str(log), "--json") == 1
    got = capsys.readouterr()
    assert len(lines(got.out)) == 1
    assert "missing cannot be read: No such file" in got.err
    assert "empty.txt tells of no training" in got.err


@pytest.mark.parametrize(
    "words", [["--at", "130%"], ["--at", "x"], ["--limit", "soon"], ["--limit", "0"], ["--at", "0"]]
)
def test_nonsense_is_status_2(log: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(str(log), *words)
    assert stopped.value.code == 2


def test_people_get_the_band_and_the_reasons(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(str(log), "--limit", "8:00:00", "--at", "30%")
    out = capsys.readouterr().out
    for part in ("verdict", "fits", "80 % band", "300 of 1,000", "s a step"):
        assert part in out


def test_many_answers_become_a_table(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(str(log), "--limit", "8:00:00", *[w for at in range(10, 100, 10) for w in ("--at", f"{at}%")])
    assert len([line for line in capsys.readouterr().out.splitlines() if "1000" in line]) == 9


def test_the_plot_draws_the_limit_and_the_projection(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(log), "--limit", "1:30:00", "--at", "60%", "--plot") == 0
    out = capsys.readouterr().out
    assert "projected total" in out
    assert "elapsed (minutes)" in out
    assert "\x1b" not in out


def test_the_schedule_is_read_from_the_state_beside_the_log(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = {
        "max_steps": 1000,
        "global_step": 400,
        "eval_steps": 400,
        "save_steps": 400,
        "log_history": [{"step": 400, "eval_loss": 1.0, "eval_runtime": 500.0}],
    }
    (log.parent / "trainer_state.json").write_text(json.dumps(state))
    run(str(log), "--at", "30%", "--json")
    (answer,) = lines(capsys.readouterr().out)
    assert any("an evaluation of unknown length is due at step 400" in reason for reason in answer["reasons"])


def test_every_recorded_log_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    paths = sorted(p for folder in ("trainer_log", "trainer_state") for p in (shared_dir() / "logs" / folder).iterdir())
    run(*map(str, paths), "--limit", "8:00:00", "--json", "--at", "50%", "--at", "100%")
    answers = lines(capsys.readouterr().out)
    assert len({answer["file"] for answer in answers}) >= len(paths) - 1
    assert {answer["verdict"] for answer in answers} <= {"fits", "tight", "will not fit", "too early to say"}
