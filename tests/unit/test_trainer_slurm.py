"""What a job learns from Slurm, from an scontrol that prints what real ones print; and the way in for jobs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer import slurm
from trainer.slurm import Fate

CHECKOUT = Path(__file__).parents[2]
SHOWN = (
    "JobId=7 JobName=wst-1 a name UserId=me(1) Requeue=1 Restarts={restarts} BatchFlag=1 ExitCode=0:0 JobState={state} "
    "Reason=None RunTime=00:00:09 TimeLimit=08:00:00 {more}StartTime=1795462270 EndTime={end} Deadline=N/A "
    "Command=/x/EndTime=1 StdErr=/x/job-7.err"
)


@pytest.fixture
def scontrol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An scontrol that prints the file `shown`, and leaves what it was asked in `asked`."""
    tool = tmp_path / "bin" / "scontrol"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\ncat {tmp_path}/shown || exit 1\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.delenv("SLURM_JOB_END_TIME", raising=False)
    monkeypatch.delenv("SLURM_RESTART_COUNT", raising=False)
    return tmp_path / "shown"


def show(path: Path, state: str = "RUNNING", restarts: int = 0, end: str = "1795491070", more: str = "") -> None:
    path.write_text(SHOWN.format(state=state, restarts=restarts, end=end, more=more) + "\n")


def test_the_end_is_slurms_newest_word(scontrol: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_END_TIME", "1795400000")
    show(scontrol)
    assert slurm.end_time() == 1795491070.0


def test_without_an_answer_it_is_what_the_job_was_started_with(scontrol: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert slurm.end_time() is None
    monkeypatch.setenv("SLURM_JOB_END_TIME", "1795400000")
    assert slurm.end_time() == 1795400000.0


@pytest.mark.parametrize("end", ["Unknown", "N/A", "2026-11-23T19:35:13", ""])
def test_an_end_that_is_no_time_is_none(scontrol: Path, end: str) -> None:
    show(scontrol, end=end)
    assert slurm.end_time() is None


def test_outside_of_a_job_slurm_is_not_asked(scontrol: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID")
    assert slurm.end_time() is None
    assert not (scontrol.parent / "asked").exists()


def test_the_fate_of_a_job_that_got_a_term(scontrol: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    show(scontrol, "COMPLETING")
    assert slurm.fate() is Fate.ENDS  # cancelled
    show(scontrol, "COMPLETING", restarts=1)
    assert slurm.fate() is Fate.REQUEUED  # looks the same but for its restarts
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert slurm.fate() is Fate.ENDS
    show(scontrol, "RUNNING", restarts=1, more="PreemptTime=1795462300 ")
    assert slurm.fate() is Fate.MAKES_ROOM
    scontrol.unlink()
    assert slurm.fate() is Fate.ENDS  # never brought back without knowing


def test_a_requeue_that_is_refused_says_why(scontrol: Path) -> None:
    assert slurm.requeue() != ""
    scontrol.write_text("")
    assert slurm.requeue() == ""
    assert (scontrol.parent / "asked").read_text().splitlines()[-1] == "requeue 7"


def job_sh(folder: Path, *arguments: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(CHECKOUT / "slurm" / "job.sh"), *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_python_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    done = job_sh(tmp_path, str(tmp_path), python="/nowhere/python")
    assert done.returncode == 86
    assert "error: /nowhere/python is missing or older than 3.11" in done.stderr


def test_what_cannot_start_is_refused_in_one_line(tmp_path: Path) -> None:
    done = job_sh(tmp_path, str(tmp_path / "none"))
    assert done.returncode == 86
    assert done.stderr.startswith("error: ")
    assert "run.json does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_script_by_hand_without_data_says_so_before_anything_is_loaded(tmp_path: Path) -> None:
    script = (CHECKOUT / "slurm" / "train_qwen_vl_rank32.slurm").read_text()
    (tmp_path / "slurm").symlink_to(CHECKOUT / "slurm")
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, "SLURM_GPUS_ON_NODE": "8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 86
    assert "data/dataset_info.json cannot be read" in done.stderr
    assert (tmp_path / "saves" / "qwen3-vl-8b" / "lora" / "sft-rank32" / "run.json").is_file()


def test_a_requeue_that_ends_its_own_command_has_happened(scontrol: Path) -> None:
    tool = scontrol.parent / "bin" / "scontrol"
    tool.write_text("#!/bin/sh\nkill -TERM $$\n")
    assert slurm.requeue() == ""
    tool.write_text("#!/bin/sh\nexit 3\n")
    assert slurm.requeue() == "scontrol failed with status 3"
