"""The load contract of docs/load.md: calls are counted over simulated hours."""

from __future__ import annotations

import dataclasses
from collections import Counter, deque
from pathlib import Path

import pytest

from tests.runs.conftest import BUNDLE
from tests.runs.fakes import FakeJob, FakeSlurm, FakeTransport, configuration
from websight_tui.config import Cluster
from websight_tui.remote.port import ExecResult, Unattended
from websight_tui.runs.foreign import foreign_track
from websight_tui.runs.looking_through import Part, Wish, look_through
from websight_tui.runs.plan import plan_launch
from websight_tui.runs.poll import Situation, next_files_s, next_poll_s
from websight_tui.runs.state import Outcome
from websight_tui.runs.store import Store
from websight_tui.runs.tick import Tick
from websight_tui.runs.track import RunTrack
from websight_tui.slurm_commands.model import Job

HOUR = 3600.0


@dataclasses.dataclass
class Wishes:
    cluster: Cluster
    visible: bool = True
    focused: str = ""
    in_progress: set[str] = dataclasses.field(default_factory=set)
    stopping: bool = False


class Simulation:
    """A watcher's steps on a clock that jumps to whatever comes next."""

    def __init__(self, folder: Path, *, floor_s: float = 5.0) -> None:
        self.now = 1_800_000_000.0
        self.slurm = FakeSlurm(folder / "slurm")
        self.transport = FakeTransport(self.slurm)
        self.transport.connect(Unattended())
        self.store = Store(folder / "runs.sqlite")
        self.config = configuration(folder / "root", floor_s=floor_s)
        self.wishes = Wishes(self.config.clusters["fake"])
        self.tracks: list[RunTrack] = []
        self.changed_at: float | None = None
        self.tick = Tick(
            self.wishes,
            self.transport,
            self.store,
            lambda: self.tracks,
            lambda event: None,
            lambda: self.now,
            deque(),
        )

    def run(self, seconds: float) -> Counter[str]:
        """Lets time pass; returns the scheduler calls by program, and "files" for round trips of reading."""
        before, reads, end = len(self.slurm.calls), self.transport.reads, self.now + seconds
        while self.now < end:
            due = self.tick.step(poll_wanted=False, changed_at=self.changed_at)
            self.now = end if due is None else min(end, max(due, self.now + 0.001))
        calls = Counter(self.slurm.calls[before:])
        calls["files"] = self.transport.reads - reads
        return calls

    def foreign(self, count: int, state: str) -> None:
        for number in range(count):
            self.slurm.extra.append(FakeJob(str(number + 1), "foreign", "", state=state, start=int(self.now)))

    def own(self, state: str) -> FakeJob:
        preset = self.config.presets["tiny"]
        spec = plan_launch(self.config, self.wishes.cluster, preset, now=self.now, bundle=BUNDLE).spec
        self.store.begin_submission(spec, self.now)
        self.store.settle(spec.token, Outcome.ACCEPTED, self.now, job_id="77")
        track = RunTrack(spec)
        track.outcome = Outcome.ACCEPTED
        track.put_job(Job("77"))
        self.tracks.append(track)
        job = FakeJob("77", spec.job_name, spec.token, state=state, start=int(self.now))
        self.slurm.extra.append(job)
        return job


@pytest.fixture
def simulation(tmp_path: Path) -> Simulation:
    return Simulation(tmp_path)


def test_nothing_live_is_one_look(simulation: Simulation) -> None:
    assert simulation.run(HOUR) == Counter(squeue=1, scontrol=2, files=0)  # the layout, once a login
    assert simulation.run(HOUR) == Counter(files=0)


def test_waiting_jobs_are_a_call_a_minute_however_many(simulation: Simulation) -> None:
    simulation.foreign(50, "PENDING")
    calls = simulation.run(HOUR)
    assert calls["squeue"] <= 71  # 60 s less 15 % of jitter at worst
    assert sum(calls.values()) == calls["squeue"] + 2  # and the layout, once a login


def test_running_jobs_are_at_most_four_calls_a_minute_however_many(simulation: Simulation) -> None:
    simulation.foreign(50, "RUNNING")
    simulation.own("RUNNING")
    calls = simulation.run(HOUR)
    assert 150 < calls["squeue"] <= 240
    assert (calls["sacct"], calls["scontrol"]) == (0, 2)
    assert calls["files"] <= HOUR / 5 + 1


def test_after_a_submission_a_minute_of_closer_looks(simulation: Simulation) -> None:
    simulation.own("PENDING")
    simulation.changed_at = simulation.now
    assert 8 <= simulation.run(60)["squeue"] <= 15
    assert simulation.run(600)["squeue"] <= 12


def test_the_end_of_a_job_costs_one_question_to_the_accounting(simulation: Simulation) -> None:
    job = simulation.own("RUNNING")
    simulation.run(60)
    job.state, job.end = "COMPLETED", int(simulation.now)
    calls = simulation.run(HOUR)
    assert calls["sacct"] == 1
    assert calls["squeue"] <= 2
    assert calls["files"] <= 145 / 5 + 2


def test_an_accounting_that_never_knows_is_not_asked_for_ever(simulation: Simulation) -> None:
    job = simulation.own("RUNNING")
    simulation.run(60)
    job.state, job.end, job.accounted = "COMPLETED", int(simulation.now), False
    assert simulation.run(HOUR)["sacct"] <= 6
    assert simulation.run(HOUR) == Counter(files=0)


