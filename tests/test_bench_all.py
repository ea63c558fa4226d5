"""The benchmarks run, and every row is there. Whether a figure is good is not asked here: machines are noisy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.rows import ABSENT, DEAD, Row, against, percentile, table

ROOT = Path(__file__).resolve().parents[1]
EXPECTED = (
    "start → first frame (",
    "the same in processor seconds",
    "start → first frame",
    "start → first queue row, over SSH",
    "start → first queue row",
    "start → first queue row, real Slurm and OpenSSH",
    "append → visible, p50",
    "append → visible, p99",
    *(
        f"{load}: {what}"
        for load in ("jobs", "metric points", "MB", "MB of \\r")
        for what in ("key → frame, p99", "event loop late, p99", "memory, most")
    ),
    "scheduler calls a minute, only waiting jobs",
    "scheduler calls a minute, a running job",
    "idle processor",
    "idle memory",
    "reading trainer_log.jsonl",
    "reading events.jsonl",
    "reading job output",
    "projection of",
    "a point more on a curve",
)


@pytest.mark.timeout(400)
def test_the_quick_benchmarks_give_every_row() -> None:
    words = [sys.executable, "-m", "bench.all", "--quick", "--json"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=390, check=False)
    broken = [line for line in done.stdout.splitlines() if "broke off" in line]
    assert done.returncode == 0, f"{broken} {done.stderr[-2000:]}"
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    for wanted in EXPECTED:
        found = [row for row in rows if wanted in row["what"]]
        assert found, wanted
        assert all(row["figures"] for row in found), wanted


def test_the_table_says_size_ratio_and_goal() -> None:
    text = table(
        [
            Row("a (1 · 10 jobs)", ["1 ms", "2 ms"], "floor 4 ms", 0.25, "≤ 1×", True),
            Row("b", ["9 ms"], goal="≤ 5 ms", met=False),
        ]
    )
    assert "| a (1 · 10 jobs) | 1 ms | 2 ms |  | floor 4 ms | 0.25× | ≤ 1× ✓ |" in text
    assert "| b | 9 ms |  |  |  |  | ≤ 5 ms ✗ |" in text


def test_percentiles_and_peers_that_are_absent() -> None:
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile([5.0], 0.99) == 5
    assert percentile([3, 1, 2], 0.5) == 2
    assert against("turm", 2.0, [1.0, 1.0, 7.0]) == ("turm: 1.00 s", 2.0)
    assert against("turm", 2.0, []) == (f"turm: {ABSENT}", None)
    assert against("turm", 2.0, [], absent=DEAD) == (f"turm: {DEAD}", None)
