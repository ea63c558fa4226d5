"""The engine against the embedded cluster, through real SSH: real processes, a real scheduler, real breaks."""

from __future__ import annotations

import dataclasses
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runs.killed_app import MOMENTS, kill_in
from websight_tui.bundle_files import bundle_files
from websight_tui.config import Cluster, Config, load_config
from websight_tui.pocket import control
from websight_tui.presets import Preset
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import Transport, Unattended
from websight_tui.runs.bundle import Bundle
from websight_tui.runs.engine import Engine
from websight_tui.runs.keeper import Keeper
from websight_tui.runs.plan import LaunchPlan, plan_launch
from websight_tui.runs.state import Link, Outcome, Phase, RunView
from websight_tui.runs.store import Store

# Stands in for the trainer: the same events, as fast or as slow as the test wants, and save-and-stop on the signal.
TRAINER = """\
import json, os, signal, sys, threading, time
os.chdir(sys.argv[1])
stop = threading.Event()
for number in (signal.SIGUSR1, signal.SIGTERM):
    signal.signal(number, lambda *_: stop.set())
job = os.environ["SLURM_JOB_ID"]
try:
    step = sum('"log"' in line for line in open("events.jsonl"))
except FileNotFoundError:
    step = 0
def say(kind, **fields):
    with open("events.jsonl", "a") as stream:
        stream.write(json.dumps({"v": 1, "t": time.time(), "kind": kind, **fields}) + "\\n")
say("start", step=step, total_steps=STEPS, job_id=job)
print("hello from", job, flush=True)
print("careful", file=sys.stderr, flush=True)
while step < STEPS:
    if stop.wait(PAUSE):
        say("signal", signal="USR1")
        say("end", step=step, reason="saved-and-stopped")
        sys.exit(85)
    step += 1
    say("log", step=step, loss=3 - step / STEPS, lr=0.001, epoch=step / STEPS)
say("end", step=step, reason="finished")
"""
GOES_ON = b"""
        import pathlib, types
        sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
        from trainer import chain, checkpoints, spec
        checkpoints.newest_valid = lambda folder: types.SimpleNamespace(step=step)
        chain.go_on(spec.read_spec(pathlib.Path.cwd()), types.SimpleNamespace(step=0), signal.SIGUSR1)
        sys.exit(85)"""
JOB = b'exec "$PYTHON" "$(dirname "$0")/../trainer/stand_in.py" "$1"\n'


def trainer(steps: int, pause: float) -> Bundle:
    script = TRAINER.replace("STEPS", str(steps)).replace("PAUSE", str(pause))
    return Bundle({"trainer/__init__.py": b"", "trainer/stand_in.py": script.encode(), "slurm/job.sh": JOB})


@dataclasses.dataclass
class Pocket:
    """A pocket cluster and the machine of a person who uses it."""

    config: Config
    folder: Path
    engines: list[Engine] = dataclasses.field(default_factory=list)
    transports: list[Transport] = dataclasses.field(default_factory=list)

    @property
    def cluster(self) -> Cluster:
        return self.config.clusters["demo"]

    def open(self, cluster: Cluster) -> Transport:
        transport = open_transport(cluster.endpoint, login_shell=cluster.login_shell)
        self.transports.append(transport)
        return transport

    def start(self, name: str, *, connect: bool = True) -> tuple[Engine, Keeper]:
        keeper = Keeper()
        store = Store(self.folder / name / "runs.sqlite")
        engine = Engine(self.config, store, open_transport=self.open, emit=keeper)
        self.engines.append(engine)
        engine.load()
        if connect:
            engine.connect("demo")
            assert keeper.wait(lambda s: s.clusters["demo"].link is Link.ONLINE, 20), keeper.state.clusters
        return engine, keeper

    def plan(self, steps: int, pause: float, **changes: object) -> LaunchPlan:
        preset: Preset = dataclasses.replace(self.config.presets["tiny"], **changes)  # type: ignore[arg-type]
        return plan_launch(self.config, self.cluster, preset, now=time.time(), bundle=trainer(steps, pause))

    def command(self, text: str) -> str:
        transport = open_transport(self.cluster.endpoint)
        transport.connect(Unattended())
        try:
            return transport.exec(text, timeout=20).stdout
        finally:
            transport.close()

    def close(self) -> None:
        for engine in self.engines:
            engine.close()
        for transport in self.transports:
            transport.close()
        self.engines.clear()


def pocket_in(folder: Path, clock_factor: float) -> Iterator[Pocket]:
    info = control.start(folder / "pocket", clock_factor=clock_factor)
    cluster = Cluster("demo", info.endpoint, root="~/w", gpus_per_node=0, poll_floor_s=0.2, python=sys.executable)
    config = dataclasses.replace(load_config(folder / "none"), clusters={"demo": cluster})
    pocket = Pocket(config, folder)
    yield pocket
    pocket.close()
    control.stop(folder / "pocket")


