"""Slurm's text into values, hostile names included."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared import shared_dir
from websight_tui.slurm_commands import commands, parse
from websight_tui.slurm_commands.commands import ACCOUNT_FIELDS, QUEUE_FIELDS, RECORD, SEPARATOR
from websight_tui.slurm_commands.model import Job


def queue_row(**values: str) -> str:
    return RECORD + SEPARATOR.join({"state": "RUNNING", **values}.get(name, "") for name, _ in QUEUE_FIELDS) + "\n"


def account_row(**values: str) -> str:
    return SEPARATOR.join({"state": "COMPLETED", **values}.get(name, "") for name, _ in ACCOUNT_FIELDS) + "\n"


def test_a_running_job() -> None:
    text = queue_row(
        job_id="20013_4",
        reason="None",
        submit_time="1795425618",
        start_time="1795425619",
        end_time="1795425919",
        time_limit_s="1-02:04:00",
        elapsed_s="0:31",
        nodes="4",
        node_list="gpu[01-04]",
        user="trainee",
        gres="gres:gpu:8",
        dependency="(null)",
        comment="wst-1",
        name="t",
    )
    assert parse.parse_queue(text) == [
        Job(
            "20013_4",
            "t",
            "trainee",
            state="RUNNING",
            comment="wst-1",
            submit_time=1795425618,
            start_time=1795425619,
            end_time=1795425919,
            time_limit_s=93840,
            elapsed_s=31,
            nodes=4,
            node_list="gpu[01-04]",
            gres="gres:gpu:8",
        )
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("big job|x", "big job|x"),
        ("two\nlines", "two lines"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("[/foo]", "[/foo]"),
        ("na\ufffdme", "na\ufffdme"),
        ("right\u202eleft", "rightleft"),
        ("\x1b]0;title\x07name", "name"),
        ("with\x1fseparator", "withseparator"),
        ("", ""),
    ],
)
def test_hostile_names_stay_one_job_and_are_safe_to_show(name: str, shown: str) -> None:
    text = queue_row(job_id="1", name=name) + queue_row(job_id="2", name="next")
    jobs = parse.parse_queue(text)
    assert [job.job_id for job in jobs] == ["1", "2"]
    assert jobs[0].name.replace(" ", "") == shown.replace(" ", "")
    assert jobs[0].name.isprintable()
    if "\x1f" not in name:
        rows = parse.parse_accounting(account_row(job_id="1", name=name) + account_row(job_id="2", name="next"))
        assert [row.job_id for row in rows] == ["1", "2"]
        assert rows[0].name.isprintable()


@given(st.text(max_size=200))
def test_parsers_never_raise(text: str) -> None:
    parse.parse_queue(text)
    parse.parse_queue(RECORD + text + SEPARATOR * 20)
    parse.parse_accounting(text)
    parse.parse_show_job(text)
    parse.parse_submitted(text)
    parse.parse_receipt(text)
    parse.parse_partitions(RECORD + text)


def test_accounting_states_and_times() -> None:
    text = (
        account_row(job_id="12", state="CANCELLED by 2101", start_time="None", end_time="1795425619", exit_code="0:0")
        + account_row(job_id="23", state="REQUEUED")
        + account_row(job_id="23", state="COMPLETED", node_list="None assigned", time_limit_s="00:02:00")
    )
    cancelled, again = parse.parse_accounting(text)
    assert (cancelled.state, cancelled.start_time, cancelled.end_time) == ("CANCELLED", None, 1795425619)
    assert (again.state, again.node_list, again.time_limit_s) == ("COMPLETED", "", 120)


@pytest.mark.parametrize(
    ("stdout", "job_id"),
    [
        ("2\n", "2"),
        ("3;lab\n", "3"),
        ("Submitted batch job 1\n", "1"),
        ("Submitted batch job 7 on cluster lab\n", "7"),
        ("welcome to the cluster\n20008\n", "20008"),
        ("", ""),
        ("error 5\n", ""),
    ],
)
def test_the_id_of_a_submitted_job(stdout: str, job_id: str) -> None:
    assert parse.parse_submitted(stdout) == job_id


def test_show_job() -> None:
    text = (
        "JobId=45 JobName=a b JobId=9 UserId=trainee(2101) JobState=RUNNING Reason=None TRES=cpu=1,gres/gpu:h100=8 "
        "Comment=my note  StdErr=/jobs/a b.err StdIn=/dev/null StdOut=/jobs/a b.out Power= \n"
    )
    fields = parse.parse_show_job(text)
    assert fields["JobId"] == "45"
    assert fields["StdErr"] == "/jobs/a b.err"
    assert fields["StdOut"] == "/jobs/a b.out"
    assert fields["Comment"] == "my note"
    assert parse.parse_show_job("slurm_load_jobs error: Invalid job id specified") == {}


def test_test_only() -> None:
    said = "sbatch: Job 16 to start at 1795425734 using 1 processors on nodes gpu04 in partition gpu\n"
    assert parse.parse_test_submit(said) == 1795425734
    assert parse.parse_test_submit("allocation failure: Invalid account") is None


def test_jobs_are_found_by_comment_or_name() -> None:
    token = "wst-0123456789ab"
    by_name = Job("1", name=f"{token}-rank32")
    by_comment = Job("2", name="renamed", comment=token)
    assert parse.named([Job("9", name="wst-0123456789ac-rank32"), by_name], token) is by_name
    assert parse.named([by_comment], token) is by_comment
    assert parse.named([Job("3", name="wst"), Job("4")], token) is None


def recorded(name: str, command: str) -> str:
    """stdout of `command` in a transcript of a real Slurm."""
    text = (shared_dir() / "slurm-lab" / "transcripts" / name).read_text(errors="replace")
    after = text.split(f"$ {command}\n", 1)[1].split("\nRC=", 1)[0]
    return "\n".join(line[5:] for line in after.split("\n") if line.startswith("OUT| "))


def test_rows_of_a_real_squeue() -> None:
    """The recorded fields, put into the order in which we ask for them."""
    order = "%i|%P|%j|%u|%t|%T|%M|%l|%L|%D|%R|%r|%S|%V|%e|%N|%Q|%b|%Z|%a|%q|%F|%K|%A"
    letters = order.split("|")
    jobs = []
    for line in recorded("squeue.txt", f'squeue -h -o "{order}"').split("\n"):
        values = line.split("|")
        extra = len(values) - len(letters)
        values[2 : 3 + extra] = ["|".join(values[2 : 3 + extra])]  # a name may hold the separator
        row = dict(zip(letters, values, strict=True))
        jobs += parse.parse_queue(RECORD + SEPARATOR.join(row.get(letter, "") for _, letter in QUEUE_FIELDS))
    assert len(jobs) == 19
    known = {job.job_id: job for job in jobs}
    assert known["30_[0-9%2]"].reason == "Priority"
    assert known["27"].name == "big job|x"
    assert known["28"].time_limit_s == 1200
    assert known["18"].live
    assert known["29"].start_time is None


def test_commands_are_safe_for_a_shell(tmp_path: Path) -> None:
    for command in (
        commands.queue(),
        commands.accounting(["12", "12_3", "30_[0-9%2]"]),
        commands.find_by_name("a b", 60),
    ):
        assert shlex.join(shlex.split(command)) == command
    for bad in ("12; rm -rf /", "$(id)", "", "-u", "12\n13"):
        with pytest.raises(ValueError, match="job id"):
            commands.cancel([bad])


def test_ids_are_sent_as_slurm_takes_them() -> None:
    """squeue prints "12_[0-9%2]" and "12_[0-8:2]", which nothing takes; sacct and `scontrol show` take no list."""
    assert commands.cancel(["12_[1,4-10:3,20%1]"]).endswith("scancel '12_[1,4,7,10,20]'")
    waiting = "12_[0,2-9%2]"
    assert commands.cancel([waiting, "7"]).endswith("scancel '12_[0,2-9]' 7")
    assert "'12_[0,2-9]'" in commands.hold(waiting)
    assert "'JobId=12_[0,2-9]'" in commands.set_time_limit(waiting, 60)
    assert commands.show_job(waiting).endswith(" 12")
    assert commands.show_job("12_3").endswith(" 12_3")
    assert "--jobs=12,7 " in commands.accounting([waiting, "7"]) + " "
    assert commands.cancel(["12+0"]).endswith("scancel 12+0")
    assert [job.job_id for job in parse.parse_queue(queue_row(job_id="12+1"))] == ["12+1"]


def test_of_an_array_the_first_record_counts() -> None:
    text = "JobId=12 ArrayJobId=12 ArrayTaskId=2-9%2 StdOut=/a\nJobId=14 ArrayJobId=12 ArrayTaskId=1 StdOut=/b\n"
    assert parse.parse_show_job(text)["StdOut"] == "/a"


def run(command: str, folder: Path, answer: str) -> subprocess.CompletedProcess[str]:
    shim = folder / "sbatch"
    shim.write_text(f"#!/bin/sh\n{answer}\n")
    shim.chmod(0o755)
    path = f"{folder}:/usr/bin:/bin"
    return subprocess.run(["/bin/sh", "-c", command], env={"PATH": path}, capture_output=True, text=True, timeout=20)


def test_the_submit_command_runs_sbatch_once_and_keeps_its_answer(tmp_path: Path) -> None:
    claim = tmp_path / "run" / ".submit-t"
    claim.parent.mkdir()
    command = commands.submit(str(claim), "/x/job 1.sh", token="wst-1", job_name="wst-1-tiny")
    answer = f'echo "$@" >>{tmp_path}/calls; echo 17; echo note >&2'
    first, second = run(command, tmp_path, answer), run(command, tmp_path, answer)
    assert (first.returncode, first.stdout, first.stderr) == (0, "17\n", "note\n")
    assert second.returncode == commands.ALREADY_CLAIMED
    assert (tmp_path / "calls").read_text() == "--parsable --comment=wst-1 --job-name=wst-1-tiny /x/job 1.sh\n"
    told = run(commands.receipt(str(claim)), tmp_path, "exit 9")
    assert parse.parse_receipt(told.stdout) == ("receipt", 0, "17\n")
    assert told.stderr == "note\n"


def test_a_receipt_that_is_asked_for_first_forbids_the_submission(tmp_path: Path) -> None:
    claim = tmp_path / "run" / ".submit-t"
    told = run(commands.receipt(str(claim)), tmp_path, "exit 9")
    assert parse.parse_receipt(told.stdout) == ("claimed", -1, "")
    again = run(commands.receipt(str(claim)), tmp_path, "exit 9")  # whoever asked first may not have kept the answer
    assert parse.parse_receipt(again.stdout) == ("claimed", -1, "")
    late = run(commands.submit(str(claim), "/x", token="t", job_name="t"), tmp_path, f"touch {tmp_path}/ran")
    assert late.returncode == commands.ALREADY_CLAIMED
    assert not (tmp_path / "ran").exists()


def test_a_record_that_is_said_again_is_not_read_again() -> None:
    def answer(*jobs: tuple[str, str]) -> str:
        rows = [{"%i": job_id, "%T": state, "%j": f"job {job_id}"} for job_id, state in jobs]
        return "".join(RECORD + SEPARATOR.join(r.get(letter, "") for _, letter in QUEUE_FIELDS) + "\n" for r in rows)

    known: dict[str, Job] = {}
    first = parse.parse_queue(answer(("1", "PENDING"), ("2", "PENDING"), ("3", "RUNNING")), known)
    again = parse.parse_queue(answer(("2", "RUNNING"), ("3", "RUNNING"), ("4", "PENDING")), known)
    assert [(job.job_id, job.state) for job in again] == [("2", "RUNNING"), ("3", "RUNNING"), ("4", "PENDING")]
    assert again[1] is first[2]
    assert again == parse.parse_queue(answer(("2", "RUNNING"), ("3", "RUNNING"), ("4", "PENDING")))
    assert len(known) == 3, "what is gone is forgotten"
