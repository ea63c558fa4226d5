"""What earlier runs teach is worked out once for each, however often the list of them changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.tui.fakes import NOW, running
from websight_tui.presets import BUILT_IN
from websight_tui.projection.history import PastRun
from websight_tui.projection.model import Verdict
from websight_tui.runs.forecasting import history_of
from websight_tui.runs.state import RunView
from websight_tui.tui import planner as planner_module
from websight_tui.tui.planner import LocalPlanner


def test_a_run_is_read_once_for_each_state_of_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(runs: Iterable[RunView]) -> tuple[PastRun, ...]:
        runs = list(runs)
        read.extend(run.spec.run_id for run in runs)
        return history_of(runs)

    monkeypatch.setattr(planner_module, "history_of", counted)
    made = [running(BUILT_IN[0], f"rank32-{n}", 300, 1117, Verdict.FITS, str(n + 1)) for n in range(5)]
    views = [replace(run, spec=replace(run.spec, created_at=NOW - n)) for n, run in enumerate(made)]
    planner = LocalPlanner()
    for count in range(1, 6):
        planner.learn(views[:count], {})
    assert sorted(read) == [f"rank32-{n}" for n in range(5)]
    moved = replace(views[0], log_version=views[0].log_version + 1)
    planner.learn([moved, *views[1:]], {})
    assert len(read) == 6
    assert [past.run_id for past in planner._history] == [f"rank32-{n}" for n in (4, 3, 2, 1, 0)], "oldest first"
