"""Whatever arrives, in whatever pieces: nothing raises, and the pieces do not matter."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.metrics.samples import bar, event, row
from websight_tui.metrics import health
from websight_tui.metrics.death import findings
from websight_tui.metrics.detect import detect, read_any
from websight_tui.metrics.events import EventsReader
from websight_tui.metrics.job_output import JobOutputReader
from websight_tui.metrics.model import FIELDS, TrainingLog
from websight_tui.metrics.series import Pyramid, reduce
from websight_tui.metrics.stitch import stitched
from websight_tui.metrics.terminal_text import TerminalText, plain
from websight_tui.metrics.trainer_log import TrainerLogReader

EVENTS = [
    event("start", 0, step=0, total_steps=100, host="n1"),
    event("log", 10, step=10, loss=1.0, lr=1e-4),
    event("log", 20, step=20, loss="nan", nonfinite=["loss", 7]),
    event("eval_begin", 21, step=20),
    event("eval_end", 25, step=20, metrics={"eval_loss": 0.5, "x": "y"}),
    event("save_end", 30, step=20, path="p", bytes=-4),
    event("start", 50, step=10, total_steps=90),
    event("log", 60, step=20, loss=0.9),
    event("end", 99, step=90, reason="finished"),
]
LINES = [
    row(10, 100, 30),
    row(20, 100, 60, None, eval_loss=1.0),
    row(20, 100, 61),
    row(30, 100, 90),
    row(5, 100, 15),
    row(50, 200, 20),
    row(60, 200, 40),
    row(8, 8, 9000, None, eval_loss=0.1),
    row(100, 100, 90_000, None),
]
OUTPUT = [
    b"***** Running training *****\n",
    b"  Num examples = 800\n  Total train batch size (x) = 8\n  Gradient Accumulation steps = 1\n",
    b"  Total optimization steps = 100\n",
    b"  Continuing training from global step 40\n",
    *(("\r" + bar(s, 100, f"00:{s % 60:02d}")).encode() for s in (0, 1, 41, 42, 100, 7)),
    b"{'loss': '1.5', 'grad_norm': nan, 'epoch': '0.41'}\n",
    b"{'eval_loss': 1.5, 'eval_runtime': 3, 'epoch': 0.42}\n",
    b"{'train_runtime': 9, 'train_steps_per_second': 2, 'epoch': 1.0}\n",
    b"***** Running Evaluation *****\n",
    b"[INFO|2026-01-02 10:01:20] x:1 >> {'loss': 1, 'epoch': 0.5}\n",
    b"Saving model checkpoint to o/checkpoint-41\n",
]
HOSTILE = [
    b'{"v":1,"t":1e999,"kind":"log","step":-5,"loss":1e999}\n',
    b'{"kind":"start","step":1e300,"total_steps":"many","gpu_names":{"a":[[[[[1]]]]]}}\n',
    b'{"kind":"log","step":' + b"9" * 400 + b"}\n",
    b'{"current_steps":' + b"9" * 5000 + b"}\n",
    b'{"current_steps":true,"total_steps":[],"elapsed_time":{}}\n',
    b'{"current_steps": 7, "total_steps": 0, "loss": "inf", "elapsed_time": "99999999:99:99"}\n',
    b'{"a":' * 3000 + b"\n",
    b"[" * 3000 + b"\n",
    b"\x00\xff\xfe\x1b[2J\x1b]0;x\n",
    b"\xf0\x9f\x98",
    b"\x9b31m\xc2\x9b2J",
    b"%|" * 300,
    b"{'" * 300,
    b"\r\r\n\x08\x08\x1b[A\x1b[9999A\x1b[K\t",
    b"Traceback (most recent call last):\n",
    b"oom_kill event error: *** JOB 1 ON n CANCELLED AT x DUE TO ",
    b"\n",
]
ANY = [*EVENTS, *LINES, *OUTPUT, *HOSTILE]
fragments = st.lists(
    st.one_of(st.sampled_from(ANY), st.binary(max_size=40), st.sampled_from(ANY).map(lambda b: b[: len(b) // 2])),
    max_size=40,
).map(b"".join)
often = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def everything(logs: list[TrainingLog]) -> list[Any]:
    return [
        (
            log.notes,
            [
                (
                    s.start_step,
                    s.total_steps,
                    s.end,
                    [[None if v != v else v for v in getattr(s.columns, f)] for f in FIELDS],
                    s.evaluations,
                    s.checkpoints,
                    s.nonfinite,
                    repr(s.meta),
                )
                for s in log.segments
            ],
        )
        for log in logs
    ]


def pieces(data: bytes, seed: int) -> list[bytes]:
    rng = random.Random(seed)
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice([1, 5, 50])))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def read_events(parts: list[bytes]) -> list[TrainingLog]:
    reader = EventsReader()
    for part in parts:
        reader.feed(part)
    reader.finish()
    return [reader.log]


def read_lines(parts: list[bytes]) -> list[TrainingLog]:
    reader = TrainerLogReader()
    for part in parts:
        reader.feed(part)
    reader.finish()
    return reader.logs


def read_output(parts: list[bytes]) -> list[TrainingLog]:
    reader = JobOutputReader()
    for part in parts:
        reader.feed(part)
    reader.finish()
    return reader.logs


@pytest.mark.parametrize("read", [read_events, read_lines, read_output])
@given(data=fragments, seed=st.integers(0, 10**6))
@often
def test_pieces_do_not_matter(read: Callable[[list[bytes]], list[TrainingLog]], data: bytes, seed: int) -> None:
    logs = read([data])
    assert everything(read(pieces(data, seed))) == everything(logs)
    for log in logs:
        for segment in log.segments:
            assert list(segment.columns.step) == sorted(segment.columns.step)
            assert all(v == v and abs(v) <= 2**53 for v in segment.columns.step)
            assert len({len(getattr(segment.columns, f)) for f in FIELDS}) == 1


@given(data=fragments, seed=st.integers(0, 10**6))
@often
def test_pieces_do_not_matter_to_the_screen(data: bytes, seed: int) -> None:
    one, two = TerminalText(5), TerminalText(5)
    one.feed(data)
    for part in pieces(data, seed):
        two.feed(part)
    assert list(one.lines) == list(two.lines)
    assert one.dropped == two.dropped
    assert len(one.lines) <= 5
    for line in one.lines:
        assert not set(line) & {"\x1b", "\x00", "\x07", "\r", "\n", "\t", "\x9b", "\u202e"}


@given(data=fragments, name=st.sampled_from(["", "events.jsonl", "trainer_state.json"]))
@often
def test_nothing_raises(data: bytes, name: str) -> None:
    assert detect(data, name) in ("events", "trainer_log", "trainer_state", "job_output")
    for log in read_any(data, name):
        stitched(log)
        health.signs(log, now=1e6)
        health.signs(log, now=-1e6, seen_at=0.0)
    text = data.decode("utf-8", "replace")
    assert len(findings(text)) < 20
    assert "\x1b" not in plain(text)


values = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([float("nan"), float("inf"), float("-inf")]))


@given(
    gaps=st.lists(st.tuples(st.integers(0, 5), values), max_size=400),
    lo=st.integers(-10, 500),
    span=st.integers(0, 2000),
    width=st.integers(1, 60),
)
@often
def test_reduction(gaps: list[tuple[int, float]], lo: int, span: int, width: int) -> None:
    xs, ys, x = [], [], 0.0
    for gap, y in gaps:
        x += gap
        xs.append(x)
        ys.append(y)
    inside = {(x, y) for x, y in zip(xs, ys, strict=True) if lo <= x <= lo + span and abs(y) < float("inf")}
    for points in (reduce(xs, ys, lo, lo + span, width), _pyramid(xs, ys).reduce(lo, lo + span, width)):
        assert set(points) <= inside
        assert [x for x, _ in points] == sorted(x for x, _ in points)
        assert len(points) <= 2 * width + 16
        assert bool(points) == bool(inside)
        if inside:
            assert max(y for _, y in points) == max(y for _, y in inside)
            assert min(y for _, y in points) == min(y for _, y in inside)


def _pyramid(xs: list[float], ys: list[float]) -> Pyramid:
    pyramid = Pyramid()
    pyramid.extend(xs, ys)
    return pyramid
