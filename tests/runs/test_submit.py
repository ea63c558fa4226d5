"""Exactly one job for each submission, whatever breaks at whichever moment."""

from __future__ import annotations

import time

import pytest

from tests.runs.conftest import Desk
from tests.runs.fakes import ACCEPTS, ANSWERS, TIMED_OUT, FakeJob, FakeTransport, rejects
from websight_tui.errors import ConnectionLost
from websight_tui.remote.port import ExecResult
from websight_tui.runs import reconcile, submit
from websight_tui.runs.events import ActionDone
from websight_tui.runs.keeper import Keeper
from websight_tui.runs.state import Outcome, Phase
from websight_tui.slurm_commands import commands


def outcome(keeper: Keeper, run_id: str, wanted: Outcome, timeout_s: float = 15) -> None:
    assert keeper.wait(lambda s: run_id in s.runs and s.runs[run_id].outcome is wanted, timeout_s), keeper.state.runs


def test_an_accepted_job_is_recorded_with_its_files(desk: Desk) -> None:
    engine, keeper = desk.start()
    plan = desk.plan()
    engine.submit(plan)
    outcome(keeper, plan.spec.run_id, Outcome.ACCEPTED)
    run = keeper.state.runs[plan.spec.run_id]
    assert run.job is not None
    assert run.job.job_id == "101"
    assert run.phase is Phase.PENDING
    assert f"--comment={plan.spec.token}" in desk.slurm.sbatch_calls[0]
    folder = desk.folder / "root"
    assert (folder / "runs" / run.spec.run_id / "run.json").is_file()
    assert (folder / "bundles" / plan.spec.bundle / "slurm" / "job.sh").stat().st_mode & 0o100
    assert [p.name for p in (folder / "bundles").iterdir()] == [plan.spec.bundle]


def test_a_rejected_job_says_why_and_can_be_followed_by_another(desk: Desk) -> None:
    desk.slurm.sbatch(rejects("Invalid account or account/partition combination specified"))
    engine, keeper = desk.start()
    plan = desk.plan()
    engine.submit(plan)
    outcome(keeper, plan.spec.run_id, Outcome.REJECTED)
    run = keeper.state.runs[plan.spec.run_id]
    assert run.phase is Phase.REJECTED
    assert "account" in run.outcome_text
    desk.slurm.sbatch(ACCEPTS + ANSWERS)
    engine.submit(plan)  # the very same plan once more
    outcome(keeper, plan.spec.run_id, Outcome.ACCEPTED)
    assert len(engine.store.runs()) == 1


def test_the_same_plan_is_not_submitted_twice(desk: Desk) -> None:
    engine, keeper = desk.start()
    plan = desk.plan()
    engine.submit(plan)
    outcome(keeper, plan.spec.run_id, Outcome.ACCEPTED)
    engine.submit(plan)
    while (event := keeper.take(5)) is not None and not isinstance(event, ActionDone):
        pass
    assert event is not None
    assert not event.ok
    assert len(desk.slurm.sbatch_calls) == 1


def test_a_timed_out_sbatch_whose_job_runs_is_found_and_not_repeated(desk: Desk) -> None:
    desk.slurm.sbatch(ACCEPTS + TIMED_OUT)
    engine, keeper = desk.start()
    plan = desk.plan()
    engine.submit(plan)
    outcome(keeper, plan.spec.run_id, Outcome.ACCEPTED)
    assert len(desk.slurm.sbatch_calls) == 1
    assert len(desk.slurm.all_jobs()) == 1


def test_a_timed_out_sbatch_whose_job_ended_is_found_in_the_accounting(desk: Desk) -> None:
    desk.slurm.sbatch(ACCEPTS + TIMED_OUT)
    engine, keeper = desk.start()
    desk.slurm.broken["squeue"] = ExecResult(0, "", "")
    plan = desk.plan()
    engine.submit(plan)
    outcome(keeper, plan.spec.run_id, Outcome.ACCEPTED)
    assert len(desk.slurm.sbatch_calls) == 1


def test_a_lost_answer_is_read_from_the_receipt(desk: Desk) -> None:
    def lose_first(transport: FakeTransport) -> None:
        if not desk.transports:
            transport.lose = lambda command: "sbatch" in command

    desk.prepare = lose_first
    desk.slurm.sbatch(ACCEPTS + ANSWERS)
    engine, keeper = desk.start()
    plan = desk.plan()
    engine.submit(plan)
    outcome(keeper, plan.spec.run_id, Outcome.ACCEPTED)
    assert len(desk.slurm.sbatch_calls) == 1
    assert len(desk.transports) == 2  # it came back by itself


def test_a_lost_rejection_is_read_from_the_receipt(desk: Desk) -> None:
    def lose_first(transport: FakeTransport) -> None:
        if not desk.transports:
            transport.lose = lambda command: "sbatch" in command

    desk.prepare = lose_first
    desk.slurm.sbatch(rejects("Invalid qos specification"))
    engine, keeper = desk.start()
    plan = desk.plan()
    engine.submit(plan)
    outcome(keeper, plan.spec.run_id, Outcome.REJECTED)
    assert "QOS" in keeper.state.runs[plan.spec.run_id].outcome_text


