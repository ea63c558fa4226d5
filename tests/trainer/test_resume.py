"""No step is lost: stopped, killed or started wrongly, a run goes on bit by bit as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer import running as runs
from trainer import checkpoints
from trainer.events import EventWriter

torch = pytest.importorskip("torch", reason="needs the trainer's environment")
pytestmark = pytest.mark.timeout(400)

HALF = {"num_train_epochs": 0.5, "eval_steps": 20, "save_steps": 10, "lora_dropout": 0.1}
"""40 steps of half an epoch: the last step is not an epoch's last."""


@pytest.fixture(scope="module", params=[1, 2], ids=["1 rank", "2 ranks"])
def reference(request: pytest.FixtureRequest, tiny_root: Path) -> Path:
    """An uninterrupted run."""
    ranks = request.param
    epochs = HALF["num_train_epochs"] * ranks  # 40 steps, however many share the batch
    run_dir = runs.make_run(tiny_root, f"reference-{ranks}", **{**HALF, "num_train_epochs": epochs}, cpu_ranks=ranks)
    assert runs.finish(run_dir) == 0, (run_dir / "test.err").read_text()[-3000:]
    return run_dir


def twin(reference: Path, name: str, **settings: object) -> Path:
    preset = {**runs.run_json(reference)["preset"], **settings}
    preset.pop("name")
    return runs.make_run(reference.parents[1], f"{reference.name}-{name}", **preset)


def assert_same(run_dir: Path, reference: Path) -> None:
    assert runs.losses(run_dir) == runs.losses(reference)
    assert runs.weights(run_dir / "out") == runs.weights(reference / "out")
    for name in ("optimizer.pt", "scheduler.pt"):
        ours, theirs = (torch.load(path / "out" / "checkpoint-40" / name) for path in (run_dir, reference))
        assert str(ours) == str(theirs)  # prints tensors; the weights above are compared in full


def test_killed_in_a_save_then_asked_to_stop_it_ends_bit_by_bit_the_same(reference: Path) -> None:
    run_dir = twin(reference, "interrupted")
    kill_in_second_save(run_dir)
    stopped_at = stop_after(run_dir, 23)
    assert runs.finish(run_dir) == 0, (run_dir / "test.err").read_text()[-3000:]
    assert [event["resumed_from"] for event in runs.events(run_dir, "start")] == [None, 10, stopped_at]
    assert_same(run_dir, reference)


def kill_in_second_save(run_dir: Path) -> None:
    """A pipe that nobody reads holds the trainer in the middle of its save until it is killed."""
    blocked = run_dir / "out" / "checkpoint-20" / "optimizer.pt"
    with runs.started(run_dir) as process:
        runs.until(lambda: runs.events(run_dir, "start"), process, "the start")
        blocked.parent.mkdir()
        os.mkfifo(blocked)
        runs.until(lambda: runs.events(run_dir, "save_begin")[1:], process, "the second save")
        runs.until((blocked.parent / "adapter_model.safetensors").is_file, process, "a half-written checkpoint")
        ranks = runs.trainer_processes(process)
        process.kill()
        process.wait()
        runs.until_gone(ranks)


def stop_after(run_dir: Path, step: int) -> int:
    """Goes on, and asks the last of the ranks to stop; returns the step at which all did."""
    with runs.started(run_dir) as process:
        runs.until(runs.reached(run_dir, step), process, f"step {step}")
        os.kill(runs.trainer_processes(process)[-1], signal.SIGUSR1)
        assert process.wait(runs.PATIENCE_S) == 85
    assert len(list((run_dir / "out").glob("aside-checkpoint-20-*"))) == 1
    assert runs.reason(run_dir) == "saved-and-stopped"
    assert runs.events(run_dir, "signal")[0]["signal"] == "USR1"
    newest = checkpoints.newest_valid(run_dir / "out")
    assert newest
    assert step <= newest.step < 40
    assert newest.step == runs.events(run_dir, "end")[-1]["step"]
    return newest.step


def test_another_number_of_ranks_or_batch_is_refused(reference: Path) -> None:
    before = runs.weights(reference / "out")
    text = (reference / "run.json").read_text()
    (reference / "out" / "finished.json").rename(reference / "hidden.json")
    try:
        twin_of = runs.run_json(reference)["preset"]
        twin_of.pop("name")
        runs.make_run(reference.parents[1], reference.name, **{**twin_of, "cpu_ranks": 3})
        assert runs.finish(reference) == 86
        runs.make_run(reference.parents[1], reference.name, **{**twin_of, "per_device_train_batch_size": 4})
        assert runs.finish(reference) == 86
    finally:
        (reference / "hidden.json").rename(reference / "out" / "finished.json")
        (reference / "run.json").write_text(text)
    errors = (reference / "test.err").read_text()
    assert "world_size was" in errors
    assert "per_device_train_batch_size was 2, now 4" in errors
    assert "Traceback" not in errors.split("world_size was")[1]
    assert runs.weights(reference / "out") == before


