"""What the run's own job does after it has finished: one sbatch, a receipt that the app can read, and no harm done."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer import follow_up
from websight_tui.runs.saved_work.beside import EVALUATIONS, SCRIPT, evaluating
from websight_tui.runspec import RunSpec


@pytest.fixture
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose sbatch answers as the file `status` says, and leaves what it was called with."""
    (tmp_path / "bin").mkdir()
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\nenv >{tmp_path}/environment\necho 4711\n'
        f"echo careful >&2\nexit $(cat {tmp_path}/status)\n"
    )
    sbatch.chmod(0o755)
    (tmp_path / "status").write_text("0\n")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setenv("SLURM_JOB_ID", "4710")
    folder = tmp_path / "run" / follow_up.FOLDER
    folder.mkdir(parents=True)
    (folder / follow_up.SCRIPT).write_text("#!/bin/bash\n")
    return tmp_path / "run"


def receipt(run_dir: Path, name: str) -> str:
    return (run_dir / follow_up.FOLDER / follow_up.CLAIM / name).read_text()


def test_it_is_submitted_once_with_a_receipt(run_dir: Path) -> None:
    follow_up.submit(run_dir)
    follow_up.submit(run_dir)
    script = run_dir / follow_up.FOLDER / follow_up.SCRIPT
    assert (run_dir.parent / "calls").read_text() == f"--parsable {script}\n"
    assert (receipt(run_dir, "exit"), receipt(run_dir, "stdout")) == ("0\n", "4711\n")


def test_a_refusal_is_kept_and_costs_nothing(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run_dir.parent / "status").write_text("1\n")
    follow_up.submit(run_dir)
    assert (receipt(run_dir, "exit"), receipt(run_dir, "stderr")) == ("1\n", "careful\n")
    assert "could not be submitted from here: careful" in capsys.readouterr().out


def test_a_node_without_sbatch_says_so_as_a_shell_would(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    follow_up.submit(run_dir)
    assert receipt(run_dir, "exit") == "127\n"


def test_nothing_happens_without_a_script_or_outside_of_a_job(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follow_up.submit(run_dir.parent)
    monkeypatch.delenv("SLURM_JOB_ID")
    follow_up.submit(run_dir)
    assert not (run_dir.parent / "calls").exists()
    assert not (run_dir / follow_up.FOLDER / follow_up.CLAIM).exists()


def test_a_disk_that_is_full_costs_nothing(run_dir: Path) -> None:
    (run_dir / follow_up.FOLDER / follow_up.CLAIM).write_text("in the way")
    follow_up.submit(run_dir)
    assert not (run_dir.parent / "calls").exists()


def test_the_next_job_gets_nothing_that_is_about_this_one() -> None:
    mine = {"HOME": "/h", "PATH": "/bin", "SLURM_CONF": "/etc/s", "SBATCH_ACCOUNT": "a", "LC_ALL": "de_DE"}
    its = {"SLURM_JOB_ID": "1", "SLURM_MEM_PER_NODE": "9", "CUDA_VISIBLE_DEVICES": "0", "TMPDIR": "/job/1"}
    assert follow_up.clean({**mine, **its}) == {**mine, "LC_ALL": "C"}


def test_app_and_trainer_mean_the_same_folder(tmp_path: Path) -> None:
    from websight_tui.presets import BUILT_IN

    job = evaluating(RunSpec("r", "wst-1", 0.0, "c", BUILT_IN[0], "/root", "b"))
    assert (EVALUATIONS, SCRIPT) == (follow_up.FOLDER, follow_up.SCRIPT)
    assert job.claim_dir == f"{job.folder}/{follow_up.CLAIM}"
    assert job.folder == f"/root/runs/r/{follow_up.FOLDER}"
    assert f"#SBATCH --comment={job.token}" in job.script(), "by which it is found again, whoever submits it"