def test_a_connection_that_breaks_before_sbatch_submits_nothing_ever(desk: Desk) -> None:
    def break_first(transport: FakeTransport) -> None:
        def fault(command: str) -> None:
            if not command.startswith("upload") and "--parsable" in command and len(desk.transports) == 1:
                transport.close()
                raise ConnectionLost("The connection broke")

        transport.fault = fault

    desk.prepare = break_first
    engine, keeper = desk.start()
    plan = desk.plan()
    engine.submit(plan)
    outcome(keeper, plan.spec.run_id, Outcome.REJECTED)
    assert "nothing was submitted" in keeper.state.runs[plan.spec.run_id].outcome_text
    assert desk.slurm.sbatch_calls == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("stage", ["bundles", "run.json", "job-", "sbatch", "answer"])
def test_a_killed_app_leaves_neither_two_jobs_nor_a_lost_one(desk: Desk, stage: str) -> None:
    """The app dies at each stage of a submission; the next one finds out what became of it."""

    def stop_at_stage(transport: FakeTransport) -> None:
        def fault(command: str) -> None:
            at_upload = command.startswith("upload") and stage in command.removeprefix(f"upload {desk.folder}")
            if (stage != "answer" and at_upload) or (stage == "sbatch" and "--parsable" in command):
                raise SystemExit  # ends the submitting thread as a kill would, without any clean-up of the outcome

        if len(desk.engines) <= 1 and not desk.transports:
            transport.fault = fault
            if stage == "answer":

                def die(command: str) -> bool:
                    if "--parsable" in command:
                        raise SystemExit
                    return False

                transport.lose = die

    desk.prepare = stop_at_stage
    first, keeper = desk.start()
    plan = desk.plan()
    first.submit(plan)
    reached = time.monotonic() + 10
    while first.store.submissions("fake") == [] or any(w.in_progress for w in first._watchers.values()):
        assert time.monotonic() < reached
        keeper.take(0.05)
    first.close()
    _, again = desk.start()
    wanted = Outcome.ACCEPTED if stage == "answer" else Outcome.REJECTED
    outcome(again, plan.spec.run_id, wanted)
    assert len(desk.slurm.sbatch_calls) == (1 if stage == "answer" else 0)
    if stage == "answer":
        assert again.wait(lambda s: s.runs[plan.spec.run_id].job is not None, 5)


def test_two_apps_that_share_a_history_do_not_disturb_each_other(desk: Desk) -> None:
    first, one = desk.start()
    second, two = desk.start()
    plan = desk.plan()
    first.submit(plan)
    outcome(one, plan.spec.run_id, Outcome.ACCEPTED)
    second.load()
    outcome(two, plan.spec.run_id, Outcome.ACCEPTED)
    assert len(desk.slurm.sbatch_calls) == 1


def test_without_a_connection_nothing_is_recorded(desk: Desk) -> None:
    engine, keeper = desk.start(connect=False)
    plan = desk.plan()
    engine.submit(plan)
    while (event := keeper.take(0.2)) is not None:
        last = event
    assert getattr(last, "message", "") == "Not connected to this cluster"
    assert engine.store.runs() == []


def test_a_hung_sbatch_whose_job_was_taken_is_found_by_its_token(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "SUBMIT_TIMEOUT_S", 0.3)
    desk.slurm.sbatch(ACCEPTS + "sleep 30\n")
    engine, keeper = desk.start()
    plan = desk.plan()
    engine.submit(plan)
    outcome(keeper, plan.spec.run_id, Outcome.ACCEPTED)
    assert len(desk.slurm.all_jobs()) == 1


def test_a_submission_that_slurm_never_took_stays_unknown_until_it_was_looked_for_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "SECOND_LOOK_S", 0.5)
    monkeypatch.setattr(reconcile, "_SEARCH_EVERY_S", 0.1)
    desk.slurm.sbatch(TIMED_OUT)
    engine, keeper = desk.start()
    plan = desk.plan()
    engine.submit(plan)
    outcome(keeper, plan.spec.run_id, Outcome.UNKNOWN)
    outcome(keeper, plan.spec.run_id, Outcome.REJECTED)
    assert "never took" in keeper.state.runs[plan.spec.run_id].outcome_text
    assert len(desk.slurm.sbatch_calls) == 1
    # and should it turn up after all, it is not lost
    desk.slurm.extra.append(FakeJob("999", plan.spec.job_name, plan.spec.token))
    engine.refresh("fake")
    outcome(keeper, plan.spec.run_id, Outcome.ACCEPTED)


def test_an_unreachable_scheduler_settles_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit, "SECOND_LOOK_S", 0.1)
    monkeypatch.setattr(reconcile, "_SEARCH_EVERY_S", 0.1)
    down = ExecResult(1, "", "sacct: error: Problem talking to the database: Connection refused\n")
    desk.slurm.broken["sacct"] = down
    desk.slurm.sbatch(TIMED_OUT)
    engine, keeper = desk.start()
    plan = desk.plan()
    engine.submit(plan)
    outcome(keeper, plan.spec.run_id, Outcome.UNKNOWN)
    for _ in range(4):
        assert engine._watchers["fake"].wait_for_poll(10)
    assert keeper.state.runs[plan.spec.run_id].outcome is Outcome.UNKNOWN
