from __future__ import annotations

from math import isnan

from tests.metrics.samples import event
from websight_tui.metrics.events import EventsReader, read_events
from websight_tui.metrics.stitch import stitched, stitched_evaluations


def run(start: int, last: int, t: float, total: int = 100) -> bytes:
    data = event("start", t, step=start, total_steps=total, job_id="17", resumed_from="ckpt", gpu_names=["H100"])
    for step in range(start + 10, last + 1, 10):
        data += event("log", t + step - start, step=step, loss=2 - step / 100, lr=1e-4, peak_memory_bytes=5e9)
    return data


def test_a_whole_run() -> None:
    data = run(0, 50, 1000.0)
    data += event("eval_begin", 1055, step=50) + event("eval_end", 1060, step=50, metrics={"eval_loss": 0.7})
    data += event("save_begin", 1060, step=50) + event("save_end", 1062.5, step=50, path="out/checkpoint-50", bytes=77)
    data += event("signal", 1070, step=55, signal="SIGUSR1")
    data += event("end", 1075, step=56, reason="saved-and-stopped", message="limit", metrics={"train_loss": 1.1})
    (log,) = read_events(data)
    (segment,) = log.segments
    assert (segment.job_id, segment.started_at, segment.total_steps) == ("17", 1000.0, 100)
    assert segment.meta["gpu_names"] == ["H100"]
    assert list(segment.columns.elapsed) == [10, 20, 30, 40, 50]
    assert segment.columns.memory[0] == 5e9
    assert (segment.evaluations[0].loss, segment.evaluations[0].seconds) == (0.7, 5.0)
    assert (segment.checkpoints[0].bytes, segment.checkpoints[0].seconds) == (77, 2.5)
    assert segment.stop_requested_at == 1070
    assert (segment.end, segment.ended_at) == ("saved-and-stopped", 1075)
    assert segment.meta["final_metrics"] == {"train_loss": 1.1}
    assert segment.eval_begun_at is None


def test_an_evaluation_that_has_not_ended() -> None:
    (log,) = read_events(run(0, 50, 0.0) + event("eval_begin", 55, step=50))
    assert log.segments[0].eval_begun_at == 55


def test_the_later_segment_wins_in_the_stitched_curve() -> None:
    data = run(0, 80, 0.0) + event("eval_end", 81, step=80, seconds=1, metrics={"eval_loss": 9})
    data += run(60, 90, 500.0) + event("eval_end", 581, step=90, seconds=1, metrics={"eval_loss": 8})
    (log,) = read_events(data)
    assert len(log.segments) == 2
    assert list(stitched(log).step) == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert stitched(log).t[6] == 510
    assert [e.loss for e in stitched_evaluations(log)] == [8]


def test_a_start_without_steps_takes_nothing_away() -> None:
    (log,) = read_events(run(0, 80, 0.0) + event("start", 500, step=60, total_steps=100))
    assert stitched(log).step[-1] == 80


def test_unknown_kinds_and_fields_are_skipped() -> None:
    (log,) = read_events(event("weather", 1) + run(0, 20, 0.0) + event("log", 30, step=30, loss=1, mood="good"))
    assert log.segments[0].last_step == 30
    assert log.notes == []


def test_nonfinite_values_are_marked() -> None:
    data = run(0, 10, 0.0) + b'{"v":1,"t":20,"kind":"log","step":20,"loss":NaN,"grad_norm":1e999}\n'
    data += event("log", 30, step=30, loss=None, nonfinite=["loss"])
    (segment,) = read_events(data)[0].segments
    assert [(n.step, n.fields) for n in segment.nonfinite] == [(20, ("loss", "grad_norm")), (30, ("loss",))]
    assert isnan(segment.columns.loss[1])
    assert isnan(segment.columns.grad_norm[1])


def test_no_start_no_clock_steps_back() -> None:
    reader = EventsReader()
    reader.feed(b'{"kind":"log","step":10,"loss":1}\n{"kind":"log","step":5,"loss":1}\n{"kind":"log"}\n')
    segment = reader.log.segments[0]
    assert list(segment.columns.step) == [10]
    assert isnan(segment.columns.elapsed[0])
    assert "1 lines whose step went back skipped" in reader.log.notes
    assert "1 damaged lines skipped" in reader.log.notes


def test_text_out_of_the_file_is_made_safe() -> None:
    data = event(
        "start",
        0,
        step=0,
        total_steps=9,
        job_id="1\x1b]0;x\x07",
        host="a\x1b[2Jb\u202e",
        deep={"a": {"b": {"c": {"d": 1}}}},
    )
    data += event("end", 1, step=1, reason="failed", message="line\nbreak\x1b[31m")
    (segment,) = read_events(data)[0].segments
    assert segment.job_id == "1"
    assert segment.meta["host"] == "ab"
    assert segment.meta["end_message"] == "line break"
    assert segment.meta["deep"] == {"a": {"b": {"c": {}}}}


def test_version_grows_with_every_event() -> None:
    reader = EventsReader()
    seen = [reader.log.version]
    for line in run(0, 30, 0.0).splitlines(keepends=True):
        reader.feed(line)
        seen.append(reader.log.version)
    assert seen == sorted(set(seen))
