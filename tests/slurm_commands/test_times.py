from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websight_tui.slurm_commands.times import format_duration, parse_duration, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 5400),
        ("9:59", 599),
        ("1:30:00", 5400),
        ("00:01:10", 70),
        ("1-02:04:00", 93840),
        ("1-02:04", 93840),
        ("1-2", 93600),
        ("0-00:10", 600),
        ("UNLIMITED", None),
        ("INVALID", None),
        ("N/A", None),
        ("", None),
        ("Partition_Limit", None),
        ("-5:00", None),
    ],
)
def test_durations_as_slurm_writes_them(text: str, seconds: int | None) -> None:
    assert parse_duration(text) == seconds


@given(st.integers(0, 400 * 86400))
def test_durations_come_back(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


def test_times() -> None:
    assert parse_time("1795425619") == 1795425619
    assert parse_time("2026-11-23T09:00:00") == parse_time("2026-11-23T11:00:00+02:00")
    assert [parse_time(text) for text in ("N/A", "Unknown", "None", "", "0", "soon")] == [None] * 6
