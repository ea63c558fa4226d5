"""Every state, reason and error of Slurm has plain words; what can be done about it is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.shared import shared_dir
from websight_tui.errors import SchedulerUnreachable, SubmitRejected, SubmitUnknown
from websight_tui.slurm_commands.failures import no_accounting, query_failure, submit_failure
from websight_tui.slurm_commands.merge import ENDED
from websight_tui.slurm_commands.model import LIVE, Job
from websight_tui.slurm_commands.words import STATES, error_words, reason_words, state_step, state_words


def test_every_state_has_words_and_every_bad_end_a_next_step() -> None:
    assert set(STATES) >= LIVE | ENDED
    for state in ENDED - {"COMPLETED", "CANCELLED"}:
        assert state_step(Job("1", state=state)), state


def test_every_reason_that_slurm_26_05_can_give_has_words() -> None:
    reasons = (Path(__file__).parents[1] / "data" / "slurm" / "reasons.txt").read_text().split()
    assert len(reasons) > 200
    assert [reason for reason in reasons if reason_words(reason)[0] == reason] == []


@pytest.mark.parametrize("reason", ["QOSMaxGRESPerJob", "AssocMaxCpuMinutesPerJobLimit", "QOSMaxMemoryPerNode"])
def test_a_limit_of_one_job_is_not_taken_for_one_that_time_lifts(reason: str) -> None:
    assert "never starts" in reason_words(reason)[1]


@pytest.mark.parametrize(
    "reason",
    [
        "Resources",
        "Priority",
        "Dependency",
        "DependencyNeverSatisfied",
        "BeginTime",
        "JobHeldUser",
        "JobHeldAdmin",
        "launch failed requeued held",
        "job requeued in held state",
        "QOSMaxJobsPerUserLimit",
        "QOSMaxGRESPerUser",
        "QOSMaxWallDurationPerJobLimit",
        "QOSGrpGRES",
        "AssocGrpGRES",
        "AssocGrpCpuLimit",
        "AssocMaxJobsLimit",
        "AssocGrpBillingMinutes",
        "MaxGRESPerAccount",
        "ReqNodeNotAvail, UnavailableNodes:gpu[01-02]",
        "ReqNodeNotAvail, Reserved for maintenance",
        "PartitionTimeLimit",
        "PartitionDown",
        "JobLaunchFailure",
        "NonZeroExitCode",
        "OutOfMemory",
        "NodeDown",
        "JobArrayTaskLimit",
    ],
)
def test_reasons_have_words(reason: str) -> None:
    words, _ = reason_words(reason)
    assert words
    assert words != reason


def test_a_reason_nobody_knows_is_shown_as_it_is() -> None:
    assert reason_words("NewReasonOf2031") == ("NewReasonOf2031", "")
    assert reason_words("None") == reason_words("") == ("", "")
    assert (
        state_words(Job("1", state="PENDING", reason="Priority")) == "waiting in the queue: other jobs are ahead of it"
    )


REFUSED = "sbatch: error: Batch job submission failed: "


@pytest.mark.parametrize(
    ("status", "stderr", "telling"),
    [
        (1, f"{REFUSED}Invalid account or account/partition combination specified", "account"),
        (1, f"sbatch: error: invalid partition specified: nosuch\n{REFUSED}Invalid partition name specified", "nosuch"),
        (1, f"{REFUSED}Requested time limit is invalid (missing or exceeds some limit)", "limit"),
        (255, "sbatch: unrecognized option '--gpu-count=8'\nTry \"sbatch --help\" for more", "--gpu-count=8"),
        (255, "sbatch: error: Invalid --time specification", "time"),
        (1, f"{REFUSED}Requested node configuration is not available", "node"),
        (1, f"sbatch: error: Memory specification can not be satisfied\n{REFUSED}Requested node", "memory"),
        (1, "sbatch: error: Batch script contains DOS line breaks (\\r\\n)\nsbatch: error: instead of", "DOS"),
        (1, f"{REFUSED}Something of 2031", "Something of 2031"),
        (127, "sh: 1: sbatch: not found", "not found"),
    ],
)
def test_rejections_name_what_to_change(status: int, stderr: str, telling: str) -> None:
    error = submit_failure(status, stderr)
    assert isinstance(error, SubmitRejected)
    assert telling in error.message


@pytest.mark.parametrize(
    ("status", "stderr"),
    [
        (1, f"{REFUSED}Socket timed out on send/recv operation"),
        (1, f"{REFUSED}Unable to contact slurm controller (connect failure)"),
        (1, f"{REFUSED}Zero Bytes were transmitted or received"),
        (137, ""),
        (143, "Terminated"),
    ],
)
def test_no_answer_is_no_rejection(status: int, stderr: str) -> None:
    assert isinstance(submit_failure(status, stderr), SubmitUnknown)


def test_an_unreachable_controller_is_told_from_an_error() -> None:
    down = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"
    assert isinstance(query_failure("squeue", 1, down), SchedulerUnreachable)
    munge = (
        "squeue: error: Munge encode failed: Failed to access it\nslurm_load_jobs error: Protocol authentication error"
    )
    error = query_failure("squeue", 1, munge)
    assert isinstance(error, SchedulerUnreachable)
    assert "authentication service" in error.message
    denied = query_failure("scancel", 210, "scancel: error: Access/permission denied")
    assert not isinstance(denied, SchedulerUnreachable)
    assert no_accounting("Slurm accounting storage is disabled")
    assert not no_accounting("sacct: error: Problem talking to the database: Connection refused")


def test_hostile_stderr_is_safe_to_show() -> None:
    error = submit_failure(1, "sbatch: error: \x1b[2J[red]no\u202e\n")
    assert error.message.isprintable()


def test_every_error_of_a_real_slurm_is_known() -> None:
    programs = re.compile(r"ERR\| (sbatch: error: Batch|slurm_load|scancel: error|allocation failure)")
    unknown = [
        line
        for path in sorted((shared_dir() / "slurm-lab" / "transcripts").glob("*.txt"))
        for line in path.read_text(errors="replace").split("\n")
        if programs.match(line) and error_words(line) is None and "Invalid job id abc" not in line
    ]
    assert not unknown