def test_a_stopped_run_goes_on_with_fewer_epochs_and_ends_with_the_rate_at_zero(tiny_root: Path) -> None:
    settings = {**HALF, "eval_steps": 1000, "num_train_epochs": 1.0}
    run_dir = runs.make_run(tiny_root, "shorter", **settings)
    with runs.started(run_dir) as process:
        runs.until(runs.reached(run_dir, 15), process, "step 15")
        os.kill(runs.trainer_processes(process)[-1], signal.SIGUSR1)
        assert process.wait(runs.PATIENCE_S) == 85
    stopped_at = runs.events(run_dir, "end")[-1]["step"]
    refused = runs.make_run(tiny_root, "shorter", **{**settings, "num_train_epochs": 1.5})
    assert runs.finish(refused) != 0
    assert "num_train_epochs was 1.0, now 1.5" in (run_dir / "test.err").read_text()
    runs.make_run(tiny_root, "shorter", **{**settings, "num_train_epochs": 0.5})
    assert runs.finish(run_dir) == 0, (run_dir / "test.err").read_text()[-3000:]
    starts = runs.events(run_dir, "start")
    assert (starts[0]["total_steps"], starts[-1]["total_steps"], starts[-1]["step"]) == (80, 40, stopped_at)
    logs = runs.events(run_dir, "log")
    assert logs[-1]["step"] == 40
    rates = [event["lr"] for event in logs if event["step"] > stopped_at]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.02 * max(event["lr"] for event in logs)
    assert runs.finish(run_dir) == 0, "finished: nothing to do"


def test_killed_between_the_last_checkpoint_and_the_end_it_needs_no_more_training(tiny_root: Path) -> None:
    reference = tiny_root / "runs" / "reference-1"
    if not reference.exists():
        pytest.skip("the reference run was not made")
    (reference / "out" / "finished.json").unlink()
    before = runs.weights(reference / "out")
    (reference / "out" / "adapter_model.safetensors").write_bytes(before[:1000])
    results = (reference / "out" / "all_results.json").read_bytes()
    assert runs.finish(reference) == 0
    assert runs.weights(reference / "out") == before
    assert (reference / "out" / "all_results.json").read_bytes() == results
    assert runs.finish(reference) == 0


def test_asked_to_stop_before_the_first_step_it_stops_without_one(tiny_root: Path) -> None:
    run_dir = runs.make_run(tiny_root, "early")
    with runs.started(run_dir) as process:
        runs.until(lambda: runs.trainer_processes(process), process, "the trainer")
        process.send_signal(signal.SIGTERM)
        assert process.wait(runs.PATIENCE_S) == 85
    assert runs.reason(run_dir) == "saved-and-stopped"
    assert runs.events(run_dir, "signal")[0]["signal"] == "TERM"
    assert not runs.events(run_dir, "log")


def test_a_stop_does_not_wait_for_an_evaluation(tiny_root: Path) -> None:
    long = {"eval_dataset": "tiny_clicks", "max_eval_samples": 160, "per_device_train_batch_size": 1, "eval_steps": 5}
    run_dir = runs.make_run(tiny_root, "evaluating", **long)
    with runs.started(run_dir) as process:
        runs.until(lambda: runs.events(run_dir, "eval_begin"), process, "the evaluation")
        os.kill(runs.trainer_processes(process)[0], signal.SIGUSR1)
        assert process.wait(runs.PATIENCE_S) == 85, (run_dir / "test.err").read_text()[-3000:]
    assert [event["metrics"] for event in runs.events(run_dir, "eval_end")] == [{}]
    newest = checkpoints.newest_valid(run_dir / "out")
    assert newest
    assert newest.step == 5


def test_a_cancel_that_reaches_every_process_at_once_still_saves(tiny_root: Path) -> None:
    """As scancel does it: the launcher, the trainer and its data loaders all get a TERM."""
    run_dir = runs.make_run(tiny_root, "cancel", dataloader_num_workers=2, num_train_epochs=3.0)
    with runs.started(run_dir) as process:
        runs.until(runs.reached(run_dir, 5), process, "step 5")
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(runs.PATIENCE_S) == 85, (run_dir / "test.err").read_text()[-3000:]
    newest = checkpoints.newest_valid(run_dir / "out")
    assert newest
    assert newest.step == runs.events(run_dir, "end")[-1]["step"]


def test_other_training_data_is_refused_on_resume(tiny_root: Path) -> None:
    run_dir = runs.make_run(tiny_root, "data", save_steps=5)
    with runs.started(run_dir) as process:
        runs.until(lambda: runs.events(run_dir, "save_end"), process, "a checkpoint")
        process.kill()
    newest = checkpoints.newest_valid(run_dir / "out")
    assert newest
    marker = newest.path / checkpoints.MARKER
    marker.write_text(marker.read_text().replace('"total_steps": 80', '"total_steps": 90'))
    assert runs.finish(run_dir) == 86
    assert "the run had 90 steps and would have 80 now" in runs.reason(run_dir)


def test_a_trainer_that_dies_is_given_its_last_event(tiny_root: Path) -> None:
    run_dir = runs.make_run(tiny_root, "dies")
    with runs.started(run_dir) as process:
        runs.until(runs.reached(run_dir, 3), process, "step 3")
        (rank,) = runs.trainer_processes(process)
        os.kill(rank, signal.SIGKILL)
        assert process.wait(runs.PATIENCE_S) == 1
    assert "SIGKILL" in runs.reason(run_dir)
    assert runs.events(run_dir, "end")[-1]["step"] >= 3


def test_a_second_trainer_of_the_same_run_is_refused(tiny_root: Path) -> None:
    run_dir = runs.make_run(tiny_root, "second")
    impatient = "import sys, pathlib; from trainer import train; train.OTHER_WRITER_GONE_S = 0.0; "
    writer = EventWriter(run_dir / "events.jsonl")
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"{impatient}sys.exit(train.main(pathlib.Path(sys.argv[1])))", str(run_dir)],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        writer.close()
    assert done.returncode == 86
    assert "another trainer is writing" in done.stderr
    assert not runs.events(run_dir)
