"""`websight-tui sweep` as a person and a script use it; the last test trains two tiny models for real."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.cli.conftest import Desk


def test_a_dry_run_shows_the_runs_and_sends_nothing(desk: Desk) -> None:
    words = ("sweep", "rank32", "--set", "lora_rank=8,16,32", "--set", "num_train_epochs=0.5,1", "--dry-run")
    status, out, _ = desk.run(*words)
    assert status == 0
    assert "rank32-r16-e0_5" in out
    assert "6 runs, about " in out
    assert "Afterwards a job with no GPU measures clicks on 500 test rows: about " in out
    assert "measures clicks" not in desk.run(*words, "--no-evaluate")[1]
    assert "Nothing was sent." in out
    rows = desk.json(*words)
    assert [row["preset"] for row in rows][:2] == ["rank32-r8-e0_5", "rank32-r8-e1"]
    assert rows[0]["differences"]["lora_rank"] == [32, 8]
    assert desk.json("sweep", "--list") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sweep",), "at least one preset"),
        (("sweep", "tiny"), "--yes"),
        (("sweep", "nosuch", "--dry-run"), "no preset 'nosuch'"),
        (("sweep", "tiny", "--set", "lora_rank=x", "--dry-run"), "whole number"),
        (("sweep", "--show", "last"), "no sweeps yet"),
    ],
)
def test_what_cannot_be_done_says_the_next_step(desk: Desk, words: tuple[str, ...], said: str) -> None:
    status, _, err = desk.run(*words)
    assert status == 1
    assert said in err


@pytest.mark.timeout(600)
def test_the_runs_train_and_the_table_is_measured(desk: Desk, trainer_python: str) -> None:
    desk.configure(trainer_python)
    settings = ("--set", "lora_rank=4,8", "--set", "num_train_epochs=0.05", "--set", "eval_steps=1000")
    status, out, err = desk.run("sweep", "tiny", *settings, "--yes", "--follow", timeout=560)
    assert status == 0, out + err
    assert "2 of 2 finished" in out
    rows: list[dict[str, Any]] = desk.json("sweep", "--show", "last", "--offline")
    assert [(row["lora_rank"], row["num_train_epochs"]) for row in rows] == [(4, 0.05), (8, 0.05)]
    assert {row["state"] for row in rows} == {"finished"}
    assert all(row["seconds"] > 0 and row["loss"] > 0 for row in rows)
    small, large = rows[0]["adapter_bytes"], rows[1]["adapter_bytes"]
    assert 1.5 < large / small < 2.5, "twice the rank, twice the adapter"
    assert "2 measured (16 rows each)" in out
    assert [(row["clicks"], row["accuracy_rows"]) for row in rows] == [("measured", 16)] * 2
    assert all(0 <= row["accuracy_95"][0] <= row["accuracy"] <= row["accuracy_95"][1] <= 1 for row in rows)
    for row in rows:
        run_dir = desk.info.home / "w" / "runs" / row["run"]
        assert [folder.name for folder in (run_dir / "tasks").iterdir()] == ["evaluate"], "one attempt each"
        job_id = (run_dir / "tasks" / "evaluate" / ".submit" / "stdout").read_text().strip()
        (said,) = (path.read_text() for path in run_dir.glob("job-*.out"))
        assert f"job {job_id} measures the clicks of this adapter" in said, "the run's own job has submitted it"
    assert desk.json("status", "--sweep", "last", "--offline") == rows
    status, table, _ = desk.run("sweep", "--show", "last", "--offline", "--format", "csv")
    written = list(csv.DictReader(io.StringIO(table)))
    assert [float(row["accuracy"]) for row in written] == [row["accuracy"] for row in rows]
    status, notebook, _ = desk.run("sweep", "--show", "last", "--offline", "--format", "md")
    assert "| tiny-r4 | 4/8 | 0.05 | 2 | finished |" in notebook
    assert "- Clicks: 2 measured (16 rows each)" in notebook
    (listed,) = desk.json("sweep", "--list")
    assert listed["summary"] == "2 of 2 finished"
    (again,) = desk.json("sweep", "--rest", "last")
    assert again["ok"]
    assert len(desk.json("status", "--offline")) == 2, "nothing was submitted twice"
