"""Reading what runs write: huge outputs at once, floods bounded, bars as they look, events never skipped."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runs.conftest import Desk
from websight_tui.remote.local import LocalTransport
from websight_tui.remote.port import Unattended
from websight_tui.runs import events as e
from websight_tui.runs.files import read_files
from websight_tui.runs.state import LogTail, Outcome
from websight_tui.runs.store import Store
from websight_tui.runs.track import LINES, RunTrack, load_track
from websight_tui.slurm_commands.model import Job


class Reading:
    """One running run whose files the test writes."""

    def __init__(self, desk: Desk) -> None:
        spec = desk.plan().spec
        self.folder = Path(spec.run_dir)
        self.folder.mkdir(parents=True)
        self.store = Store(desk.folder / "runs.sqlite")
        self.store.begin_submission(spec, 1.0)
        self.store.settle(spec.token, Outcome.ACCEPTED, 1.0, job_id="5")
        self.track = RunTrack(spec)
        self.track.outcome = Outcome.ACCEPTED
        self.track.put_job(Job("5", state="RUNNING", start_time=time.time() - 10))
        self.transport = LocalTransport(login_shell=False)
        self.transport.connect(Unattended())
        self.told: list[e.Event] = []

    @property
    def out(self) -> Path:
        return self.folder / "job-5.out"

    def look(self) -> LogTail:
        read_files(
            [self.track],
            self.transport,
            self.store,
            self.told.append,
            time.time(),
            skew_s=0.0,
            stopping=lambda: False,
        )
        return self.track.streams["stdout"].view()


@pytest.fixture
def reading(desk: Desk) -> Iterator[Reading]:
    reading = Reading(desk)
    yield reading
    reading.transport.close()
    reading.store.close()


def test_the_end_of_a_five_gigabyte_output_is_there_at_once(reading: Reading) -> None:
    with reading.out.open("wb") as stream:
        stream.truncate(5 * 1024**3)
        stream.seek(0, 2)
        stream.write(b"\nalmost done\ndone\n")
    begun = time.monotonic()
    tail = reading.look()
    assert time.monotonic() - begun < 1.0
    assert tail.lines[-2:] == ("almost done", "done")
    assert tail.size > 5 * 1024**3
    with reading.out.open("ab") as stream:
        stream.write(b"more\n")
    assert reading.look().lines[-2:] == ("done", "more")


def test_a_flood_is_bounded_and_says_what_is_not_shown(reading: Reading) -> None:
    reading.out.write_bytes(b"begin\n")
    reading.look()
    with reading.out.open("ab") as stream:
        stream.write(b"a line of text that comes again and again\n" * 900_000)
        stream.write(b"last line\n")
    begun = time.monotonic()
    while (tail := reading.look()).lines[-1] != "last line":
        assert time.monotonic() - begun < 20
    assert len(tail.lines) <= LINES
    assert tail.dropped > 0


def test_a_bar_is_one_line(reading: Reading) -> None:
    for step in range(200):
        with reading.out.open("ab") as stream:
            stream.write(f"\r {step}%|####| {step}/200 [00:01<00:02]".encode())
        if step % 50 == 0:
            reading.look()
    assert reading.look().lines == (" 199%|####| 199/200 [00:01<00:02]",)


def test_events_come_whole_however_they_are_cut(reading: Reading) -> None:
    lines = [{"v": 1, "t": 1.0, "kind": "start", "step": 0, "total_steps": 500, "job_id": "5"}]
    lines += [{"v": 1, "t": 1.0 + n, "kind": "log", "step": n, "loss": 1.0} for n in range(1, 501)]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    path = reading.folder / "events.jsonl"
    for start in range(0, len(data), 777):
        with path.open("ab") as stream:
            stream.write(data[start : start + 777])
        reading.look()
    assert list(reading.track.log.segments[0].columns.step) == [float(n) for n in range(1, 501)]
    again = load_track(reading.store.runs()[0], reading.store)
    assert list(again.log.segments[0].columns.step) == [float(n) for n in range(1, 501)]
    moved = [event for event in reading.told if isinstance(event, e.LogMoved)]
    assert [event.version for event in moved] == sorted({event.version for event in moved})


def test_an_output_that_a_requeue_emptied_begins_anew(reading: Reading) -> None:
    reading.out.write_bytes(b"first attempt " * 40 + b"\n")
    reading.look()
    reading.out.write_bytes(b"second attempt\n")
    assert reading.look().lines == ("second attempt",)
    cached = reading.store.cached(reading.track.spec.run_id, "stdout:5")
    assert cached is not None
    assert cached.data == b"second attempt\n"


def test_how_much_of_a_long_event_log_is_still_to_come_is_said(reading: Reading) -> None:
    line = b'{"v": 1, "t": 1.0, "kind": "log", "step": %d, "loss": 1.0}\n'
    data = b'{"v": 1, "t": 1.0, "kind": "start", "step": 0, "total_steps": 99}\n' + b"".join(
        line % step for step in range(1, 110_000)
    )
    (reading.folder / "events.jsonl").write_bytes(data)
    unread = []
    while not unread or unread[-1]:
        reading.look()
        unread.append([event for event in reading.told if isinstance(event, e.LogMoved)][-1].unread)
    assert unread == sorted(unread, reverse=True)
    assert 0 < unread[0] < len(data)
    assert reading.track.log.segments[0].last_step == 109_999


def test_a_log_that_takes_long_to_judge_is_judged_less_often_but_in_the_end(reading: Reading) -> None:
    events = reading.folder / "events.jsonl"
    begun = time.time() - 95
    reading.track.put_job(Job("5", state="RUNNING", start_time=begun))
    start = {"v": 1, "t": begun, "kind": "start", "step": 0, "total_steps": 100, "job_id": "5"}
    events.write_text(json.dumps(start) + "\n")
    reading.look()
    reading.track.judged_at, reading.track.judging_s = time.time(), 60.0  # as if it had taken a minute just now
    reading.told.clear()
    with events.open("a") as stream:
        for i in range(1, 30):
            stream.write(json.dumps({"v": 1, "t": begun + 3 * i, "kind": "log", "step": i, "loss": 1.0}) + "\n")
    reading.look()
    assert [type(event) for event in reading.told] == [e.LogMoved], "the points are told at once"
    reading.track.judged_at -= 601
    reading.look()
    assert e.Projected in [type(event) for event in reading.told]
