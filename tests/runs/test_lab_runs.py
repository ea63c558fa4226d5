"""The engine against a real Slurm over real SSH: the same job or none, whatever the controller does."""

from __future__ import annotations

import dataclasses
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.client import Lab, LabPerson, require_lab
from tests.runs import test_pocket_evaluations as evaluations
from tests.runs.killed_app import MOMENTS, kill_in
from tests.runs.test_pocket_runs import Pocket, reaches, settles
from websight_tui.config import Cluster, load_config
from websight_tui.remote.port import Endpoint
from websight_tui.runs.engine import Engine
from websight_tui.runs.events import ActionDone
from websight_tui.runs.keeper import Keeper
from websight_tui.runs.saved_work import measurer
from websight_tui.runs.state import Evaluation, Link, Outcome, Phase

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("lab-runs")]
SMALL = {"mem": "100M", "time_limit": "0:05:00"}


class Site(Pocket):
    """A person's machine in front of the lab."""

    lab: Lab

    @property
    def sbatch(self) -> str:
        """What is there once the first user's sbatch has been started, as a pattern."""
        folder = self.cluster.root.removeprefix("~/")
        return f"{self.lab.home}/{self.lab.users['alice']}/{folder}/runs/*/.submit-*/stdout"

    def connect(self, name: str) -> tuple[Engine, Keeper]:
        engine, keeper = self.start(name, connect=False)
        engine.connect("demo", LabPerson(self.lab))
        assert keeper.wait(lambda s: s.clusters["demo"].link is Link.ONLINE, 30), keeper.state.clusters
        return engine, keeper


