"""Using the time: the rule itself, and real runs that end inside their limit with an annealed rate and an adapter."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.trainer import running as runs
from trainer import checkpoints
from trainer.budget import Budget, Costs, advance, steps_that_fit

pytest.importorskip("torch", reason="needs the trainer's environment")
STEADY = Costs(step_s=2.0, slowest_s=2.0, save_s=1.0, eval_s=8.0, save_steps=10, eval_steps=20)


class Clock:
    """A training by the book: steps, saves and evaluations of given lengths, on a clock that is told the time."""

    def __init__(self, deadline: float, share: float = 0.0, first: int = 0, **settings: Any) -> None:
        self.now, self.step = 0.0, first
        settings = {"save_steps": 0, "eval_steps": 0, **settings}
        self.budget = Budget(deadline, share, now=lambda: self.now, **settings)
        self.shares: list[float] = []
        self.evaluated: list[int] = []

    def train(self, step_s: float, until: int = 10**6, *, most: int = 10**6, eval_s: float = 0.0) -> bool:
        """Until step `until`, or until the budget says that it was the last (then True)."""
        while self.step < until:
            self.step += 1
            self.now += step_s
            outlook = self.budget.step_done(self.step, most - self.step)
            self.shares.append(outlook.share)
            if outlook.steps_left == 0:
                return True
            if eval_s and self.step % 100 == 0 and outlook.evaluate:
                self.now += eval_s
                self.budget.paused("evaluation", eval_s)
                self.evaluated.append(self.step)
        return False


def assert_annealed(clock: Clock, deadline: float) -> None:
    assert clock.shares == sorted(clock.shares)
    assert clock.shares[-1] == 1.0
    assert clock.shares[-2] > 0.9
    assert clock.now <= deadline


def test_as_many_steps_as_fit_with_their_pauses_and_the_end() -> None:
    free = Costs(step_s=2.0, slowest_s=0.0)
    assert steps_that_fit(100.0 + free.end_s, 0, 10**6, free) == 50
    assert steps_that_fit(99.9 + free.end_s, 0, 10**6, free) == 49
    assert steps_that_fit(100.0 + free.end_s, 0, 7, free) == 7
    assert steps_that_fit(1.0, 0, 7, free) == 0
    assert steps_that_fit(-1.0, 0, 7, free) == 0
    with_pauses = steps_that_fit(300.0, 0, 10**6, STEADY)
    assert with_pauses * 2.0 + 12 * 1.0 + 5 * 8.0 + STEADY.end_s == pytest.approx(300.0, abs=10.0)


def test_at_a_steady_pace_the_share_is_a_straight_line() -> None:
    clock = Clock(1000.0)
    assert clock.train(2.0)
    assert clock.step == int((1000.0 - clock.budget.costs().end_s) / 2.0)
    assert clock.shares[249] == pytest.approx(0.5, abs=0.005)
    assert_annealed(clock, 1000.0)


@pytest.mark.parametrize("later", [0.5, 2.0, 6.0], ids=["four times faster", "as before", "three times slower"])
def test_a_change_of_pace_bends_the_line_and_it_still_arrives(later: float) -> None:
    clock = Clock(3000.0)
    assert not clock.train(2.0, until=500)
    assert clock.train(later)
    assert_annealed(clock, 3000.0)
    assert clock.now > 3000.0 - later - clock.budget.costs().end_s


def test_a_pause_that_nobody_expected_costs_steps_but_no_jump_of_the_share() -> None:
    clock = Clock(1000.0)
    clock.train(2.0, until=250)
    clock.now += 300.0
    clock.budget.paused("save", 0.5)  # the rest of it has no name
    assert clock.train(2.0)
    jumps = [after - before for before, after in zip(clock.shares, clock.shares[1:], strict=False)]
    assert max(jumps) < 0.02
    assert_annealed(clock, 1000.0)


def test_evaluations_are_foreseen_and_left_out_where_no_training_would_follow() -> None:
    clock = Clock(1000.0, eval_steps=100, eval_rows=10, step_rows=1)
    assert clock.train(2.0, eval_s=60.0)
    assert clock.evaluated == [100, 200, 300]
    assert_annealed(clock, 1000.0)
    assert clock.now > 1000.0 - 1.25 * 60.0 - 20.0  # what is kept for the last evaluation, and little else


def test_the_epochs_are_an_upper_bound_and_their_end_is_annealed_too() -> None:
    clock = Clock(1000.0)
    assert clock.train(2.0, most=100)
    assert clock.step == 100
    assert clock.shares[49] == pytest.approx(0.5)
    assert_annealed(clock, 1000.0)


def test_without_a_deadline_it_goes_by_steps() -> None:
    budget = Budget(None, save_steps=10, eval_steps=10)
    shares = [budget.step_done(step, 4 - step).share for step in (1, 2, 3, 4)]
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_a_resumed_run_goes_on_at_its_share_and_spreads_the_rest_over_the_new_budget() -> None:
    first = Clock(1000.0)
    first.train(2.0, until=200)
    second = Clock(300.0, first.shares[-1], first=200)
    assert second.train(2.0)
    assert first.shares[-1] < second.shares[0] < first.shares[-1] + 0.01
    assert_annealed(second, 300.0)


def test_a_share_that_has_arrived_stays() -> None:
    assert advance(1.0, 5) == 1.0
    assert advance(0.5, 0) == 1.0


BUDGET_S = 6.0
SCRIPT = """
import sys
import tempfile
from pathlib import Path
from bench.deadline import in_child, train_with_budget
budget, stop_at, *run_dirs = sys.argv[1:]
if not stop_at:
    sys.exit(train_with_budget(Path(run_dirs[0]), float(budget)))