def test_the_sites_floor_holds(tmp_path: Path) -> None:
    simulation = Simulation(tmp_path, floor_s=30.0)
    simulation.own("RUNNING")
    simulation.changed_at = simulation.now
    assert simulation.run(HOUR)["squeue"] <= HOUR / 30 + 1
    before = len(simulation.slurm.calls)
    for _ in range(100):  # not even a person who keeps asking gets below it
        simulation.tick.step(poll_wanted=True, changed_at=None)
        simulation.now += 0.5
    assert len(simulation.slurm.calls) - before <= 3


def test_nobody_looks(simulation: Simulation) -> None:
    simulation.own("RUNNING")
    simulation.run(60)
    simulation.wishes.visible = False
    calls = simulation.run(HOUR)
    assert calls["squeue"] == 0
    assert calls["files"] <= HOUR / 30 + 1


def test_a_controller_in_trouble_is_asked_less(simulation: Simulation) -> None:
    simulation.own("RUNNING")
    simulation.run(60)
    simulation.slurm.broken["squeue"] = ExecResult(1, "", "slurm_load_jobs error: Socket timed out on send/recv\n")
    assert simulation.run(HOUR)["squeue"] <= 20
    simulation.slurm.broken.clear()
    assert simulation.run(HOUR)["squeue"] > 100


def test_the_focused_run_is_read_within_every_second_in_one_round_trip(simulation: Simulation) -> None:
    simulation.own("RUNNING")
    simulation.wishes.focused = simulation.tracks[0].spec.run_id
    simulation.run(10)
    assert 70 <= simulation.run(60)["files"] <= 77


def test_a_look_through_a_whole_log_is_one_read_at_a_time_and_nothing_on_the_login_node(
    simulation: Simulation, tmp_path: Path
) -> None:
    path = tmp_path / "job-77.out"
    path.write_bytes(b"a line of a log that is long\n" * 1_000_000)
    commands: list[str] = []
    simulation.transport.fault = commands.append
    before, calls = simulation.transport.reads, len(simulation.slurm.calls)
    wish = Wish(1, (Part("stdout", 0, (20_000_000, 5)),), lambda lines: [], forward=False)
    assert look_through(simulation.transport, wish, [str(path)], lambda done, total: None, lambda: False) is None
    # pieces grow from 128 kB to 4 MB where the line is quick, and never lie under 128 kB
    assert 20 / 4 <= simulation.transport.reads - before <= 20_000 / 128 + 3
    assert (commands, len(simulation.slurm.calls)) == ([], calls)


def test_metrics_of_a_job_of_others_are_looked_for_once_a_minute_and_only_on_the_screen(
    simulation: Simulation, tmp_path: Path
) -> None:
    simulation.foreign(1, "RUNNING")
    job = simulation.slurm.extra[-1]
    job.work_dir = str(tmp_path / "theirs")
    (tmp_path / "theirs").mkdir()
    looks = Looks(simulation.transport)
    track = foreign_track("fake", job.job_id, simulation.transport, simulation.tick.scheduler, simulation.now)
    simulation.tracks.append(track)
    assert simulation.run(HOUR)["scontrol"] == 2  # once after the login: partitions and reservations
    opened = looks.count
    assert opened == 1
    simulation.wishes.focused = track.spec.run_id
    simulation.run(HOUR)
    assert looks.count - opened <= 5
    track.foreign.search.folder = str(tmp_path / "theirs" / "out")
    before = looks.count
    simulation.run(HOUR)
    assert 50 <= looks.count - before <= 63
    simulation.wishes.visible = False
    before = looks.count
    simulation.run(HOUR)
    assert looks.count == before


class Looks:
    """Counts the searches of the file system."""

    def __init__(self, transport: FakeTransport) -> None:
        self.count = 0
        fault = transport.fault

        def counted(command: str) -> None:
            self.count += " find " in command
            fault(command)

        transport.fault = counted


def test_a_clock_that_is_set_back_does_not_stop_the_looking(simulation: Simulation) -> None:
    simulation.own("RUNNING")
    simulation.run(60)
    simulation.now -= 7200
    assert simulation.run(300)["squeue"] >= 10
    assert simulation.run(60)["files"] >= 10


def test_the_pure_schedule() -> None:
    running = Situation(running=True)
    assert next_poll_s(Situation(), 5, 0.5) is None
    assert next_poll_s(dataclasses.replace(running, visible=False), 5, 0.5) is None
    assert next_poll_s(running, 5, 0.5) == 20
    assert next_poll_s(running, 45, 0.5) == 45
    assert next_poll_s(running, 0.5, 0.5) == 1
    assert 15 <= (next_poll_s(running, 5, 0.0) or 0) < (next_poll_s(running, 5, 0.999) or 0) <= 30
    assert next_poll_s(dataclasses.replace(running, errors=1), 0.5, 0.5) == 40
    assert next_poll_s(dataclasses.replace(running, errors=99), 5, 0.5) == 300
    assert next_poll_s(dataclasses.replace(running, since_change_s=10), 5, 0.5) == 5
    assert next_files_s(visible=True, focused=True, live=True, floor_s=5) == 0.8
    assert next_files_s(visible=True, focused=False, live=False, floor_s=5) is None