@pytest.fixture(scope="module")
def shared_pocket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pocket]:
    yield from pocket_in(tmp_path_factory.mktemp("pocket"), 1.0)


@pytest.fixture
def pocket(shared_pocket: Pocket) -> Iterator[Pocket]:
    yield shared_pocket
    shared_pocket.close()


def reaches(keeper: Keeper, run_id: str, phase: Phase, timeout_s: float = 30) -> RunView:
    reached = keeper.wait(lambda s: run_id in s.runs and s.runs[run_id].phase is phase, timeout_s)
    assert reached, (keeper.state.runs.get(run_id), keeper.state.clusters)
    return keeper.state.runs[run_id]


def test_a_run_from_submit_to_finish_over_ssh(pocket: Pocket) -> None:
    engine, keeper = pocket.start("whole")
    plan = pocket.plan(30, 0.1)
    engine.focus(plan.spec.run_id)
    engine.submit(plan)
    run_id = plan.spec.run_id
    reaches(keeper, run_id, Phase.TRAINING)
    run = reaches(keeper, run_id, Phase.FINISHED)
    assert run.log.last is not None
    assert list(run.log.last.columns.step) == [float(n) for n in range(1, 31)]
    assert keeper.wait(lambda s: "careful" in s.runs[run_id].stderr.lines, 10)
    assert keeper.wait(lambda s: s.runs[run_id].job.exit_code == "0:0", 20), keeper.state.runs[run_id].jobs
    assert keeper.state.runs[run_id].stdout.lines[0].startswith("hello from")
    engine.close()
    _, again = pocket.start("whole")
    assert again.state.runs[run_id].phase is Phase.FINISHED
    assert again.state.runs[run_id].log.last.last_step == 30


def test_cancel_and_resume(pocket: Pocket) -> None:
    engine, keeper = pocket.start("cancel")
    plan = pocket.plan(60, 0.1)
    run_id = plan.spec.run_id
    engine.submit(plan)
    reaches(keeper, run_id, Phase.TRAINING)
    engine.cancel(run_id)
    reaches(keeper, run_id, Phase.CANCELLED)
    engine.resume(run_id)
    # the resumed job carries this installation's trainer; it is enough that it starts and can be stopped
    assert keeper.wait(lambda s: len(s.runs[run_id].jobs) == 2, 20)
    assert keeper.wait(lambda s: s.runs[run_id].job.state not in ("", "PENDING"), 20)
    engine.cancel(run_id)
    assert keeper.wait(lambda s: s.runs[run_id].job.final, 20)


def test_a_run_saves_and_stops_when_asked(pocket: Pocket) -> None:
    engine, keeper = pocket.start("stop")
    plan = pocket.plan(1000, 0.1)
    engine.submit(plan)
    reaches(keeper, plan.spec.run_id, Phase.TRAINING)
    engine.save_and_stop(plan.spec.run_id)
    run = reaches(keeper, plan.spec.run_id, Phase.STOPPED)
    assert run.log.last.end == "saved-and-stopped"


def test_a_rejection_is_slurms_own_reason(pocket: Pocket) -> None:
    engine, keeper = pocket.start("rejected")
    plan = pocket.plan(1, 0.1)
    plan = dataclasses.replace(plan, spec=dataclasses.replace(plan.spec, partition="nosuch"))
    engine.submit(plan)
    assert keeper.wait(lambda s: plan.spec.run_id in s.runs, 20)
    assert keeper.wait(lambda s: s.runs[plan.spec.run_id].outcome is Outcome.REJECTED, 20), keeper.state.runs
    assert "partition" in keeper.state.runs[plan.spec.run_id].outcome_text


def test_a_lost_connection_comes_back_and_misses_nothing(pocket: Pocket) -> None:
    engine, keeper = pocket.start("lost")
    plan = pocket.plan(40, 0.1)
    run_id = plan.spec.run_id
    engine.submit(plan)
    reaches(keeper, run_id, Phase.TRAINING)
    pocket.transports[-1].close()
    assert keeper.wait(lambda s: s.clusters["demo"].link is Link.RECONNECTING, 10)
    run = reaches(keeper, run_id, Phase.FINISHED)
    assert list(run.log.last.columns.step) == [float(n) for n in range(1, 41)]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_app_never_leaves_two_jobs_nor_a_lost_one(pocket: Pocket, moment: str) -> None:
    """A real process is killed in the middle of its submission; the next one finds out."""
    name = moment.replace(" ", "-")
    cluster = dataclasses.replace(pocket.cluster, root=f"~/w-{name}")
    for delay_s in (0.0, 0.05, 0.3) if moment == "asking Slurm" else (0.0,):
        kill_in(cluster, pocket.folder, name, moment, delay_s=delay_s)
    there = Pocket(dataclasses.replace(pocket.config, clusters={"demo": cluster}), pocket.folder)
    try:
        settles(there, name, jobs=1 if moment == "answered" else None)
    finally:
        there.close()


