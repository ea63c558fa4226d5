"""squeue is right about what is live, sacct about what is over, and neither about what it does not say."""

from __future__ import annotations

import dataclasses

from websight_tui.slurm_commands import merge
from websight_tui.slurm_commands.model import Job

NOW = 1_800_000_000.0
RUNNING = Job(
    "1", "n", state="RUNNING", start_time=NOW - 600, end_time=NOW + 600, time_limit_s=1200, submit_time=NOW - 700
)


def test_a_listed_job_is_as_listed() -> None:
    row = dataclasses.replace(RUNNING, elapsed_s=600)
    assert merge.seen(None, row, NOW) == row
    ended = dataclasses.replace(row, state="FAILED", end_time=NOW - 1)
    assert merge.seen(RUNNING, ended, NOW).final


def test_a_requeue_is_no_end_and_is_counted() -> None:
    waiting = dataclasses.replace(RUNNING, state="PENDING", reason="BeginTime", start_time=NOW + 120, submit_time=NOW)
    job = merge.seen(RUNNING, waiting, NOW)
    assert (job.final, job.live, job.restarts) == (False, True, 1)
    assert job.submit_time == RUNNING.submit_time
    again = merge.seen(job, dataclasses.replace(RUNNING, start_time=NOW + 121), NOW + 130)
    assert again.restarts == 1


def test_a_quick_requeue_between_two_looks_is_counted() -> None:
    job = merge.seen(RUNNING, dataclasses.replace(RUNNING, start_time=NOW - 5), NOW)
    assert job.restarts == 1


def test_a_job_without_its_node_may_return_for_a_while() -> None:
    lost = dataclasses.replace(RUNNING, state="NODE_FAIL", reason="NodeDown", end_time=NOW)
    assert not merge.seen(RUNNING, lost, NOW + 2).final
    assert merge.seen(RUNNING, lost, NOW + 30).final
    assert merge.seen(merge.seen(RUNNING, lost, NOW + 2), dataclasses.replace(RUNNING, state="PENDING"), NOW + 5).live


def test_accounting_that_lags_changes_nothing() -> None:
    for state in ("RUNNING", "PENDING", ""):
        assert merge.accounted(RUNNING, Job("1", state=state), NOW) is RUNNING
    half = Job("1", name="allocation", state="FAILED", end_time=NOW - 1)
    assert merge.accounted(RUNNING, half, NOW) is RUNNING


def test_accounting_ends_a_job() -> None:
    row = Job("1", state="TIMEOUT", exit_code="0:0", end_time=NOW, time_limit_s=1200, partition="gpu", elapsed_s=1210)
    job = merge.accounted(RUNNING, row, NOW + 1)
    assert (job.state, job.final, job.elapsed_s, job.start_time) == ("TIMEOUT", True, 1210, RUNNING.start_time)


def test_an_old_preemption_in_the_accounting_does_not_undo_what_squeue_said() -> None:
    done = dataclasses.replace(RUNNING, state="COMPLETED", final=True, end_time=NOW)
    row = Job("1", state="PREEMPTED", end_time=NOW - 300, partition="gpu", time_limit_s=1200)
    assert merge.accounted(done, row, NOW) is done


def test_preempted_for_good_is_an_end_only_after_a_while() -> None:
    row = Job("1", state="PREEMPTED", exit_code="0:0", end_time=NOW, partition="gpu", time_limit_s=1200)
    assert not merge.accounted(RUNNING, row, NOW + 5).final
    assert merge.accounted(RUNNING, row, NOW + 60).final


def test_a_job_nobody_tells_of() -> None:
    assert merge.departed(RUNNING, NOW, last_seen=NOW - 5) is RUNNING
    assert merge.departed(RUNNING, NOW, last_seen=NOW - 5, own_end="finished").state == "COMPLETED"
    assert merge.departed(RUNNING, NOW, last_seen=NOW - 5, own_end="failed").state == "FAILED"
    assert merge.departed(RUNNING, NOW, last_seen=NOW - 300).state == "ENDED"
    late = merge.departed(RUNNING, NOW + 900, last_seen=NOW + 590)
    assert (late.state, late.final) == ("TIMEOUT", True)
