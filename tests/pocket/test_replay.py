"""The replay plays the recorded run in its own time, with the ids of now, and stops when it is told to."""

from __future__ import annotations

import json

import pytest

from websight_tui.metrics.events import read_events
from websight_tui.pocket.replay import NOTE, Piece, event_now, main, play, read_recording


def test_the_recording_is_a_whole_finished_run_that_learned() -> None:
    pieces = read_recording()
    assert [p.at for p in pieces] == sorted(p.at for p in pieces)
    (log,) = read_events("".join(p.text for p in pieces if p.to == "events").encode())
    last = log.segments[-1]
    assert (last.end, last.last_step) == ("finished", last.total_steps)
    losses = list(last.columns.loss)
    assert sum(losses[-20:]) < sum(losses[:20]) / 4
    assert all("/root/" not in p.text and "/home/" not in p.text for p in pieces)


def test_an_event_gets_the_times_and_ids_of_now() -> None:
    start = {"v": 1, "t": 100.0, "kind": "start", "job_id": "1", "run_id": "old", "deadline": 700.0}
    event = json.loads(event_now(json.dumps(start), shift=50.0, job_id="77", run_id="new"))
    assert (event["t"], event["job_id"], event["run_id"], event["deadline"]) == (150.0, "77", "new", None)
    end = json.loads(event_now('{"t": 1, "kind": "end", "message": ""}', shift=0, job_id="", run_id=""))
    assert end["message"] == NOTE


def test_pieces_come_when_their_time_has_come_and_stop_when_told() -> None:
    clock, written, waits = [0.0], [], []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        clock[0] += seconds
        return clock[0] >= 3

    pieces = [Piece(0.5, "out", "a"), Piece(2.0, "err", "b"), Piece(3.0, "out", "c")]
    assert not play(pieces, lambda to, text: written.append((to, text)), wait, lambda: clock[0])
    assert written == [("out", "a"), ("err", "b")]
    assert waits == [0.5, 1.5, 1.0]


def test_the_version_check_of_the_job_script_is_answered() -> None:
    assert main(["-c", "import sys"]) == 0


def test_a_pre_flight_is_answered_and_replays_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "trainer", "preflight", "--run-dir", "/nowhere", "--json"]) == 0
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["level"] == "ok"
