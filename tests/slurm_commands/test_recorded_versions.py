"""Our parsers against what real Slurms of several versions answered (tests/data/slurm, by tests/lab/record.py)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from websight_tui.errors import SchedulerUnreachable, SubmitRejected, SubmitUnknown
from websight_tui.slurm_commands import commands, failures, parse, site, words
from websight_tui.slurm_commands.merge import ENDED
from websight_tui.slurm_commands.model import LIVE, Job

FILES = sorted((Path(__file__).parents[1] / "data" / "slurm").glob("slurm-*.json"))


@dataclass(frozen=True)
class Answer:
    exit: int
    stdout: str
    stderr: str


class Recording:
    """What one Slurm said, by name; and its jobs."""

    def __init__(self, path: Path) -> None:
        record: dict[str, Any] = json.loads(path.read_text())
        self.version: str = record["version"]
        self.jobs: dict[str, str] = record["jobs"]
        self.answers = {name: Answer(**answer) for name, answer in record["answers"].items()}

    def __getitem__(self, name: str) -> Answer:
        return self.answers[name]

    def named(self, start: str) -> dict[str, Answer]:
        return {name: answer for name, answer in self.answers.items() if name.startswith(start)}

    def queued(self, name: str) -> Job:
        """The row of the job `name` in the queue that was recorded when it was where its name says."""
        return next(job for job in self.queue(name) if job.job_id.partition("_")[0] == self.jobs[name])

    def queue(self, name: str) -> list[Job]:
        answer = self[f"queue: {name}"]
        assert (answer.exit, answer.stderr) == (0, "")
        return parse.parse_queue(answer.stdout)


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def slurm(request: pytest.FixtureRequest) -> Recording:
    return Recording(request.param)


def test_versions_older_and_newer_than_the_labs_own_were_recorded() -> None:
    versions = {site.version_number(path.stem)[:2] for path in FILES}
    assert {(20, 11), (22, 5), (24, 11), (26, 5)} <= versions


def test_submissions(slurm: Recording) -> None:
    for name, answer in slurm.named("submit: ").items():
        assert answer.exit == 0
        assert parse.parse_submitted(answer.stdout) == slurm.jobs[name.removeprefix("submit: ")]
    assert parse.parse_receipt(slurm["receipt"].stdout) == ("receipt", 0, f"{slurm.jobs['running']}\n")
    assert parse.parse_receipt(slurm["receipt: never begun"].stdout)[0] == "claimed"


def test_every_rejection_is_in_plain_words_with_a_next_step(slurm: Recording) -> None:
    rejected = slurm.named("rejected: ")
    assert len(rejected) >= 20
    for name, answer in rejected.items():
        known = words.error_words(answer.stderr)
        assert known is not None, (name, answer.stderr)
        assert known[1], name
        failure = failures.submit_failure(answer.exit, answer.stderr)
        assert isinstance(failure, SubmitRejected), (name, failure)
        assert parse.parse_submitted(answer.stdout) == ""


@pytest.mark.parametrize(
    ("name", "state", "reason"),
    [
        ("running", "RUNNING", ""),
        ("waits for GPUs", "PENDING", ("Resources", "Priority")),
        ("array", "PENDING", ("JobArrayTaskLimit", "Priority", "Resources")),
        ("completed", "COMPLETED", ""),
        ("failed", "FAILED", "NonZeroExitCode"),
        (
            "launch failed",
            "FAILED",
            ("NonZeroExitCode", "JobLaunchFailure", "RaisedSignal:53(Real-time signal 19)"),
        ),
        ("cancelled", "CANCELLED", ""),
        ("requeued", "PENDING", ("BeginTime", "")),
        ("preempted", "PREEMPTED", ""),
        ("node failed", "NODE_FAIL", "NodeDown"),
        ("timeout", "TIMEOUT", "TimeLimit"),
    ],
)
def test_the_queue(slurm: Recording, name: str, state: str, reason: str | tuple[str, ...]) -> None:
    job = slurm.queued(name)
    assert job.state == state
    if state not in ("CANCELLED", "PREEMPTED"):
        assert job.reason in (reason if isinstance(reason, tuple) else (reason,))
    assert job.user == "alice"
    assert job.account == "ingrai"
    assert job.partition in ("gpu", "lowprio")
    assert job.name.startswith(job.comment)
    assert job.comment.startswith("wst-")
    assert job.work_dir == "/home/alice"
    assert job.submit_time is not None
    assert job.submit_time > 1_700_000_000
    assert job.time_limit_s is not None
    assert (state in LIVE) != (state in ENDED)
    if state == "RUNNING":
        assert job.start_time is not None
        assert job.end_time == pytest.approx(job.start_time + job.time_limit_s, abs=60)
        assert (job.nodes, job.node_list) == (1, "gpu02")
        assert "gpu" in job.gres


def test_why_jobs_wait(slurm: Recording) -> None:
    rows = {job.job_id.partition("_")[0]: job for job in slurm.queue("array") if job.state == "PENDING"}
    reasons = {name: rows[slurm.jobs[name]].reason for name in ("held", "later", "dependent")}
    assert reasons == {"held": "JobHeldUser", "later": "BeginTime", "dependent": "Dependency"}
    tasks = [job for job in slurm.queue("array") if job.job_id.partition("_")[0] == slurm.jobs["array"]]
    assert {job.job_id.partition("_")[2] for job in tasks} == {"0", "1", "[2-5%2]"}
    assert rows[slurm.jobs["dependent"]].dependency.startswith("afterok:")


def test_every_state_and_reason_that_was_seen_has_words(slurm: Recording) -> None:
    for name in slurm.named("queue: "):
        for job in parse.parse_queue(slurm[name].stdout):
            assert not words.state_words(job).startswith("in state "), job.state
            assert not job.reason or job.reason not in words.reason_words(job.reason)[0], job.reason


def test_the_accounting(slurm: Recording) -> None:
    rows = {job.job_id: job for job in parse.parse_accounting(slurm["accounting"].stdout)}
    expected = {
        "completed": ("COMPLETED", "0:0"),
        "failed": ("FAILED", "3:0"),
        "launch failed": ("FAILED", None),
        "cancelled": ("CANCELLED", "0:0"),
        "timeout": ("TIMEOUT", "0:0"),
        "preempted": ("PREEMPTED", "0:0"),
        "node failed": ("NODE_FAIL", None),
    }
    for name, (state, code) in expected.items():
        row = rows[slurm.jobs[name]]
        assert row.state == state, name
        assert code is None or row.exit_code == code, (name, row.exit_code)
        assert row.end_time is not None
    assert rows[slurm.jobs["running"]].state == "RUNNING"
    assert rows[slurm.jobs["timeout"]].time_limit_s == 60
    (found,) = parse.parse_accounting(slurm["find by name"].stdout)
    assert found.job_id == slurm.jobs["completed"]
    assert parse.parse_accounting(slurm["unknown id: accounting"].stdout) == []


def test_one_jobs_fields(slurm: Recording) -> None:
    fields = parse.parse_show_job(slurm["show: running"].stdout)
    assert fields["JobId"] == slurm.jobs["running"]
    assert fields["JobState"] == "RUNNING"
    assert fields["StdOut"] == f"/home/alice/w/{slurm.jobs['running']}.out"
    assert fields["StdErr"] in (fields["StdOut"], "")  # 26.05 leaves it out where there is no --error
    assert fields["WorkDir"] == "/home/alice"
    assert fields["Command"] == "/home/alice/w/running.sh"
    assert fields["Account"] == "ingrai"
    assert parse.parse_show_job(slurm["show: failed"].stdout)["ExitCode"] == "3:0"
    assert parse.parse_show_job(slurm["show: array"].stdout)["ArrayTaskId"] == "1"
    assert parse.parse_show_job(slurm["show: pending"].stdout)["JobState"] == "PENDING"
    assert parse.parse_show_job(slurm["unknown id: show"].stdout) == {}


def test_changes(slurm: Recording) -> None:
    for name in ("raise a waiting one's limit", "lower a running one's limit", "hold", "release", "cancel", "requeue"):
        assert slurm[name].exit == 0, name
    assert slurm["unknown id: cancel"].exit == 0
    for name in ("raise a running one's limit", "hold an ended one", "unknown id: hold", "unknown id: requeue"):
        answer = slurm[name]
        assert answer.exit != 0
        assert words.error_words(answer.stderr) is not None, (name, answer.stderr)


def test_when_it_would_start(slurm: Recording) -> None:
    assert (parse.parse_test_submit(slurm["test submit"].stderr) or 0) > 1_700_000_000
    planned = site.planned_start(slurm["try submit"].stderr)
    assert planned.startswith("20")
    assert "partition gpu" in planned
    refused = slurm["try submit: account"]
    assert refused.exit == 1
    assert "account" in failures.submit_failure(refused.exit, refused.stderr).message


def test_the_site(slurm: Recording) -> None:
    assert (
        ".".join(
            f"{part:02}" if n == 1 else str(part) for n, part in enumerate(site.version_number(slurm["version"].stdout))
        )
        == slurm.version
    )
    configuration = site.parse_configuration(slurm["configuration"].stdout)
    assert configuration["AccountingStorageType"] == "accounting_storage/slurmdbd"
    assert "associations" in configuration["AccountingStorageEnforce"]
    bare = site.parse_configuration(slurm["no accounting: configuration"].stdout)
    assert bare["AccountingStorageType"] in ("accounting_storage/none", "(null)")
    found = {
        partition.name: partition for partition in site.parse_partition_settings(slurm["partition settings"].stdout)
    }
    assert set(found) == {"gpu", "short", "lowprio"}
    assert found["gpu"] == site.Partition("gpu", True, "UP", 2 * 86400, None, 4, node_list="gpu[01-04]")
    assert found["short"].max_time_s == 600
    assert [row.account for row in site.parse_associations(slurm["associations"].stdout)] == ["ingrai"]
    assert set(site.parse_qos(slurm["qos limits"].stdout)) == {"normal"}
    rows = parse.parse_partitions(slurm["partitions"].stdout)
    assert {row[0] for row in rows} == {"gpu", "short", "lowprio"}
    assert {site.gpus_in(row[5]) for row in rows} == {8}


def test_reservations(slurm: Recording) -> None:
    (found,) = site.parse_reservations(slurm["reservations"].stdout)
    assert found.end > found.start > 1_700_000_000
    assert found.maintenance
    assert site.parse_reservations(slurm["no reservations"].stdout) == []


def test_nobody_answers(slurm: Recording) -> None:
    for name in ("controller down", "controller hung"):
        for asked, answer in slurm.named(f"{name}: ").items():
            assert answer.exit != 0
            if asked.endswith("submit"):
                assert isinstance(failures.submit_failure(answer.exit, answer.stderr), SubmitUnknown), answer
            else:
                found = failures.query_failure("squeue", answer.exit, answer.stderr)
                assert isinstance(found, SchedulerUnreachable), answer
                assert found.hint
    for name in ("database down", "munge down"):
        assert isinstance(failures.query_failure("x", slurm[name].exit, slurm[name].stderr), SchedulerUnreachable), name


def test_no_accounting(slurm: Recording) -> None:
    for name in ("no accounting", "no accounting: find by name", "no accounting: associations"):
        assert slurm[name].exit == 1
        assert failures.no_accounting(slurm[name].stderr), name


def test_recordings_were_made_with_the_commands_of_today(slurm: Recording) -> None:
    """A new field in a command line needs new recordings."""
    (record,) = (
        r for r in slurm["queue: running"].stdout.split(commands.RECORD) if r.startswith(slurm.jobs["running"])
    )
    assert record.count(commands.SEPARATOR) == len(commands.QUEUE_FIELDS) - 1
    line = slurm["find by name"].stdout.split("\n")[0]
    assert line.count(commands.SEPARATOR) == len(commands.ACCOUNT_FIELDS) - 1
