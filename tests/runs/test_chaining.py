"""More jobs for a run that is under way: a file for its trainer, nothing submitted, nothing lost by doing it twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tests.runs.conftest import BUNDLE, Desk
from websight_tui.errors import ConnectionLost
from websight_tui.runs import events as e
from websight_tui.runs.bundle import Bundle
from websight_tui.runs.engine import Engine
from websight_tui.runs.keeper import Keeper
from websight_tui.runs.submit import script_path

READS_IT = Bundle({**BUNDLE.files, "trainer/chain.py": b"MAX_JOBS = 'max_jobs.json'"})


def under_way(desk: Desk, bundle: Bundle = READS_IT) -> tuple[Engine, Keeper, str]:
    """A run whose one job is in the queue."""
    engine, keeper = desk.start()
    plan = replace(desk.plan(), bundle=bundle)
    plan = replace(plan, spec=replace(plan.spec, bundle=bundle.sha))
    engine.submit(plan)
    run_id = plan.spec.run_id
    assert keeper.wait(lambda s: bool(s.runs.get(run_id) and s.runs[run_id].jobs), 10)
    return engine, keeper, run_id


def answer(keeper: Keeper) -> e.ActionDone:
    while (event := keeper.take(10)) is not None:
        if isinstance(event, e.ActionDone):
            return event
    raise AssertionError("no answer")


def file_of(keeper: Keeper, run_id: str) -> Path:
    return Path(keeper.state.runs[run_id].spec.run_dir) / "max_jobs.json"


def test_it_is_written_for_this_very_job_and_remembered(desk: Desk) -> None:
    engine, keeper, run_id = under_way(desk)
    submitted = len(desk.slurm.sbatch_calls)
    for _ in range(2):
        engine.set_max_jobs(run_id, 3)
    assert keeper.wait(lambda s: s.runs[run_id].spec.preset.max_jobs == 3, 10)
    said = answer(keeper)
    assert said.ok
    job = keeper.state.runs[run_id].job
    assert job is not None
    assert json.loads(file_of(keeper, run_id).read_text()) == {"job_id": job.job_id, "max_jobs": 3}
    assert len(desk.slurm.sbatch_calls) == submitted
    engine.close()
    _, offline = desk.start(connect=False)
    assert offline.state.runs[run_id].spec.preset.max_jobs == 3


def test_an_older_trainer_would_not_look(desk: Desk) -> None:
    engine, keeper, run_id = under_way(desk, BUNDLE)
    engine.set_max_jobs(run_id, 3)
    said = answer(keeper)
    assert not said.ok
    assert "older version" in said.message
    assert "resume it then" in said.hint
    assert not file_of(keeper, run_id).exists()
    assert keeper.state.runs[run_id].spec.preset.max_jobs == 1


def test_a_line_that_breaks_says_that_twice_does_no_harm(desk: Desk) -> None:
    engine, keeper, run_id = under_way(desk)

    def fault(command: str) -> None:
        if command.startswith("upload") and "max_jobs" in command:
            raise ConnectionLost("The connection broke")

    desk.transports[-1].fault = fault
    engine.set_max_jobs(run_id, 3)
    said = answer(keeper)
    assert not said.ok
    assert "twice does no harm" in said.hint
    assert keeper.state.runs[run_id].spec.preset.max_jobs == 1


def test_a_run_that_is_resumed_as_a_chain_is_submitted_with_all_its_jobs(desk: Desk) -> None:
    engine, keeper, run_id = under_way(desk)
    job = next(iter(desk.slurm.all_jobs()))
    job.state, job.start, job.end = "TIMEOUT", 1_700_000_000, 1_700_000_600
    engine.refresh("fake")
    assert keeper.wait(lambda s: bool(s.runs[run_id].job and s.runs[run_id].job.final), 10)
    engine.resume(run_id, {"max_jobs": 4, "time_limit": "0:42:00"})
    assert keeper.wait(lambda s: len(s.runs[run_id].jobs) == 2, 10), keeper.state.runs[run_id]
    run = json.loads((Path(keeper.state.runs[run_id].spec.run_dir) / "run.json").read_text())
    assert run["preset"]["max_jobs"] == 4
    assert "--time=0:42:00" in Path(script_path(keeper.state.runs[run_id].spec)).read_text()
