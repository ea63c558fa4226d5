"""Metrics that a job of others keeps beside its output: found, read while they grow, and not asked for too often."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared import shared_dir
from websight_tui.metrics.job_output import JobOutputReader
from websight_tui.metrics.trainer_log import TrainerLogReader
from websight_tui.presets import Preset
from websight_tui.remote.local import LocalTransport
from websight_tui.remote.port import ExecResult, Hear, Unattended
from websight_tui.runs.foreign_log import EVERY_S, look, stated_folder
from websight_tui.runs.projecting import projection_of
from websight_tui.runs.track import Output, RunTrack, Search
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.model import Job

BEGAN = 1_800_000_000.0


class Counting(LocalTransport):
    """Counts what it runs."""

    searches = 0

    def exec(self, command: str, *, timeout: float, stdin: bytes | None = None, hear: Hear | None = None) -> ExecResult:
        self.searches += " find " in command
        return super().exec(command, timeout=timeout, stdin=stdin, hear=hear)


class Theirs:
    """A job of others that has run since BEGAN in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "theirs"
        self.folder.mkdir()
        self.transport = Counting(login_shell=False)
        self.transport.connect(Unattended())
        job = Job("7", state="RUNNING", start_time=BEGAN, time_limit_s=28_800, work_dir=str(self.folder))
        spec = RunSpec("c:7", "", BEGAN, "c", Preset(name="foreign", summary=""), str(self.folder), "")
        self.track = RunTrack(spec)
        self.track.put_job(job)
        self.track.watch_foreign(Output({}, 1000, JobOutputReader(), Search()))
        self.now = BEGAN + 100

    @property
    def search(self) -> Search:
        assert self.track.foreign is not None
        return self.track.foreign.search

    def saves(self, step: int, *, at: float, folder: str = "out") -> Path:
        """A checkpoint, as transformers writes it."""
        path = self.folder / folder / f"checkpoint-{step}" / "trainer_state.json"
        history = [{"step": n, "loss": 3 - n / 1000, "epoch": n / 1000} for n in range(10, step + 1, 10)]
        self.write(path, json.dumps({"global_step": step, "max_steps": 1000, "log_history": history}), at)
        return path

    def write(self, path: Path, text: str, at: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (at, at))

    def look(self, after_s: float = EVERY_S + 1) -> RunTrack:
        self.now += after_s
        look(self.track, self.transport, self.now)
        return self.track


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Theirs]:
    found = Theirs(tmp_path)
    yield found
    found.transport.close()


def test_each_new_checkpoint_is_read_and_their_times_are_the_clock(theirs: Theirs) -> None:
    assert not theirs.look().log.segments
    theirs.saves(100, at=BEGAN + 700)
    log = theirs.look(10 * EVERY_S).log
    assert log.source == "trainer_state"
    assert log.last is not None
    assert (log.last.last_step, log.last.total_steps) == (100, 1000)
    theirs.saves(200, at=BEGAN + 1300)
    last = theirs.look().log.last
    assert last is not None
    assert last.last_step == 200
    assert [(point.step, point.t) for point in last.checkpoints] == [(100, BEGAN + 700), (200, BEGAN + 1300)]
    projection = projection_of(theirs.track.spec, theirs.track.job, theirs.track.log, BEGAN + 1310)
    assert projection is not None
    assert projection.step == 200
    for step in (300, 400):
        theirs.saves(step, at=BEGAN + 100 + 6 * step)
        theirs.look()
    projection = projection_of(theirs.track.spec, theirs.track.job, theirs.track.log, BEGAN + 2510)
    assert projection is not None
    assert projection.total_s is not None
    assert projection.total_s == pytest.approx(100 + 6 * 1000, rel=0.1)


def test_a_resumed_job_is_measured_from_where_it_resumed(theirs: Theirs) -> None:
    theirs.saves(400, at=BEGAN - 5000)
    theirs.saves(500, at=BEGAN + 700)
    last = theirs.look().log.last
    assert last is not None
    assert (last.start_step, last.last_step) == (400, 500)
    assert [point.step for point in last.checkpoints] == [500]


def test_a_trainer_log_is_preferred_and_followed(theirs: Theirs) -> None:
    theirs.saves(100, at=BEGAN + 700)
    theirs.look()
    log = theirs.folder / "out" / "trainer_log.jsonl"
    theirs.write(log, '{"current_steps": 110, "total_steps": 1000, "loss": 2.0}\n', BEGAN + 760)
    track = theirs.look()
    assert isinstance(track.reader, TrainerLogReader)
    assert track.events.path == str(log)
    before = theirs.transport.searches
    for _ in range(5):
        theirs.look()
    assert theirs.transport.searches == before


