"""The pre-flight of a launch through the engine: always an answer, of the newest plan, beside the watching."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from websight_tui.config import LOCAL, Cluster, load_config
from websight_tui.remote.local import LocalTransport
from websight_tui.remote.port import ExecResult, Hear, Unattended
from websight_tui.runs import checking
from websight_tui.runs import events as e
from websight_tui.runs.checking import Checker
from websight_tui.runs.checks.finding import ok
from websight_tui.runs.plan import LaunchPlan, plan_launch
from websight_tui.runs.preflight import Preflight
from websight_tui.runs.watcher import Watcher

CONFIG = load_config(Path("/nonexistent/config.toml"))


def a_plan(root: Path | str) -> LaunchPlan:
    cluster = Cluster(LOCAL, root=str(root), gpus_per_node=0)
    return plan_launch(CONFIG, cluster, CONFIG.presets["tiny"], now=time.time())


class Online:
    """As much of a watcher as a check needs."""

    def __init__(self, home: str = "") -> None:
        self.home, self.transport = home, LocalTransport(login_shell=False)
        self.transport.connect(Unattended())


def wait_for(true: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "did not happen"
        threading.Event().wait(0.005)


def answer(plan: LaunchPlan, watcher: object) -> e.PreflightDone:
    told: list[e.Event] = []
    Checker(told.append, lambda: 7.0).begin(plan, watcher)  # type: ignore[arg-type]
    wait_for(lambda: told and isinstance(told[-1], e.PreflightDone))
    *moved, event = told
    assert isinstance(event, e.PreflightDone)
    assert all(isinstance(item, (e.CheckMoved, e.CheckMade)) for item in moved)
    assert (event.run_id, event.at) == (plan.spec.run_id, 7.0)
    return event


def test_without_a_connection_nothing_is_said_to_have_failed(tmp_path: Path) -> None:
    (finding,) = answer(a_plan(tmp_path), None).findings
    assert (finding.level, finding.hint) == ("skip", "Connect first.")


def test_a_root_in_an_unknown_home_is_not_guessed() -> None:
    (finding,) = answer(a_plan("~/w"), Online()).findings
    assert finding.level == "skip"
    assert "home folder" in finding.message


def test_a_root_that_cannot_be_made_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (finding,) = answer(a_plan("~/file/w"), Online(str(tmp_path))).findings
    assert (finding.level, finding.check) == ("fail", "folder")


def test_what_breaks_off_is_answered_too(tmp_path: Path) -> None:
    class Broken(LocalTransport):
        def exec(
            self, command: str, *, timeout: float, stdin: bytes | None = None, hear: Hear | None = None
        ) -> ExecResult:
            raise RuntimeError("bug")

    watcher = Online()
    watcher.transport = Broken(login_shell=False)
    (finding,) = answer(a_plan(tmp_path), watcher).findings
    assert finding.level == "skip"
    assert "bug" in finding.message


def test_only_the_newest_of_several_answers_and_never_two_run_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[e.Event] = []
    begun, go_on = threading.Event(), threading.Event()
    looked_at: list[str] = []

    def slow(plan: LaunchPlan, watcher: Watcher | None, progress: object) -> Preflight:
        looked_at.append(plan.spec.run_id)
        begun.set()
        assert go_on.wait(20)
        return Preflight((ok("data", "there"),), 640)

    monkeypatch.setattr(checking, "_check", slow)
    checker, plans = Checker(told.append, time.time), [a_plan(tmp_path) for _ in range(3)]
    checker.begin(plans[0], None)
    assert begun.wait(20)
    checker.begin(plans[1], None)
    checker.begin(plans[2], None)
    go_on.set()
    wait_for(lambda: told)
    assert [(t.run_id, t.train_rows) for t in told if isinstance(t, e.PreflightDone)] == [(plans[2].spec.run_id, 640)]
    assert looked_at == [plans[0].spec.run_id, plans[2].spec.run_id]
