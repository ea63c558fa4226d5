"""Jobs beside a run: the script, exactly one submission, what their folder says, and what becomes of them."""

from __future__ import annotations

import base64
import dataclasses
import json
import shlex
import subprocess
from pathlib import Path

import pytest

from websight_tui.errors import WebsightError
from websight_tui.remote.local import LocalTransport
from websight_tui.runs.saved_work.beside import merged_path, merging, trial
from websight_tui.runs.saved_work.jobs import next_merge, progressed, see
from websight_tui.runs.saved_work.tasks import Kind, Stand, Task
from websight_tui.runspec import RunSpec

HOSTILE = "click 'it'; rm -rf ~ $(touch /tmp/never) \"now\" `id`"


@pytest.fixture
def spec(spec: RunSpec, tmp_path: Path) -> RunSpec:
    """With a Python that writes down what it was given."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >words\necho "{\\"said\\": 1}"\nexit ${FAILS:-0}\n')
    python.chmod(0o755)
    return dataclasses.replace(spec, python=str(python))


def ran(spec: RunSpec, folder: str, script: str, **environment: str) -> int:
    """Runs a job script as sbatch would."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(spec.bundle_dir).mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        ["bash", "-c", script], env={"PATH": "/usr/bin:/bin", **environment}, check=False, timeout=30
    ).returncode


def test_a_trial_says_how_far_it_is_and_hands_hostile_words_on_as_they_are(spec: RunSpec, here: LocalTransport) -> None:
    job = trial(spec, 40, "picture.png", HOSTILE)
    assert see(here, job.folder).started is False
    assert ran(spec, job.folder, job.script()) == 0
    words = (Path(job.folder) / "words").read_text().splitlines()
    assert words[words.index("--prompt") + 1] == HOSTILE
    assert words[words.index("--adapter-path") + 1] == f"{spec.out_dir}/checkpoint-40"
    seen = see(here, job.folder)
    assert (seen.started, seen.exit, seen.result) == (True, 0, b'{"said": 1}\n')


def test_a_job_that_fails_says_so(spec: RunSpec, here: LocalTransport) -> None:
    job = trial(spec, None, "p.png", "x")
    assert ran(spec, job.folder, job.script(), FAILS="3") == 3
    (Path(job.folder) / "err.txt").write_text("noise\nerror: the answer is not a click: 'hm'\n  Train it further.\n")
    task = progressed(Task(Kind.TRY, None), see(here, job.folder), job, "")
    assert task.stand is Stand.FAILED
    assert "the answer is not a click" in task.message


def test_resources_are_one_gpu_only_where_the_run_has_some(spec: RunSpec) -> None:
    assert "--gres" not in trial(spec, None, "p.png", "x").script()
    preset = dataclasses.replace(spec.preset, gpus_per_node=8)
    script = trial(dataclasses.replace(spec, preset=preset, account="a b"), None, "p.png", "x").script()
    assert "--gres=gpu:1" in script
    assert "--account='a b'" in script


def test_a_merge_has_one_folder_and_one_token_for_a_checkpoint(spec: RunSpec) -> None:
    assert merging(spec, 40) == merging(spec, 40)
    assert merging(spec, 40).token != merging(spec, None).token
    script = merging(spec, 40).script()
    assert shlex.quote(f"MERGED_PATH={merged_path(spec, 40)}") in script
    assert "bash slurm/merge_and_push.slurm" in script


def test_a_merge_that_was_submitted_is_followed_and_one_that_failed_is_tried_anew(
    spec: RunSpec, here: LocalTransport
) -> None:
    def left(attempt: int, submitted: str, ended: str = "") -> None:
        folder = Path(merging(spec, 40, attempt).folder)
        (folder / ".submit").mkdir(parents=True, exist_ok=True)
        (folder / ".submit" / "exit").write_text(submitted)
        if ended:
            (folder / "exit").write_text(ended)

    assert next_merge(here, spec, 40) == merging(spec, 40, 1)
    left(1, "0\n")
    assert next_merge(here, spec, 40) == merging(spec, 40, 1), "it is under way"
    left(1, "0\n", "1\n")
    left(2, "1\n")  # Slurm refused it
    assert next_merge(here, spec, 40) == merging(spec, 40, 3)
    left(3, "0\n", "0\n")
    assert next_merge(here, spec, 40) == merging(spec, 40, 3), "it is done, and stays done"
    for attempt in range(1, 10):
        left(attempt, "1\n")
    with pytest.raises(WebsightError, match="have failed"):
        next_merge(here, spec, 40, most=2)


def test_progress_is_what_the_trainer_said_last(spec: RunSpec, here: LocalTransport) -> None:
    job = merging(spec, None)
    folder = Path(job.folder)
    folder.mkdir(parents=True)
    task = Task(Kind.MERGE, None)
    assert progressed(task, see(here, job.folder), job, "Priority").stage == "waiting in the queue (Priority)"
    (folder / "started").write_text("1\n")
    (folder / "err.txt").write_text(
        "progress 0/3: merging the weights\nnoise\nprogress 1/3: asking \x1b[31mthe adapter\n"
    )
    now = progressed(task, see(here, job.folder), job, "")
    assert (now.done, now.total, now.stage) == (1, 3, "asking the adapter")
    (folder / "exit").write_text("0\n")
    done = progressed(task, see(here, job.folder), job, "")
    assert done.stand is Stand.DONE
    assert merged_path(spec, None) in done.message


def test_an_answer_is_read_and_a_strange_one_is_no_answer(spec: RunSpec, here: LocalTransport) -> None:
    job = trial(spec, 40, "p.png", "x")
    folder = Path(job.folder)
    folder.mkdir(parents=True)
    (folder / "exit").write_text("0\n")
    task = Task(Kind.TRY, 40)

    def told(text: str) -> Task:
        (folder / "result.json").write_text(text)
        return progressed(task, see(here, job.folder), job, "")

    small = {"width": 2, "rgb": base64.b64encode(bytes(range(12))).decode()}
    good = {"answer": "click\x1b[2J(5, 6)", "pixels": [50, 60], "size": [400, 300], "thumbnail": small}
    found = told("a library printed this\n" + json.dumps(good))
    assert found.answer is not None
    assert (found.answer.text, found.answer.x, found.answer.y) == ("click(5, 6)", 50, 60)
    assert (found.answer.across, found.answer.rgb) == (2, bytes(range(12)))
    for text in ("", "{}", '{"answer": 1, "pixels": [1], "size": [1, 1]}', json.dumps(good | {"size": [0, 0]})):
        assert told(text).stand is Stand.FAILED, text
    torn = told(json.dumps(good | {"thumbnail": {"width": 7, "rgb": small["rgb"]}}))
    assert torn.answer is not None
    assert not torn.answer.rgb
