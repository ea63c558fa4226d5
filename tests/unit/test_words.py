"""Figures in words."""

from __future__ import annotations

import pytest

from websight_tui.words import age, clock, count, duration, sentences, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3570, "1 h 00 min"),
        (8 * 3600 + 300, "8 h 05 min"),
        (48 * 3600, "2 d 00 h"),
        (-90, "-2 min"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (0, "0:00"), (65, "1:05"), (3723, "1:02:03"), (-5, "-0:05")]
)
def test_clock(seconds: float | None, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_600, "1.0 MB"), (349_175_808, "349 MB")],
)
def test_size(value: float | None, text: str) -> None:
    assert size(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (19_456, "19,456"), (87_293_952, "87.3 M"), (8.77e9, "8.77 B")]
)
def test_count(value: float | None, text: str) -> None:
    assert count(value) == text


def test_age() -> None:
    assert [age(x) for x in (None, 0.5, 7, 200)] == ["never", "now", "7 s ago", "3 min ago"]


def test_texts_become_sentences() -> None:
    assert sentences("The line broke", "", "Connect again.") == "The line broke. Connect again."
    assert sentences("Really?", "no") == "Really? no."
    assert sentences("") == ""
