"""When a job stops, and when it goes back into the queue."""

from __future__ import annotations

import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from trainer.chain import MAX_JOBS, decide, max_jobs
from trainer.launch import limit_of
from trainer.slurm import Fate
from websight_tui.runs.chaining import MAX_JOBS_FILE

USR1, USR2, TERM = signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM


@pytest.mark.parametrize(
    ("link", "max_jobs", "progress", "asked", "fate", "requeue"),
    [
        (1, 3, 50, USR1, Fate.ENDS, True),
        (2, 3, 50, USR2, Fate.ENDS, True),
        (3, 3, 50, USR1, Fate.ENDS, False),  # the cap
        (1, 1, 50, USR1, Fate.ENDS, False),  # no chain was asked for
        (1, 3, 0, USR1, Fate.ENDS, False),  # a link without progress
        (1, 3, 50, TERM, Fate.ENDS, False),  # scancel
        (1, 3, 50, None, Fate.ENDS, False),  # a person signalled the trainer
        (1, 1, 0, TERM, Fate.MAKES_ROOM, True),  # preempted: its turn comes again
        (1, 1, 0, TERM, Fate.REQUEUED, True),
    ],
)
def test_a_chain_goes_on_only_when_the_limit_stopped_a_run_that_got_further(
    link: int, max_jobs: int, progress: int, asked: signal.Signals | None, fate: Fate, requeue: bool
) -> None:
    decision = decide(link=link, max_jobs=max_jobs, progress=progress, asked=asked, fate=fate)
    assert decision.requeue is requeue
    assert decision.message
    assert decision.counts is (fate is Fate.ENDS)
    assert decision.done is (fate is Fate.REQUEUED)


@pytest.mark.parametrize(
    ("content", "jobs"),
    [
        (None, 1),
        ('{"job_id": "7", "max_jobs": 4}', 4),
        ('{"job_id": "7", "max_jobs": 0}', 1),
        ('{"job_id": "6", "max_jobs": 4}', 1),  # of a job before
        ('{"job_id": "7", "max_jo', 1),
        ("[]", 1),
        ('{"job_id": "7", "max_jobs": "many"}', 1),
    ],
)
def test_how_many_jobs_may_be_changed_while_one_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, jobs: int
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    spec = SimpleNamespace(run_dir=tmp_path, settings=SimpleNamespace(max_jobs=1))
    if content is not None:
        (tmp_path / MAX_JOBS).write_text(content)
    assert max_jobs(spec) == jobs  # type: ignore[arg-type]


def test_the_app_and_the_trainer_name_the_same_file() -> None:
    assert MAX_JOBS == MAX_JOBS_FILE


def test_the_deadline_is_a_lead_before_the_end() -> None:
    limit = limit_of(end=30_000.0, now=1_000.0, lead=300.0)
    assert limit
    assert (limit.end, limit.deadline) == (30_000.0, 29_700.0)


def test_a_short_job_keeps_three_quarters_of_its_time() -> None:
    limit = limit_of(end=1_120.0, now=1_000.0, lead=300.0)
    assert limit
    assert limit.deadline == 1_090.0


def test_without_a_limit_there_is_no_deadline() -> None:
    assert limit_of(end=None, now=0.0, lead=300.0) is None
