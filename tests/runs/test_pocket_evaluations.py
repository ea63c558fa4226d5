"""The evaluation that follows a finished run: submitted exactly once, by whoever can, and told to its end.

On the embedded cluster, with real jobs. What trains and what asks stand in; the submission from inside the run's job is
the trainer's own.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

import pytest

from tests.runs.test_pocket_runs import JOB, TRAINER, Pocket, pocket_in
from websight_tui.bundle_files import bundle_files
from websight_tui.runs.bundle import Bundle
from websight_tui.runs.keeper import Keeper
from websight_tui.runs.plan import LaunchPlan
from websight_tui.runs.saved_work import measurer
from websight_tui.runs.saved_work.beside import evaluating
from websight_tui.runs.state import Evaluation, Measured, Phase
from websight_tui.slurm_commands.script import render

SAVES = """
import pathlib
os.makedirs("out", exist_ok=True)
pathlib.Path("out/adapter_model.safetensors").write_bytes(b"x" * 99)
"""
FOLLOWS = """
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from trainer import follow_up
if "from_here" not in FROM:
    os.environ["PATH"] = "/nowhere"
follow_up.submit(pathlib.Path.cwd())
"""
ASKS = b"""
import json, pathlib, sys, time
words = sys.argv[1:]
assert words[0] == "evaluate", words
given = dict(zip(words[1::2], words[2::2]))
print("progress 1/4: loading the model", file=sys.stderr, flush=True)
if given["--dataset"] == "slow":
    time.sleep(60)
if given["--dataset"] == "fails":
    sys.exit("error: the model cannot be loaded")
out = pathlib.Path(given["--adapter-path"]) / ("evaluation-" + given["--dataset"])
out.mkdir(exist_ok=True)
results = {"rows": int(given["--limit"]), "accuracy": 0.5, "low": 0.2, "high": 0.8}
(out / "results.json").write_text(json.dumps(results))
print(json.dumps(results))
"""


def bundle(follows: str = "from_here") -> Bundle:
    """Trains for a moment; `follows` says whether the run's job submits the evaluation ("": it does not try)."""
    real = bundle_files()
    script = TRAINER.replace("STEPS", "3").replace("PAUSE", "0.05") + SAVES
    if follows:
        script += FOLLOWS.replace("FROM", repr(follows))
    names = ("trainer/__init__.py", "trainer/follow_up.py", "trainer/slurm.py")
    files = {name: real[name] for name in names}
    return Bundle({**files, "trainer/stand_in.py": script.encode(), "trainer/__main__.py": ASKS, "slurm/job.sh": JOB})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pocket]:
    yield from pocket_in(tmp_path_factory.mktemp("pocket"), 1.0)


@pytest.fixture
def pocket(shared: Pocket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pocket]:
    """The app's own submissions carry the stand-in, too."""
    monkeypatch.setattr(measurer, "bundle_files", lambda: bundle().files)
    yield shared
    shared.close()


def planned(
    pocket: Pocket, dataset: str, follows: str = "from_here", *, evaluate: bool = True, **changes: object
) -> LaunchPlan:
    plan = pocket.plan(1, 0.1, test_dataset=dataset, max_test_samples=4, **changes)
    made = bundle(follows)
    spec = dataclasses.replace(plan.spec, evaluate=evaluate, bundle=made.sha)
    return dataclasses.replace(plan, spec=spec, bundle=made, script=render(spec))


def measured(keeper: Keeper, run_id: str, evaluation: Evaluation, attempt: int = 1, timeout_s: float = 60) -> Measured:
    def there(found: Measured | None) -> bool:
        return found is not None and found.evaluation is evaluation and found.attempt == attempt

    assert keeper.wait(lambda s: run_id in s.runs and there(s.runs[run_id].measured), timeout_s), keeper.state.runs
    found = keeper.state.runs[run_id].measured
    assert found is not None
    return found


def jobs_for(pocket: Pocket, keeper: Keeper, plan: LaunchPlan, attempt: int = 1) -> int:
    """How many jobs ever measured that run."""
    spec = keeper.state.runs[plan.spec.run_id].spec  # with the home folder of the cluster in its paths
    name = evaluating(spec, attempt).job_name
    return len(pocket.command(f"sacct --noheader --allocations --name={name} --format=JobID").split())