in_time, resumed = map(Path, run_dirs)
statuses = [in_child(in_time, float(budget)), in_child(resumed, 1000.0, stop_at=int(stop_at)), in_child(resumed, 5.0)]
print(*statuses)
"""
"""Budgets begin with the first step, because importing the libraries takes as long as it likes; it is done once."""
SETTINGS = {"use_the_time": True, "num_train_epochs": 500.0, "save_steps": 25, "eval_steps": 40}
STOPPED_AT = 15


@pytest.fixture(scope="module")
def one_rank(tiny_root: Path) -> tuple[Path, Path]:
    """A run in one budget, and one that is asked to stop in a long budget and resumed in a short one."""
    run_dirs = [runs.make_run(tiny_root, f"deadline-{name}", **SETTINGS) for name in ("in-time", "resumed")]
    done = train(str(BUDGET_S), str(STOPPED_AT), *map(str, run_dirs))
    assert done.stdout.split()[-3:] == ["0", "85", "0"], done.stderr[-3000:]
    return run_dirs[0], run_dirs[1]


def train(*arguments: str, under: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "train.py"
        script.write_text(SCRIPT)
        command = [sys.executable, *under, str(script), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=runs.PATIENCE_S)


def assert_in_time(run_dir: Path) -> None:
    start, end, logs = runs.events(run_dir, "start")[0], runs.events(run_dir, "end")[0], runs.events(run_dir, "log")
    assert start["use_the_time"] is True
    assert (end["reason"], end["step"]) == ("finished", logs[-1]["step"])
    assert end["metrics"]["eval_loss"] > 0
    assert 10 < end["step"] < start["total_steps"]
    assert 0.2 * BUDGET_S < end["t"] - start["t"] < BUDGET_S  # a busy machine makes it careful

    shares, rates = [event["budget"] for event in logs], [event["lr"] for event in logs]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert rates[-1] < 0.05 * max(rates)
    down = rates[rates.index(max(rates)) :]
    assert down == sorted(down, reverse=True)

    assert runs.weights(run_dir / "out")
    newest = checkpoints.newest_valid(run_dir / "out")
    assert newest
    assert newest.step == newest.fixed["total_steps"] == end["step"]
    assert newest.fixed["share"] == 1.0


@pytest.mark.timeout(400)
def test_a_run_ends_inside_its_budget_annealed_and_saved(one_rank: tuple[Path, Path]) -> None:
    assert_in_time(one_rank[0])


@pytest.mark.timeout(400)
def test_two_ranks_agree_on_it(tiny_root: Path) -> None:
    run_dir = runs.make_run(tiny_root, "deadline-two-ranks", cpu_ranks=2, **SETTINGS)
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    done = train(str(BUDGET_S), "", str(run_dir), under=torchrun)
    assert done.returncode == 0, done.stderr[-3000:]
    assert_in_time(run_dir)


@pytest.mark.timeout(400)
def test_a_resumed_run_goes_on_at_the_rate_that_it_had_and_ends_in_its_new_budget(one_rank: tuple[Path, Path]) -> None:
    first, second = runs.events(one_rank[1], "start")
    assert second["resumed_from"] == STOPPED_AT
    logs = {event["step"]: event for event in runs.events(one_rank[1], "log")}
    before, after = logs[STOPPED_AT], logs[STOPPED_AT + 1]
    assert before["t"] < second["t"] < after["t"]
    assert before["budget"] < after["budget"] < 0.5
    assert after["lr"] == pytest.approx(before["lr"], rel=0.5)
    assert before["budget"] < 0.05
    end = runs.events(one_rank[1], "end")[-1]
    assert end["reason"] == "finished"
    assert STOPPED_AT < end["step"] < first["total_steps"]
    assert end["t"] - second["t"] < 5.0
    assert logs[end["step"]]["lr"] < 0.05 * 5e-3
