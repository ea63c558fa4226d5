"""The demo on a laptop that cannot train."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Command


@pytest.mark.timeout(120)
def test_without_a_trainer_a_recorded_run_is_replayed_and_every_line_says_so(
    make_command: Callable[..., Command],
) -> None:
    lines = make_command().json("demo", "--headless", "--replay")
    assert lines[-1]["phase"] == "finished"
    assert all(line["note"] == "replay" for line in lines)
    assert lines[-1]["loss"] < 0.5


def test_a_python_that_cannot_train_is_refused_by_name(make_command: Callable[..., Command]) -> None:
    done = make_command(WEBSIGHT_TUI_TRAINER_PYTHON="/bin/false")("demo", "--headless")
    assert done.returncode == 1
    assert "/bin/false cannot train" in done.stderr