def test_the_run_s_own_job_submits_it_and_nobody_has_to_look(pocket: Pocket) -> None:
    engine, keeper = pocket.start("own")
    plan = planned(pocket, "good")
    engine.submit(plan)
    found = measured(keeper, plan.spec.run_id, Evaluation.DONE)
    assert (found.accuracy, found.low, found.high, found.rows, found.adapter_bytes) == (0.5, 0.2, 0.8, 4, 99)
    assert keeper.state.runs[plan.spec.run_id].phase is Phase.FINISHED
    assert jobs_for(pocket, keeper, plan) == 1
    engine.measure([plan.spec.run_id])
    time.sleep(1)
    assert (jobs_for(pocket, keeper, plan), jobs_for(pocket, keeper, plan, 2)) == (1, 0), (
        "looking again submits nothing"
    )
    engine.close()
    _, again = pocket.start("own", connect=False)
    assert again.state.runs[plan.spec.run_id].measured == found, "it is kept"


@pytest.mark.parametrize(("follows", "attempt"), [("", 1), ("not from that node", 2)])
def test_what_the_job_could_not_submit_the_app_does_and_two_apps_do_it_once(
    pocket: Pocket, follows: str, attempt: int
) -> None:
    engine, keeper = pocket.start(f"first{attempt}")
    plan = planned(pocket, "good", follows)
    engine.submit(plan)
    assert keeper.wait(lambda s: plan.spec.run_id in s.runs and bool(s.runs[plan.spec.run_id].jobs), 30)
    other, also = pocket.start(f"first{attempt}")
    for look in (keeper, also):
        assert measured(look, plan.spec.run_id, Evaluation.DONE, attempt).accuracy == 0.5
    other.measure([plan.spec.run_id])
    time.sleep(1)
    assert jobs_for(pocket, keeper, plan, attempt) == 1
    assert jobs_for(pocket, keeper, plan, 3 - attempt) == 0


def test_a_run_launched_without_gets_none_until_a_person_asks(pocket: Pocket) -> None:
    engine, keeper = pocket.start("without")
    plan = planned(pocket, "good", evaluate=False)
    run_id = plan.spec.run_id
    engine.submit(plan)
    assert keeper.wait(lambda s: run_id in s.runs and s.runs[run_id].phase is Phase.FINISHED, 30)
    engine.measure([run_id])
    assert measured(keeper, run_id, Evaluation.NONE, 0).adapter_bytes == 99
    assert jobs_for(pocket, keeper, plan) == 0
    engine.evaluate([run_id])
    assert measured(keeper, run_id, Evaluation.DONE).accuracy == 0.5
    engine.evaluate([run_id])
    time.sleep(1)
    assert (jobs_for(pocket, keeper, plan), jobs_for(pocket, keeper, plan, 2)) == (1, 0)


def test_a_failure_says_why_and_is_tried_again_only_when_asked(pocket: Pocket) -> None:
    engine, keeper = pocket.start("fails")
    plan = planned(pocket, "fails")
    run_id = plan.spec.run_id
    engine.submit(plan)
    found = measured(keeper, run_id, Evaluation.FAILED)
    assert (found.why, found.refused, found.accuracy) == ("the model cannot be loaded", False, None)
    assert jobs_for(pocket, keeper, plan, 2) == 0
    engine.evaluate([run_id])
    assert measured(keeper, run_id, Evaluation.FAILED, 2).why == "the model cannot be loaded"
    assert (jobs_for(pocket, keeper, plan), jobs_for(pocket, keeper, plan, 2)) == (1, 1)


def test_it_is_cancelled_with_its_run(pocket: Pocket) -> None:
    engine, keeper = pocket.start("cancels")
    plan = planned(pocket, "slow")
    run_id = plan.spec.run_id
    engine.submit(plan)
    running = measured(keeper, run_id, Evaluation.RUNNING)
    assert (running.asked, running.to_ask) in ((0, 0), (1, 4))
    assert keeper.wait(lambda s: any(job.name.endswith("-evaluate") for job in s.clusters["demo"].queue), 20)
    engine.cancel(run_id)
    assert "stopped" in measured(keeper, run_id, Evaluation.FAILED).why
    assert keeper.wait(lambda s: not s.clusters["demo"].queue, 20)
    assert keeper.state.runs[run_id].phase is Phase.FINISHED, "the run is what it was"


def test_one_that_is_killed_without_a_word_is_told_by_the_accounting(pocket: Pocket) -> None:
    engine, keeper = pocket.start("killed")
    plan = planned(pocket, "slow")
    run_id = plan.spec.run_id
    engine.submit(plan)
    measured(keeper, run_id, Evaluation.RUNNING)
    name = evaluating(keeper.state.runs[run_id].spec).job_name
    pocket.command(f"scancel --signal=KILL --full --name={name}")
    assert "its job was ended with an error" in measured(keeper, run_id, Evaluation.FAILED).why
