"""Where a run is, from its jobs and the trainer's words; and the one place where the state changes."""

from __future__ import annotations

import dataclasses

import pytest

from tests.runs.conftest import Desk
from websight_tui.metrics.model import Segment, TrainingLog
from websight_tui.runs import events as e
from websight_tui.runs.phase import phase_of
from websight_tui.runs.reduce import reduce
from websight_tui.runs.state import AppState, Link, LogTail, Outcome, Phase
from websight_tui.slurm_commands.model import Job

NOW = 1_800_000_000.0


def log_with(**values: object) -> TrainingLog:
    segment = Segment(total_steps=100, started_at=NOW, job_id="1", **values)  # type: ignore[arg-type]
    segment.columns.append(step=1.0, t=NOW + 1)
    return TrainingLog(segments=[segment])


def job(state: str, **values: object) -> Job:
    over = state not in ("", "PENDING", "CONFIGURING", "RUNNING", "COMPLETING")
    return Job("1", state=state, start_time=NOW - 60, final=over, **values)  # type: ignore[arg-type]


NOTHING = TrainingLog()


@pytest.mark.parametrize(
    ("job", "log", "phase"),
    [
        (job(""), NOTHING, Phase.PENDING),
        (job("PENDING"), NOTHING, Phase.PENDING),
        (job("PENDING"), log_with(end="saved-and-stopped"), Phase.PENDING),
        (job("CONFIGURING"), NOTHING, Phase.STARTING),
        (job("RUNNING"), NOTHING, Phase.STARTING),
        (job("RUNNING"), log_with(), Phase.TRAINING),
        (job("RUNNING"), log_with(eval_begun_at=NOW), Phase.EVALUATING),
        (job("RUNNING"), log_with(save_begun_at=NOW), Phase.SAVING),
        (job("RUNNING"), log_with(stop_requested_at=NOW), Phase.STOPPING),
        (job("COMPLETING"), log_with(end="finished"), Phase.SAVING),
        (job("COMPLETING"), log_with(), Phase.STOPPING),
        (job("COMPLETING"), NOTHING, Phase.STOPPING),
        (job("RUNNING", restarts=1), log_with(end="saved-and-stopped", ended_at=NOW - 100), Phase.STARTING),
        (job("COMPLETED"), log_with(end="finished"), Phase.FINISHED),
        (job("COMPLETED"), NOTHING, Phase.FINISHED),
        (job("COMPLETED"), log_with(end="failed"), Phase.FAILED),
        (job("ENDED"), log_with(end="finished"), Phase.FINISHED),
        (job("FAILED", exit_code="85:0"), NOTHING, Phase.STOPPED),
        (job("FAILED"), log_with(end="saved-and-stopped"), Phase.STOPPED),
        (job("TIMEOUT"), log_with(end="saved-and-stopped"), Phase.STOPPED),
        (job("TIMEOUT"), log_with(), Phase.TIMEOUT),
        (job("TIMEOUT"), log_with(end="finished"), Phase.FINISHED),
        (job("CANCELLED"), log_with(), Phase.CANCELLED),
        (job("CANCELLED"), log_with(end="saved-and-stopped"), Phase.CANCELLED),
        (job("FAILED"), log_with(), Phase.FAILED),
        (job("FAILED"), log_with(end="finished"), Phase.FAILED),
        (job("NODE_FAIL"), log_with(), Phase.FAILED),
    ],
)
def test_the_phase_of_an_accepted_run(job: Job, log: TrainingLog, phase: Phase) -> None:
    assert phase_of(Outcome.ACCEPTED, [job], log) is phase


def test_an_older_jobs_words_say_nothing_of_the_newer_one() -> None:
    log = log_with(end="saved-and-stopped")
    old, new = job("FAILED"), dataclasses.replace(job("RUNNING"), job_id="2")
    assert phase_of(Outcome.ACCEPTED, [old, new], log) is Phase.STARTING


def test_the_outcome_goes_before_the_jobs() -> None:
    assert phase_of(Outcome.INTENT, [], NOTHING) is Phase.SUBMITTING
    assert phase_of(Outcome.UNKNOWN, [], NOTHING) is Phase.UNKNOWN
    assert phase_of(Outcome.REJECTED, [], NOTHING) is Phase.REJECTED
    # a resume that was rejected leaves the run what it was
    assert phase_of(Outcome.REJECTED, [job("TIMEOUT")], NOTHING) is Phase.TIMEOUT


def test_the_state_folds_a_whole_story(desk: Desk) -> None:
    spec = desk.plan().spec
    log = log_with()
    story: list[e.Event] = [
        e.LinkChanged("fake", Link.ONLINE, 1.0, "alice@fake"),
        e.JobsChanged("nobody", (), 1.0),
        e.SubmitBegan(spec, 2.0),
        e.SubmitProgress(spec.run_id, "uploading", 5, 10),
        e.SubmitSettled(spec.run_id, Outcome.ACCEPTED, 3.0, job_id="1"),
        e.JobsChanged(spec.run_id, (job("RUNNING"),), 4.0),
        e.QueueSeen("fake", (job("RUNNING"),), 4.0),
        e.LogMoved(spec.run_id, log, 7, 5.0),
        e.TailMoved(spec.run_id, "stderr", LogTail(("a",)), 5.0),
        e.ProblemsFound(spec.run_id, ("bad",), 5.0),
        e.PollPlanned("fake", 9.0, 3.0, 5.0),
        e.SchedulerTrouble("fake", "gone", 6.0),
        e.Notice("hello", 6.0),
    ]
    state = AppState()
    for event in story:
        state = reduce(state, event)
    run, view = state.runs[spec.run_id], state.clusters["fake"]
    assert (run.phase, run.stage, run.log_version, run.stderr.lines, run.problems) == (
        Phase.TRAINING,
        "",
        7,
        ("a",),
        ("bad",),
    )
    assert (view.link, view.address, view.next_poll_at, view.scheduler_error) == (
        Link.ONLINE,
        "alice@fake",
        9.0,
        "gone",
    )
    state = reduce(state, e.LinkChanged("fake", Link.RECONNECTING, 8.0, error="broken"))
    view = state.clusters["fake"]
    assert (view.address, view.next_poll_at, view.error, len(view.queue)) == ("alice@fake", None, "broken", 1)
    assert reduce(state, e.QueueSeen("fake", (), 9.0)).clusters["fake"].scheduler_error == ""
    assert "nobody" not in state.runs