@pytest.fixture(params=["lab-key", "lab-noisy", "lab-bare"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    yield from _site(request.param, tmp_path, monkeypatch)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    yield from _site("lab-key", tmp_path, monkeypatch)


def _site(host: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    lab = require_lab()
    monkeypatch.setenv("WEBSIGHT_TUI_SSH_CONFIG", lab.ssh_config)
    cluster = Cluster(
        "demo",
        Endpoint(host=host),
        root=f"~/runs-{secrets.token_hex(3)}",
        account=lab.account,
        gpus_per_node=0,
        poll_floor_s=0.3,
        python="/usr/bin/python3",
    )
    site = Site(dataclasses.replace(load_config(folder / "none"), clusters={"demo": cluster}), folder)
    site.lab = lab
    yield site
    site.close()


def test_a_run_from_submit_to_finish(site: Site) -> None:
    engine, keeper = site.connect("whole")
    plan = site.plan(10, 0.1, **SMALL)
    engine.submit(plan)
    run = reaches(keeper, plan.spec.run_id, Phase.FINISHED, 60)
    assert run.log.last is not None
    assert run.log.last.last_step == 10
    assert keeper.wait(lambda s: s.runs[plan.spec.run_id].job.exit_code == "0:0", 30), run.jobs


@pytest.mark.parametrize("follows", ["from_here", ""])
def test_the_evaluation_after_a_run_is_submitted_once(
    slurm: Site, monkeypatch: pytest.MonkeyPatch, follows: str
) -> None:
    """By the run's own job from its node; where that did not, by the app."""
    monkeypatch.setattr(measurer, "bundle_files", lambda: evaluations.bundle().files)
    engine, keeper = slurm.connect("evaluation")
    plan = evaluations.planned(slurm, "good", follows, **SMALL)
    engine.submit(plan)
    found = evaluations.measured(keeper, plan.spec.run_id, Evaluation.DONE)
    assert (found.accuracy, found.rows) == (0.5, 4)
    end = time.monotonic() + 20
    while not evaluations.jobs_for(slurm, keeper, plan) and time.monotonic() < end:
        time.sleep(0.5)  # the accounting learns of a job a little later
    time.sleep(1)
    assert evaluations.jobs_for(slurm, keeper, plan) == 1
    assert evaluations.jobs_for(slurm, keeper, plan, 2) == 0


def test_actions_and_a_requeue(slurm: Site) -> None:
    engine, keeper = slurm.connect("actions")
    plan = slurm.plan(1000, 0.1, **SMALL)
    run_id = plan.spec.run_id
    engine.submit(plan)
    reaches(keeper, run_id, Phase.TRAINING, 40)
    engine.set_time_limit(run_id, 240)
    assert done(keeper, "set time limit").ok
    engine.set_time_limit(run_id, 900)
    assert "administrators" in done(keeper, "set time limit").hint
    engine.requeue(run_id)
    assert done(keeper, "requeue").ok
    run = reaches(keeper, run_id, Phase.PENDING, 20)
    assert run.job is not None
    assert not run.job.final
    engine.hold(run_id)
    assert done(keeper, "hold").ok
    assert keeper.wait(lambda s: s.runs[run_id].job.reason in ("JobHeldUser", "job requeued in held state"), 20)
    engine.release(run_id)
    assert done(keeper, "release").ok
    engine.cancel(run_id)
    assert done(keeper, "cancel").ok
    reaches(keeper, run_id, Phase.CANCELLED, 20)


def test_a_hung_controller_in_the_middle_of_a_submission(slurm: Site) -> None:
    engine, keeper = slurm.connect("hung")
    plan = slurm.plan(3, 0.05, **SMALL)
    with slurm.lab.hung():
        engine.submit(plan)
        assert keeper.wait(
            lambda s: plan.spec.run_id in s.runs and s.runs[plan.spec.run_id].outcome is Outcome.UNKNOWN, 60
        )
    assert keeper.wait(lambda s: s.runs[plan.spec.run_id].outcome is Outcome.ACCEPTED, 60), keeper.state.runs
    reaches(keeper, plan.spec.run_id, Phase.FINISHED, 60)
    transport = engine.transport("demo")
    assert transport is not None
    names = transport.exec("squeue -h -t all --me -o %k; sacct -nPX -o JobName", timeout=30).stdout
    assert sum(line == plan.spec.token for line in names.split("\n")) == 1


def test_a_connection_that_breaks_while_sbatch_hangs(slurm: Site) -> None:
    engine, keeper = slurm.connect("broken")
    plan = slurm.plan(3, 0.05, **SMALL)
    with slurm.lab.hung():
        engine.submit(plan)
        assert keeper.wait(
            lambda s: plan.spec.run_id in s.runs and s.runs[plan.spec.run_id].stage == "asking Slurm", 60
        )
        while not any(Path("/").glob(slurm.sbatch.lstrip("/"))):
            threading.Event().wait(0.1)
        slurm.transports[-1].close()
        assert keeper.wait(lambda s: s.runs[plan.spec.run_id].outcome is Outcome.UNKNOWN, 30)
    assert keeper.wait(lambda s: s.runs[plan.spec.run_id].outcome is Outcome.ACCEPTED, 60), keeper.state
    reaches(keeper, plan.spec.run_id, Phase.FINISHED, 60)


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_app_killed_in_the_middle_of_a_submission(slurm: Site, moment: str) -> None:
    kill_in(slurm.cluster, slurm.folder, "killed", moment, delay_s=0.05, **SMALL)
    settles(slurm, "killed", jobs=1 if moment == "answered" else None)


def test_an_app_killed_while_sbatch_waits_for_a_hung_controller(slurm: Site) -> None:
    """The job is there in the end although nobody was left to hear of it, and the next app finds that one job."""
    with slurm.lab.hung():
        kill_in(slurm.cluster, slurm.folder, "killed", "asking Slurm", delay_s=0.5, after=slurm.sbatch, **SMALL)
    settles(slurm, "killed", jobs=1, timeout_s=60)


def test_the_next_app_starts_while_the_controller_still_hangs(slurm: Site) -> None:
    """It says that it does not know, and submits nothing; when the controller is back, there is one job."""
    with slurm.lab.hung():
        kill_in(slurm.cluster, slurm.folder, "killed", "asking Slurm", delay_s=0.5, after=slurm.sbatch, **SMALL)
        engine, keeper = slurm.connect("killed")
        (run_id,) = keeper.state.runs
        unsettled = (Outcome.INTENT, Outcome.UNKNOWN)
        assert not keeper.wait(lambda s: s.runs[run_id].outcome not in unsettled, 5)
        engine.close()
    settles(slurm, "killed", jobs=1, timeout_s=60)


def test_a_rejection_is_slurms_own_reason(slurm: Site) -> None:
    engine, keeper = slurm.connect("rejected")
    plan = slurm.plan(3, 0.05, **SMALL)
    plan = dataclasses.replace(plan, spec=dataclasses.replace(plan.spec, account="nosuch"))
    engine.submit(plan)
    run = reaches(keeper, plan.spec.run_id, Phase.REJECTED, 60)
    assert "account" in run.outcome_text


THEIRS = """#!/bin/bash
#SBATCH --output=/dev/null --time=5 --mem=100M
mkdir -p "$1/saves/checkpoint-20"
echo '{"global_step": 20, "max_steps": 100, "log_history": [{"step": 10, "loss": 2.5}, {"step": 20, "loss": 2.0}]}' \\
  >"$1/saves/checkpoint-20/trainer_state.json"
sleep 60 # train --output_dir saves
"""


def test_a_job_of_others_that_leaves_nothing_but_checkpoints(slurm: Site) -> None:
    engine, keeper = slurm.connect("theirs")
    transport = engine.transport("demo")
    assert transport is not None
    folder = f"{keeper.state.clusters['demo'].home}/theirs-{secrets.token_hex(3)}"
    transport.upload(THEIRS.encode(), f"{folder}/job.sh", mode=0o755)
    command = f"cd {folder} && sbatch --parsable --account={slurm.lab.account} job.sh {folder}"
    job_id = transport.exec(command, timeout=30).stdout.strip()
    engine.refresh("demo")
    assert keeper.wait(lambda s: any(j.job_id == job_id and j.state == "RUNNING" for j in s.clusters["demo"].queue), 30)
    for _ in range(50):
        if transport.read(f"{folder}/saves/checkpoint-20/trainer_state.json", 0, 1):
            break
        threading.Event().wait(0.2)
    run_id = engine.watch_job("demo", job_id)
    engine.focus(run_id)
    assert keeper.wait(lambda s: run_id in s.runs and s.runs[run_id].log.source == "trainer_state", 20), keeper.state
    last = keeper.state.runs[run_id].log.last
    assert last is not None
    assert list(last.columns.loss) == [2.5, 2.0]
    assert last.checkpoints[0].t is not None
    engine.cancel_job("demo", job_id)
    reaches(keeper, run_id, Phase.CANCELLED, 40)


def done(keeper: Keeper, action: str, timeout_s: float = 40) -> ActionDone:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        event = keeper.take(0.5)
        if isinstance(event, ActionDone) and event.action == action:
            return event
    raise AssertionError(f"{action} did not end")
