"""A run from the queue to its end, as the state shows it; breaks, ends and reopening."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.runs.conftest import Desk
from tests.runs.fakes import FakeJob, FakeTransport
from tests.runs.test_submit import outcome
from websight_tui.errors import ConnectError, RemoteTimeout
from websight_tui.projection.model import Verdict
from websight_tui.remote.port import ExecResult
from websight_tui.runs.engine import Engine
from websight_tui.runs.events import ActionDone, Event
from websight_tui.runs.keeper import Keeper
from websight_tui.runs.state import Link, Outcome, Phase, RunView


def submitted(desk: Desk, engine: Engine, keeper: Keeper) -> tuple[str, FakeJob, Path]:
    plan = desk.plan()
    engine.submit(plan)
    outcome(keeper, plan.spec.run_id, Outcome.ACCEPTED)
    job = desk.slurm.all_jobs()[-1]
    return plan.spec.run_id, job, Path(plan.spec.run_dir)


def reaches(keeper: Keeper, run_id: str, phase: Phase, timeout_s: float = 15) -> RunView:
    assert keeper.wait(lambda s: s.runs[run_id].phase is phase, timeout_s), keeper.state.runs[run_id]
    return keeper.state.runs[run_id]


def runs(job: FakeJob) -> None:
    job.state, job.start, job.end = "RUNNING", int(time.time()), int(time.time()) + job.limit_s


def write(folder: Path, job: FakeJob, *, steps: int = 0, total: int = 40, end: str = "") -> None:
    """Appends what the trainer would write."""
    now = time.time()
    lines = []
    path = folder / "events.jsonl"
    if not path.exists():
        lines.append({"kind": "start", "t": now - 60, "step": 0, "total_steps": total, "job_id": job.job_id})
    lines += [
        {"kind": "log", "t": now - 60 + step, "step": step, "loss": 3.0 - step / 20, "lr": 1e-3, "epoch": step / total}
        for step in range(1, steps + 1)
    ]
    if end:
        lines.append({"kind": "end", "t": now, "step": steps, "reason": end})
    with path.open("a") as stream:
        for line in lines:
            stream.write(json.dumps({"v": 1, **line}) + "\n")


def done(keeper: Keeper, action: str, timeout_s: float = 15) -> ActionDone:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        event: Event | None = keeper.take(0.2)
        if isinstance(event, ActionDone) and event.action == action:
            return event
    raise AssertionError(f"{action} did not end")


def test_a_run_from_the_queue_to_its_end_and_again_offline(desk: Desk) -> None:
    engine, keeper = desk.start()
    run_id, job, folder = submitted(desk, engine, keeper)
    runs(job)
    (folder / f"job-{job.job_id}.out").write_text("loading\rloaded \x1b[31mred\x1b[0m\n")
    reaches(keeper, run_id, Phase.STARTING)
    write(folder, job, steps=20)
    run = reaches(keeper, run_id, Phase.TRAINING)
    assert keeper.wait(lambda s: s.runs[run_id].projection is not None and s.runs[run_id].log.last is not None, 5)
    assert keeper.wait(lambda s: s.runs[run_id].stdout.lines == ("loaded red",), 5), keeper.state.runs[run_id].stdout
    run = keeper.state.runs[run_id]
    assert run.projection is not None
    assert run.projection.verdict is not Verdict.TOO_EARLY
    assert run.projection.deadline == job.start + job.limit_s - run.spec.preset.signal_lead_s
    assert keeper.wait(lambda s: len(s.runs[run_id].verdicts) > 0, 5)
    write(folder, job, end="finished")
    reaches(keeper, run_id, Phase.SAVING)
    job.state, job.end = "COMPLETED", int(time.time())
    run = reaches(keeper, run_id, Phase.FINISHED)
    assert keeper.wait(lambda s: s.runs[run_id].job.exit_code == "0:0", 10)
    assert run.problems == ()
    said = keeper.state.runs[run_id].verdicts
    assert said[-1].verdict is Verdict.FITS
    assert {(change.job_id, change.total_steps) for change in said} == {(job.job_id, run.log.last.total_steps)}
    engine.close()
    _, offline = desk.start(connect=False)
    again = offline.state.runs[run_id]
    assert again.phase is Phase.FINISHED
    assert again.log.last is not None
    assert list(again.log.last.columns.step) == [float(n) for n in range(1, 21)]
    assert again.stdout.lines == ("loaded red",)
    assert again.verdicts == said


def test_a_job_that_hits_its_limit_says_so_with_a_next_step_and_can_be_resumed(desk: Desk) -> None:
    engine, keeper = desk.start()
    run_id, job, folder = submitted(desk, engine, keeper)
    runs(job)
    write(folder, job, steps=10)
    reaches(keeper, run_id, Phase.TRAINING)
    (folder / f"job-{job.job_id}.err").write_text(
        f"slurmstepd-gpu01: error: *** JOB {job.job_id} ON gpu01 CANCELLED AT 2026-11-23T09:00:39 "
        "DUE TO TIME LIMIT ***\n"
    )
    job.state, job.end = "TIMEOUT", int(time.time())
    reaches(keeper, run_id, Phase.TIMEOUT)
    assert keeper.wait(lambda s: any("limit" in p for p in s.runs[run_id].problems), 10), keeper.state.runs[run_id]
    engine.resume(run_id)
    assert keeper.wait(lambda s: len(s.runs[run_id].jobs) == 2, 10)
    run = keeper.state.runs[run_id]
    assert run.phase is Phase.PENDING
    first, second = desk.slurm.sbatch_calls
    assert first[-1] != second[-1]  # a script of its own
    assert Path(second[-1]).parent == Path(first[-1]).parent == folder


def test_a_requeued_job_has_not_ended(desk: Desk) -> None:
    engine, keeper = desk.start()
    run_id, job, folder = submitted(desk, engine, keeper)
    runs(job)
    write(folder, job, steps=5)
    reaches(keeper, run_id, Phase.TRAINING)
    job.state, job.reason, job.start = "PENDING", "BeginTime", int(time.time()) + 120
    job.accounted_state = "PREEMPTED"
    run = reaches(keeper, run_id, Phase.PENDING)
    assert run.job is not None
    assert run.job.restarts == 1
    assert not run.job.final


def test_a_job_that_left_the_queue_waits_for_the_accounting(desk: Desk) -> None:
    engine, keeper = desk.start()
    run_id, job, _ = submitted(desk, engine, keeper)
    runs(job)
    reaches(keeper, run_id, Phase.STARTING)
    job.listed, job.accounted_state = False, "RUNNING"  # sacct lags behind
    asked = len(desk.slurm.calls)
    assert keeper.wait(lambda s: "sacct" in desk.slurm.calls[asked:], 10)
    assert keeper.state.runs[run_id].phase is Phase.STARTING
    job.accounted_state, job.exit_code, job.end = "FAILED", "3:0", int(time.time()) - 30
    run = reaches(keeper, run_id, Phase.FAILED, 30)
    assert run.job is not None
    assert run.job.exit_code == "3:0"


def test_without_accounting_the_controller_and_the_trainer_tell_the_end(desk: Desk) -> None:
    desk.slurm.accounting = False
    engine, keeper = desk.start()
    run_id, job, folder = submitted(desk, engine, keeper)
    runs(job)
    write(folder, job, steps=10)
    reaches(keeper, run_id, Phase.TRAINING)
    write(folder, job, end="finished")
    reaches(keeper, run_id, Phase.SAVING)
    job.listed = False
    reaches(keeper, run_id, Phase.FINISHED)


def test_a_controller_that_does_not_answer_ends_no_job(desk: Desk) -> None:
    engine, keeper = desk.start()
    run_id, job, _ = submitted(desk, engine, keeper)
    runs(job)
    reaches(keeper, run_id, Phase.STARTING)
    desk.slurm.broken["squeue"] = ExecResult(
        1, "", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n"
    )
    engine.refresh("fake")
    assert keeper.wait(lambda s: "controller" in s.clusters["fake"].scheduler_error, 10)
    assert keeper.state.runs[run_id].phase is Phase.STARTING
    assert keeper.state.clusters["fake"].queue
    desk.slurm.broken.clear()
    engine.refresh("fake")
    assert keeper.wait(lambda s: not s.clusters["fake"].scheduler_error, 60)


def test_a_broken_line_comes_back_by_itself_without_asking(desk: Desk) -> None:
    engine, keeper = desk.start()
    run_id, job, folder = submitted(desk, engine, keeper)
    runs(job)
    desk.transports[-1].close()
    assert keeper.wait(lambda s: s.clusters["fake"].link is Link.RECONNECTING, 10)
    write(folder, job, steps=7)
    reaches(keeper, run_id, Phase.TRAINING)
    assert keeper.state.clusters["fake"].link is Link.ONLINE


def test_a_broken_line_whose_login_would_ask_waits_for_the_person(desk: Desk) -> None:
    desk.may_prompt = True
    engine, keeper = desk.start()
    submitted(desk, engine, keeper)
    desk.transports[-1].close()
    assert keeper.wait(lambda s: s.clusters["fake"].link is Link.NEEDS_LOGIN, 10)
    assert len(desk.transports) == 1
    engine.connect("fake")
    assert keeper.wait(lambda s: s.clusters["fake"].link is Link.ONLINE, 10)


def test_a_first_connection_that_fails_says_why_and_is_not_repeated(desk: Desk) -> None:
    def refuse(transport: FakeTransport) -> None:
        transport.connect_error = ConnectError("No route to fake", "Check the network.")

    desk.prepare = refuse
    engine, keeper = desk.start(connect=False)
    engine.connect("fake")
    assert keeper.wait(lambda s: s.clusters["fake"].link is Link.FAILED, 10)
    assert keeper.state.clusters["fake"].error == "No route to fake. Check the network."
    assert len(desk.transports) == 1


def test_cancel_is_verified(desk: Desk) -> None:
    engine, keeper = desk.start()
    run_id, job, _ = submitted(desk, engine, keeper)
    runs(job)
    reaches(keeper, run_id, Phase.STARTING)
    engine.cancel(run_id)
    assert done(keeper, "cancel").ok
    reaches(keeper, run_id, Phase.CANCELLED)


def test_a_cancel_that_is_refused_gives_the_reason(desk: Desk) -> None:
    engine, keeper = desk.start()
    run_id, job, _ = submitted(desk, engine, keeper)
    desk.slurm.broken["scancel"] = ExecResult(
        210, "", f"scancel: error: Kill job error on job id {job.job_id}: Access/permission denied\n"
    )
    engine.cancel(run_id)
    answer = done(keeper, "cancel")
    assert not answer.ok
    assert "not allow" in answer.message


def test_the_limit_of_a_pending_job_can_be_raised_and_that_of_a_running_one_be_asked_for(desk: Desk) -> None:
    engine, keeper = desk.start()
    run_id, job, _ = submitted(desk, engine, keeper)
    assert keeper.wait(lambda s: s.runs[run_id].job.time_limit_s == 600, 10)
    engine.set_time_limit(run_id, 7200)
    assert done(keeper, "set time limit").ok
    assert job.limit_s == 7200
    runs(job)
    reaches(keeper, run_id, Phase.STARTING)
    engine.set_time_limit(run_id, 9000)
    answer = done(keeper, "set time limit")
    assert not answer.ok
    assert f"JobId={job.job_id} TimeLimit=2:30:00" in answer.hint
    assert job.limit_s == 7200


def test_hold_and_release(desk: Desk) -> None:
    engine, keeper = desk.start()
    run_id, _, _ = submitted(desk, engine, keeper)
    engine.hold(run_id)
    assert done(keeper, "hold").ok
    assert keeper.wait(lambda s: s.runs[run_id].job.reason == "JobHeldUser", 10)
    engine.release(run_id)
    assert done(keeper, "release").ok
    assert keeper.wait(lambda s: s.runs[run_id].job.reason == "", 10)


def test_foreign_jobs_are_in_the_queue_but_are_no_runs(desk: Desk) -> None:
    desk.slurm.extra.append(FakeJob("7", "no\ttab [/red] \x1b[31m", "", state="RUNNING", start=1))
    _, keeper = desk.start()
    assert keeper.wait(lambda s: len(s.clusters["fake"].queue) == 1, 10)
    assert keeper.state.clusters["fake"].queue[0].name == "no tab [/red]"
    assert not keeper.state.runs


def test_a_job_of_others_is_cancelled_and_who_waits_for_it_is_named(desk: Desk) -> None:
    desk.slurm.extra.append(FakeJob("7", "theirs", "", state="RUNNING", start=int(time.time()) - 60))
    desk.slurm.extra.append(FakeJob("8", "next", "", dependency="afternotok:7(unfulfilled)"))
    desk.slurm.extra.append(FakeJob("9", "other", "", dependency="afterok:77(unfulfilled)"))
    engine, keeper = desk.start()
    assert keeper.wait(lambda s: len(s.clusters["fake"].queue) == 3, 10)
    engine.cancel_job("fake", "7")
    answer = done(keeper, "cancel")
    assert answer.ok
    assert answer.message == "Job 7 is cancelled"
    assert "Job 8 waits" in answer.hint
    assert "9" not in answer.hint
    desk.slurm.broken["scancel"] = ExecResult(0, "", "")  # accepted, and nothing happens
    engine.cancel_job("fake", "8")
    answer = done(keeper, "cancel", 30)
    assert not answer.ok
    assert "still in the queue" in answer.message


def test_nothing_is_asked_while_nobody_looks_or_nothing_is_live(desk: Desk) -> None:
    engine, keeper = desk.start()
    assert keeper.wait(lambda s: s.clusters["fake"].queue_at is not None, 10)
    assert keeper.wait(lambda s: s.clusters["fake"].next_poll_at is None, 5)
    assert desk.slurm.calls.count("squeue") == 1
    engine.set_visible(False)
    run_id, job, _ = submitted(desk, engine, keeper)
    runs(job)
    before = desk.slurm.calls.count("squeue")
    assert not keeper.wait(lambda s: desk.slurm.calls.count("squeue") > before + 2, 3)
    engine.set_visible(True)
    reaches(keeper, run_id, Phase.STARTING)


def test_closing_takes_no_time(desk: Desk) -> None:
    engine, keeper = desk.start()
    submitted(desk, engine, keeper)
    begun = time.monotonic()
    engine.close()
    assert time.monotonic() - begun < 0.2


def test_a_foreign_job_is_watched_through_its_output(desk: Desk) -> None:
    out = desk.folder / "theirs" / "train.out"
    out.parent.mkdir()
    job = FakeJob("7", "theirs", "", state="RUNNING", start=int(time.time()) - 60, stdout=str(out))
    desk.slurm.extra.append(job)
    out.write_text("{'loss': 2.5, 'grad_norm': 1.0, 'learning_rate': 1e-05, 'epoch': 0.1}\n")
    engine, keeper = desk.start()
    run_id = engine.watch_job("fake", "7")
    assert keeper.wait(lambda s: run_id in s.runs and len(s.runs[run_id].log.segments) == 1, 10), keeper.state
    assert list(keeper.state.runs[run_id].log.last.columns.loss) == [2.5]
    with out.open("a") as stream:
        stream.write("{'loss': 1.5, 'grad_norm': 1.0, 'learning_rate': 1e-05, 'epoch': 0.2}\n")
    assert keeper.wait(lambda s: len(s.runs[run_id].log.last.columns) == 2, 10)
    job.state, job.exit_code, job.end = "FAILED", "1:0", int(time.time())
    with out.open("a") as stream:
        stream.write("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n")
    reaches(keeper, run_id, Phase.FAILED)
    assert keeper.wait(lambda s: any("memory" in text for text in s.runs[run_id].problems), 10)
    engine.resume(run_id)
    assert not done(keeper, "resume").ok
    assert engine.store.runs() == []


def test_a_foreign_job_that_keeps_a_trainer_log_is_read_from_it(desk: Desk) -> None:
    folder = desk.folder / "theirs" / "saves"
    folder.mkdir(parents=True)
    job = FakeJob("8", "t", "", state="RUNNING", start=int(time.time()) - 60, work_dir=str(folder.parent))
    desk.slurm.extra.append(job)
    (folder / "trainer_log.jsonl").write_text(
        '{"current_steps": 10, "total_steps": 100, "loss": 2.25, "lr": 1e-05, "epoch": 0.1, "percentage": 10.0, '
        '"elapsed_time": "0:00:10", "remaining_time": "0:01:30"}\n'
    )
    engine, keeper = desk.start()
    run_id = engine.watch_job("fake", "8")
    assert keeper.wait(lambda s: run_id in s.runs and s.runs[run_id].log.source == "trainer_log", 10), keeper.state
    assert keeper.wait(lambda s: s.runs[run_id].log.last is not None, 10)
    assert keeper.state.runs[run_id].log.last.total_steps == 100


def test_a_foreign_job_that_is_gone_says_so(desk: Desk) -> None:
    engine, keeper = desk.start()
    engine.watch_job("fake", "4242")
    answer = done(keeper, "watch")
    assert not answer.ok
    assert "4242" in answer.message


def test_a_login_node_that_is_too_slow_at_first_is_tried_again(desk: Desk) -> None:
    def slow_first(transport: FakeTransport) -> None:
        def fault(command: str) -> None:
            if "date +%s" in command and len(desk.transports) == 1:
                raise RemoteTimeout("The command took longer than 20 s")

        transport.fault = fault

    desk.prepare = slow_first
    engine, keeper = desk.start(connect=False)
    engine.connect("fake")
    assert keeper.wait(lambda s: s.clusters["fake"].link is Link.ONLINE, 10), keeper.state.clusters
    assert len(desk.transports) == 2