def settles(there: Pocket, name: str, *, jobs: int | None = None, timeout_s: float = 30) -> None:
    """An app that starts after another was killed finds out what became of its submissions: one job each, or none.

    Args:
        jobs: how many there have to be; None if either is right.
    """
    engine, keeper = there.start(name)
    assert engine.store.runs()
    settled = (Outcome.ACCEPTED, Outcome.REJECTED)
    assert keeper.wait(lambda s: all(run.outcome in settled for run in s.runs.values()), timeout_s), keeper.state.runs
    comments = there.command("env SLURM_TIME_FORMAT=%s squeue -h -t all -o %k").split()
    for run in keeper.state.runs.values():
        count = comments.count(run.spec.token)
        assert count == (1 if run.outcome is Outcome.ACCEPTED else 0)
        assert len(run.jobs) == count
        assert jobs is None or count == jobs


@pytest.fixture
def fast_pocket(tmp_path: Path) -> Iterator[Pocket]:
    """Ten minutes of the cluster's clock in ten seconds."""
    yield from pocket_in(tmp_path, 60.0)


def test_the_signal_before_the_limit_ends_in_saved_and_stopped(fast_pocket: Pocket) -> None:
    engine, keeper = fast_pocket.start("limit")
    plan = fast_pocket.plan(1000, 0.1, time_limit="0:10:00", signal_lead_s=120)
    run_id = plan.spec.run_id
    engine.submit(plan)
    run = reaches(keeper, run_id, Phase.STOPPED, 40)
    assert run.log.last is not None
    assert run.log.last.end == "saved-and-stopped"
    assert keeper.wait(lambda s: s.runs[run_id].job.exit_code == "85:0", 20), keeper.state.runs[run_id].jobs


def test_a_run_under_way_is_given_another_job_and_takes_it(fast_pocket: Pocket) -> None:
    """The app's file, the trainer's own chain, the cluster's requeue: one job id, two links."""
    engine, keeper = fast_pocket.start("chain")
    plan = fast_pocket.plan(150, 0.1, time_limit="0:10:00", signal_lead_s=60)
    going_on = trainer(150, 0.1).files["trainer/stand_in.py"].replace(b"sys.exit(85)", GOES_ON)
    bundle = Bundle({**bundle_files(), "trainer/stand_in.py": going_on, "slurm/job.sh": JOB})
    plan = dataclasses.replace(plan, bundle=bundle, spec=dataclasses.replace(plan.spec, bundle=bundle.sha))
    run_id = plan.spec.run_id
    engine.submit(plan)
    reaches(keeper, run_id, Phase.TRAINING, 40)
    engine.set_max_jobs(run_id, 2)
    run = reaches(keeper, run_id, Phase.FINISHED, 60)
    assert len(run.jobs) == 1
    assert len(run.log.segments) == 2
    assert run.spec.preset.max_jobs == 2
    assert run.log.last is not None
    assert run.log.last.start_step > 0


def test_a_run_that_does_not_stop_ends_in_its_time_limit_with_a_reason(fast_pocket: Pocket) -> None:
    engine, keeper = fast_pocket.start("limit")
    deaf = Bundle({"trainer/__init__.py": b"", "slurm/job.sh": b"trap '' USR1 TERM\nsleep 100\n"})
    preset = dataclasses.replace(fast_pocket.config.presets["tiny"], time_limit="0:05:00", signal_lead_s=1)
    plan = plan_launch(fast_pocket.config, fast_pocket.cluster, preset, now=time.time(), bundle=deaf)
    engine.submit(plan)
    reaches(keeper, plan.spec.run_id, Phase.TIMEOUT, 40)
    assert keeper.wait(lambda s: any("limit" in text for text in s.runs[plan.spec.run_id].problems), 15)


def test_many_actions_at_once_stay_within_the_sessions_a_server_allows(pocket: Pocket) -> None:
    engine, keeper = pocket.start("many")
    plans = [pocket.plan(2, 0.05) for _ in range(6)]
    threads = [threading.Thread(target=engine.submit, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for plan in plans:
        reaches(keeper, plan.spec.run_id, Phase.FINISHED, 60)
