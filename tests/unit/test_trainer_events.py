"""events.jsonl: lines that are never torn, and one writer at a time."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from trainer.events import EventWriter, read_events, strict
from trainer.problem import Problem


def test_a_line_is_one_json_object_without_nan(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "new" / "events.jsonl")
    writer.write("log", step=3, loss=float("nan"), metrics={"a": [float("inf"), 1.5]}, note="täst\n\x1b")
    (line,) = (tmp_path / "new" / "events.jsonl").read_text().splitlines()
    event = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert event["v"] == 1
    assert event["t"] > 1e9
    assert event["metrics"] == {"a": [None, 1.5]}
    assert (event["kind"], event["step"], event["loss"], event["note"]) == ("log", 3, None, "täst\n\x1b")


def test_strict_leaves_everything_else_alone() -> None:
    assert strict({"a": (1, "x", None, True, 2.5, -float("inf"))}) == {"a": [1, "x", None, True, 2.5, None]}


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"v":1,"t":1,"kind":"log","step":1}\n{"v":1,"t":2,"ki')
    writer = EventWriter(path)
    writer.write("log", step=2)
    assert [event["step"] for event in read_events(path)] == [1, 2]


def test_what_is_no_event_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'\n[1]\n"x"\n{"v":2,"kind":"log"}\n{"v":1}\n\xff\xfe\n{"v":1,"kind":"end"}\n')
    assert list(read_events(path)) == [{"v": 1, "kind": "end"}]
    assert list(read_events(tmp_path / "none")) == []


def test_a_second_writer_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    first = EventWriter(path)
    with pytest.raises(Problem, match="another trainer"):
        EventWriter(path)
    first.close()
    EventWriter(path).write("end", step=0)


def write_many(path: Path, count: int) -> None:
    EventWriter(path, wait_s=20.0).write("log", step=count, text="x" * 10_000)


def test_many_processes_leave_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=write_many, args=(path, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert sorted(event["step"] for event in read_events(path)) == [0, 1, 2, 3]


def test_a_folder_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem, match="cannot be written"):
        EventWriter(tmp_path / "file" / "events.jsonl")
