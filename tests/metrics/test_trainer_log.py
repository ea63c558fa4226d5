from __future__ import annotations

import json

from tests.metrics.samples import row
from websight_tui.metrics.lines import seconds
from websight_tui.metrics.trainer_log import TrainerLogReader, read_trainer_log


def test_times_as_the_trainer_writes_them() -> None:
    assert seconds("0:01:32") == 92
    assert seconds("1 day, 0:00:01") == 86_401
    assert seconds("4 days, 7:19:52") == 4 * 86_400 + 7 * 3600 + 19 * 60 + 52
    assert seconds("09:59") == 599
    assert seconds("") is None
    assert seconds("soon") is None


def test_a_steady_run() -> None:
    data = b"".join(row(s, 40, s * 3.0, 2.0 - s / 40) for s in range(10, 41, 10)) + row(40, 40, 121, None)
    (log,) = read_trainer_log(data)
    (segment,) = log.segments
    assert (segment.start_step, segment.total_steps, segment.last_step, segment.end) == (0, 40, 40, "finished")
    assert list(segment.columns.step) == [10, 20, 30, 40, 40]
    assert list(segment.columns.elapsed) == [30, 60, 90, 120, 121]
    assert segment.columns.lr[0] == 5e-5
    assert log.notes == []


def test_half_lines_wait_and_the_last_needs_no_newline() -> None:
    reader = TrainerLogReader()
    line = row(10, 40, 30)
    reader.feed(line[:20])
    assert not reader.log.segments
    reader.feed(line[20:] + row(20, 40, 60)[:-1])
    assert reader.log.segments[0].last_step == 10
    reader.finish()
    assert reader.log.segments[0].last_step == 20


def test_a_resume_is_a_segment_of_the_same_run() -> None:
    data = b"".join(row(s, 8691, s * 5.0) for s in range(5, 801, 5))
    data += b"".join(row(s, 8691, (s - 700) * 3.0) for s in range(705, 1001, 5))
    (log,) = read_trainer_log(data)
    first, second = log.segments
    assert (first.start_step, first.last_step) == (0, 800)
    assert (second.start_step, second.last_step) == (700, 1000)


def test_a_file_that_begins_in_the_middle() -> None:
    data = b"".join(row(s, 1000, (s - 465) * 4.0) for s in range(470, 600, 10))
    (log,) = read_trainer_log(data)
    assert log.segments[0].start_step == 460


def test_lines_missing_at_the_begin_are_no_resume() -> None:
    data = b"".join(row(s, 1000, s * 4.0) for s in range(30, 200, 10))
    (log,) = read_trainer_log(data)
    assert log.segments[0].start_step == 0


def test_runs_appended_to_one_file() -> None:
    data = b"".join(row(s, 64, s * 5.0, None, epoch="absent") for _ in range(14) for s in range(5, 61, 5))
    logs = read_trainer_log(data)
    assert len(logs) == 14
    assert all(log.segments[0].meta["task"] == "predict" for log in logs)


def test_another_total_from_the_beginning_is_another_run() -> None:
    data = row(5, 20, 30) + row(10, 20, 60) + row(5, 512, 29) + row(10, 512, 58)
    assert [log.segments[0].total_steps for log in read_trainer_log(data)] == [20, 512]


def test_another_total_and_a_longer_interval_is_no_resume() -> None:
    data = b"".join(row(s, 100, s * 2.0) for s in range(10, 101, 10))
    data += b"".join(row(s, 5000, s * 2.0) for s in range(100, 1001, 100))
    first, second = read_trainer_log(data)
    assert [s.start_step for s in second.segments] == [0]
    assert first.segments[0].last_step == 100


def test_a_resume_with_another_total() -> None:
    data = b"".join(row(s, 1000, s * 2.0) for s in range(10, 501, 10))
    data += b"".join(row(s, 2000, (s - 400) * 4.0) for s in range(410, 600, 10))
    (log,) = read_trainer_log(data)
    assert [(s.start_step, s.total_steps) for s in log.segments] == [(0, 1000), (400, 2000)]
    assert "total steps changed from 1000 to 2000 at a resume" in log.notes