def test_what_is_half_written_or_of_an_earlier_job_is_left_alone(theirs: Theirs) -> None:
    theirs.saves(100, at=BEGAN - 60)
    theirs.write(theirs.folder / "out" / "trainer_log.jsonl", '{"current_steps": 1}\n', BEGAN - 60)
    assert not theirs.look().log.segments
    path = theirs.saves(200, at=BEGAN + 700)
    whole = path.read_text()
    theirs.write(path, whole[:500], BEGAN + 700)
    assert not theirs.look(10 * EVERY_S).log.segments
    theirs.write(path, whole, BEGAN + 701)
    last = theirs.look().log.last
    assert last is not None
    assert last.last_step == 200


def test_an_output_that_tells_the_loss_is_sooner_than_a_checkpoint(theirs: Theirs) -> None:
    theirs.saves(100, at=BEGAN + 700)
    assert theirs.look().log.source == "trainer_state"
    assert theirs.track.foreign is not None
    theirs.track.foreign.reader.feed(b"{'loss': 2.5, 'grad_norm': 1.0, 'learning_rate': 1e-05, 'epoch': 0.1}\n")
    assert theirs.track.log.source == "job_output"


def test_the_output_names_a_folder_elsewhere(theirs: Theirs, tmp_path: Path) -> None:
    theirs.folder = tmp_path / "scratch" / "far"
    theirs.saves(100, at=BEGAN + 700, folder="")
    assert theirs.track.foreign is not None
    theirs.track.foreign.reader.feed(
        b"{'loss': nan, 'epoch': 0.1}\nSaving model checkpoint to %s\n" % str(theirs.folder / "checkpoint-100").encode()
    )
    assert theirs.look().log.source == "trainer_state"
    assert theirs.search.folder == str(theirs.folder)


def test_a_known_folder_is_looked_at_once_a_minute_and_an_unknown_one_ever_less(theirs: Theirs) -> None:
    for _ in range(3600):
        theirs.look(1.0)
    assert theirs.transport.searches <= 6
    theirs.saves(100, at=BEGAN + 3000)
    theirs.look(3600)
    before = theirs.transport.searches
    for _ in range(3600):
        theirs.look(1.0)
    assert 50 <= theirs.transport.searches - before <= 61


def test_a_folder_that_was_stated_but_is_not_used_does_not_hide_the_real_one(theirs: Theirs) -> None:
    theirs.search.folder = str(theirs.folder / "nowhere")
    theirs.saves(100, at=BEGAN + 700)
    assert theirs.look().log.segments
    assert theirs.search.folder == str(theirs.folder / "out")


def test_a_job_that_waits_is_not_looked_for(theirs: Theirs) -> None:
    theirs.track.put_job(Job("7", state="PENDING", start_time=BEGAN, work_dir=str(theirs.folder)))
    theirs.look()
    theirs.track.put_job(Job("7", state="RUNNING", start_time=BEGAN, work_dir="/home"))
    theirs.look()
    assert theirs.transport.searches == 0


@pytest.mark.parametrize(
    ("script", "settings", "folder"),
    [
        ("python train.py --output_dir saves/a --epochs 1", "", "W/saves/a"),
        ("python train.py --output_dir=/scratch/me/run1 \\\n  --x", "", "/scratch/me/run1"),
        ('python train.py --output_dir "saves/b"', "", "W/saves/b"),
        ("llamafactory-cli train conf/run.yaml", "model: x\noutput_dir: saves/qwen\n", "W/saves/qwen"),
        ("llamafactory-cli train conf/run.yaml output_dir=saves/c", "output_dir: saves/qwen\n", "W/saves/c"),
        ("accelerate launch t.py conf/run.yaml", '{"output_dir": "saves/json"}', "W/saves/json"),
        ("python train.py --output_dir $SCRATCH/x", "", ""),
        ("python train.py --output_dir ~/x", "", ""),
        ("python train.py --output_dir /", "", ""),
        ("python train.py", "", ""),
    ],
)
def test_the_folder_that_a_script_states(theirs: Theirs, script: str, settings: str, folder: str) -> None:
    path = theirs.folder / "job 1.sh"
    path.write_text(f"#!/bin/bash\n{script}\n")
    if settings:
        theirs.write(theirs.folder / "conf" / "run.yaml", settings, BEGAN)
    found = stated_folder(f"{path}", str(theirs.folder), theirs.transport)
    assert found == folder.replace("W", str(theirs.folder))
    assert stated_folder("(null)", str(theirs.folder), theirs.transport) == ""


def test_a_script_that_is_a_pipe_is_not_waited_for(theirs: Theirs) -> None:
    path = theirs.folder / "pipe.sh"
    os.mkfifo(path)
    assert stated_folder(str(path), str(theirs.folder), theirs.transport) == ""


def test_states_of_real_runs(theirs: Theirs) -> None:
    for number, path in enumerate(sorted((shared_dir() / "logs" / "trainer_state").glob("*.json"))):
        target = theirs.folder / "out" / f"checkpoint-{number + 1}" / "trainer_state.json"
        theirs.write(target, path.read_text(), BEGAN + 1000 + number)
        assert theirs.look(3600).log.segments, path.name
