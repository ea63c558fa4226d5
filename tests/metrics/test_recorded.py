"""Recorded logs of other people's runs: every one of them parses, and what is known of each is found."""

from __future__ import annotations

import csv
from functools import cache
from itertools import pairwise
from math import isfinite
from pathlib import Path

import pytest

from tests.shared import shared_dir
from websight_tui.metrics import health
from websight_tui.metrics.death import findings
from websight_tui.metrics.detect import read_any
from websight_tui.metrics.model import FIELDS, Segment, TrainingLog
from websight_tui.metrics.terminal_text import TerminalText

DEATHS = {"TIME_LIMIT": "time-limit", "CUDA_OOM": "cuda-oom", "CANCELLED": "cancelled"}


@cache
def recorded() -> list[tuple[Path, dict[str, str]]]:
    """Each recorded file with what the index says of it."""
    folder = shared_dir() / "logs"
    with (folder / "INDEX.tsv").open(newline="") as text:
        index = {row["file"]: row for row in csv.DictReader(text, delimiter="\t")}
    return [(folder / name, row) for name, row in sorted(index.items()) if (folder / name).is_file()]


@cache
def logs_of(path: Path) -> list[TrainingLog]:
    return read_any(path.read_bytes(), path.name)


def trained(row: dict[str, str]) -> bool:
    return bool(row["final_step"]) and int(row["final_step"]) > 0


def test_every_log_is_read_to_its_last_step() -> None:
    seen = 0
    for path, row in recorded():
        logs = logs_of(path)
        if not trained(row):
            continue
        seen += 1
        end = logs[-1].segments[-1]
        # the index takes the count of a final evaluation's batches for steps
        if "final_pass_elapsed" in end.meta:
            continue
        totals = {s.total_steps for log in logs for s in log.segments}
        assert end.last_step == int(row["final_step"]), path.name
        # an output without bars names no total; the index has it from elsewhere
        assert not row["total_steps"] or int(row["total_steps"]) in totals, path.name
    assert seen >= 80


def test_columns_are_whole_and_in_order() -> None:
    for path, _ in recorded():
        for log in logs_of(path):
            for segment in log.segments:
                columns = segment.columns
                assert len({len(getattr(columns, name)) for name in FIELDS}) == 1
                assert list(columns.step) == sorted(columns.step), path.name
                elapsed = [t for t in columns.elapsed if isfinite(t)]
                assert all(b >= a - 1 for a, b in pairwise(elapsed)), path.name
                assert all(step >= segment.start_step for step in columns.step), path.name


def test_losses_of_a_job_are_the_same_in_every_format() -> None:
    """The job's output, its trainer_log.jsonl and its trainer_state.json tell of the same steps."""
    compared = 0
    by_project: dict[tuple[str, str], dict[str, Path]] = {}
    for path, row in recorded():
        folder = row["path"].rpartition("/")[0]
        by_project.setdefault((row["repo"], folder), {})[path.parent.name] = path
    for formats in by_project.values():
        if len(formats) < 2:
            continue
        curves = []
        for path in formats.values():
            points: dict[int, float] = {}
            for log in logs_of(path):
                for s in log.segments:
                    points |= {int(x): y for x, y in zip(s.columns.step, s.columns.loss, strict=True) if isfinite(y)}
            curves.append(points)
        for other in curves[1:]:
            common = curves[0].keys() & other.keys()
            if len(common) < 10:
                continue
            compared += 1
            off = [step for step in common if abs(curves[0][step] - other[step]) > 0.002 * max(1, abs(other[step]))]
            assert len(off) <= 0.01 * len(common), (formats, off[:10])
    assert compared >= 8


def test_resumed_segments_are_found() -> None:
    resumed = [
        (log.source, segment.start_step)
        for path, _ in recorded()
        for log in logs_of(path)
        for segment in log.segments
        if segment.start_step
    ]
    assert ("trainer_log", 700) in resumed
    assert ("job_output", 700) in resumed
    assert ("job_output", 4000) in resumed


def test_reasons_of_death() -> None:
    named = silent = 0
    for path, row in recorded():
        if path.parent.name != "job_output":
            continue
        words = row["variant"].split(";") if row["variant"] else []
        kinds = [f.kind for f in findings(path.read_bytes().decode("utf-8", "replace"))]
        expected = next((DEATHS[w] for w in DEATHS if w in words), None)
        if expected:
            assert kinds[0] == expected, path.name
            named += 1
        elif "TRACEBACK" in words:
            assert kinds, path.name
            named += 1
        elif not {"CHILDFAILED", "seff"} & set(words):
            assert kinds == [], path.name
            silent += 1
    assert named >= 30
    assert silent >= 15


def test_no_false_alarm_on_healthy_runs_at_any_time() -> None:
    """Each run is looked at after every twentieth of its points, as if it were still going on."""
    looked = 0
    alarms: list[tuple[str, str]] = []
    for path, _ in recorded():
        for log in logs_of(path):
            for segment in log.segments:
                count = len(segment.columns)
                for part in range(1, 21):
                    looked += 1
                    young = _beginning(segment, count * part // 20)
                    alarms += [(path.name, s.message) for s in health.signs(TrainingLog(segments=[young]))]
    assert looked > 2000
    assert alarms == []


def _beginning(segment: Segment, count: int) -> Segment:
    young = Segment(start_step=segment.start_step, total_steps=segment.total_steps)
    for name in FIELDS:
        getattr(young.columns, name).extend(getattr(segment.columns, name)[:count])
    young.evaluations = [e for e in segment.evaluations if e.step <= young.last_step]
    young.checkpoints = [c for c in segment.checkpoints if c.step <= young.last_step]
    return young


def test_a_hidden_nan_is_found() -> None:
    snippet = shared_dir() / "logs" / "job_output_snippets" / "onebit_issue12.jsonl"
    (log,) = logs_of(snippet)
    assert [s.kind for s in health.signs(log)] == ["nan"]


@pytest.mark.parametrize("size", [1, 997])
def test_raw_output_on_the_screen(size: int) -> None:
    """Cut into pieces or not, rendered output is the same, bounded and free of controls."""
    for path, _ in recorded():
        if path.parent.name != "job_output":
            continue
        data = path.read_bytes()[: 3_000 if size == 1 else 400_000]
        whole, parts = TerminalText(200), TerminalText(200)
        whole.feed(data)
        for start in range(0, len(data), size):
            parts.feed(data[start : start + size])
        assert list(whole.lines) == list(parts.lines), path.name
        assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for line in whole.lines for c in line), path.name