def test_the_final_evaluation_counts_its_own_batches() -> None:
    data = row(720, 720, 5744, 0.0055) + row(720, 720, 5744, None)
    data += row(8, 8, 5761, None, eval_loss=0.0082)
    (log,) = read_trainer_log(data)
    (segment,) = log.segments
    assert (segment.total_steps, segment.last_step) == (720, 720)
    (evaluation,) = segment.evaluations
    assert (evaluation.step, evaluation.loss, evaluation.seconds) == (720, 0.0082, 17.0)


def test_an_evaluation_lasts_from_its_training_line_to_its_own() -> None:
    data = row(100, 400, 500) + row(100, 400, 640, None, eval_loss=0.9) + row(110, 400, 690)
    (segment,) = read_trainer_log(data)[0].segments
    assert segment.evaluations[0].seconds == 140
    assert list(segment.columns.step) == [100, 110]


def test_two_writers_are_told_apart() -> None:
    lines = []
    for i in range(1, 120):
        lines.append((i * 30.0 + 1000, row(10 * i, 5000, i * 30.0)))
        lines.append((i * 17.0 + 1500, row(10 * i, 5000, i * 17.0, 2.0)))
    lines.sort()
    logs = read_trainer_log(b"".join(line for _, line in lines))
    assert len(logs) == 2
    for log, loss, pace in zip(logs, (1.0, 2.0), (3.0, 1.7), strict=True):
        (segment,) = log.segments
        assert set(segment.columns.loss) == {loss}
        assert segment.columns.elapsed[-1] == int(segment.columns.step[-1] * pace)
    assert any("two processes" in note for note in logs[0].notes + logs[1].notes)


def test_ranks_that_all_write_count_once() -> None:
    data = b"".join(row(s, 100, s * 2.0) * 4 for s in range(10, 101, 10))
    (log,) = read_trainer_log(data)
    assert list(log.segments[0].columns.step) == list(range(10, 101, 10))


def test_old_names_nulls_and_empty_times() -> None:
    line = {"current_steps": 0, "total_steps": 3440, "loss": None, "eval_loss": None, "learning_rate": None}
    data = json.dumps(line | {"epoch": 100.0, "elapsed_time": "", "remaining_time": ""}).encode() + b"\n"
    data += json.dumps(
        line | {"current_steps": 10, "loss": 5.1, "learning_rate": 2e-5, "elapsed_time": "0:00:24"}
    ).encode()
    (segment,) = read_trainer_log(data)[0].segments
    assert segment.total_steps == 3440
    assert list(segment.columns.lr) == [2e-5]


def test_damaged_lines_are_counted_and_cost_nothing_else() -> None:
    bomb = b'{"a":' * 100_000 + b"\n"
    hostile = [
        b"\x00\x00\n",
        b"[1]\n",
        b'{"current_steps": 1e999}\n',
        b'{"loss": ' + b"9" * 6000 + b"}\n",
        bomb,
        b"\xff\xfe\n",
    ]
    data = row(10, 40, 30) + b"".join(hostile) + row(20, 40, 60)
    (log,) = read_trainer_log(data)
    assert log.segments[0].last_step == 20
    assert log.notes == ["6 damaged lines skipped"]


def test_nan_is_marked_and_not_drawn() -> None:
    (log,) = read_trainer_log(row(10, 40, 30) + row(20, 40, 60, float("nan")))
    assert log.segments[0].nonfinite[0].step == 20
    assert log.segments[0].columns.loss[1] != log.segments[0].columns.loss[1]


def test_endless_lines_are_skipped_in_bounded_memory() -> None:
    reader = TrainerLogReader()
    reader.feed(row(10, 40, 30))
    for _ in range(100):
        reader.feed(b"x" * 100_000)
    assert sum(len(p) for p in reader._lines._parts) < 2 << 20
    reader.feed(b"\n" + row(20, 40, 60))
    assert reader.log.segments[0].last_step == 20
    assert "1 endless lines skipped" in reader.log.notes


def test_an_early_end_is_told_and_taken_back() -> None:
    reader = TrainerLogReader()
    reader.feed(row(10, 400, 30) + row(12, 400, 40, None))
    segment = reader.log.segments[0]
    assert segment.meta["ended_early_at"] == 12
    assert segment.end == ""
    reader.feed(row(20, 400, 60))
    assert "ended_early_at" not in segment.meta
