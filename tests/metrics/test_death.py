from __future__ import annotations

import pytest

from tests.metrics.samples import bar
from websight_tui.metrics.death import findings

TRACE = """Traceback (most recent call last):
  File "train.py", line 3, in <module>
    main()
    ^^^^^^
{}
"""
LAUNCHER = TRACE.format("torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ")

CASES = {
    "time-limit": "slurmstepd-gpu01: error: *** JOB 18 ON gpu01 CANCELLED AT 2026-11-23T08:59:39 DUE TO TIME LIMIT ***",
    "preempted": "[2026-03-25T10:34:07.531] error: *** JOB 1 ON n CANCELLED AT 2026-03-25T10 DUE TO PREEMPTION ***",
    "requeued": "slurmstepd: error: *** JOB 4 ON gpu01 CANCELLED AT 2026-11-23T08:59:39 DUE TO JOB REQUEUE ***",
    "node-failure": "slurmstepd: error: *** JOB 4 ON gpu01 CANCELLED AT 2026-11-23T08 DUE TO NODE FAILURE, SEE LOG ***",
    "memory": "slurmstepd: error: Detected 1 oom_kill event in StepId=3.batch. Some of the tasks were OOM Killed.",
    "cuda-oom": TRACE.format("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0")
    + LAUNCHER,
    "disk": TRACE.format("OSError: [Errno 122] Disk quota exceeded: 'out/checkpoint-200'"),
    "bus-error": "RuntimeError: DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that …",
    "gpu-error": TRACE.format("RuntimeError: CUDA error: device-side assert triggered"),
    "module": TRACE.format("ModuleNotFoundError: No module named 'llamafactory'"),
    "missing-file": TRACE.format("FileNotFoundError: [Errno 2] No such file or directory: '/data/x.json'"),
    "nccl": "[rank0]:[E1218 Process.cpp:629] [Rank 0] Watchdog caught collective operation timeout: WorkNCCL(…)",
    "segfault": "Signal 11 (SIGSEGV) received by PID 123",
    "cancelled": "slurmstepd-gpu02: error: *** JOB 47 ON gpu02 CANCELLED AT 2026-11-23T09:02:20 ***",
    "refused": "error: the checkpoint was trained with rank 64, this run has rank 32\n  Choose its preset.",
    "traceback": TRACE.format("ValueError: Some keys are not used: ['max_num_images']") + LAUNCHER,
    "killed": "/var/spool/slurmd/job7/slurm_script: line 12:  4711 Killed                  python -m trainer",
}


@pytest.mark.parametrize("kind", CASES)
def test_each_reason(kind: str) -> None:
    text = "loading\n" * 50 + CASES[kind] + "\n"
    found = findings(text)
    assert found[0].kind == kind
    assert found[0].hint
    assert found[0].line_number >= 51


def test_the_message_carries_what_is_known() -> None:
    assert "2.50 GiB" in findings(CASES["cuda-oom"])[0].message
    assert "llamafactory" in findings(CASES["module"])[0].message
    assert "/data/x.json" in findings(CASES["missing-file"])[0].message
    assert "max_num_images" in findings(CASES["traceback"])[0].message
    refused = findings(CASES["refused"])[0]
    assert refused.message == "the checkpoint was trained with rank 64, this run has rank 32"
    assert refused.hint == "Choose its preset."


def test_slurms_word_outranks_what_the_processes_said_while_dying() -> None:
    text = (
        CASES["time-limit"] + "\n" + TRACE.format("torch.distributed.SignalException: got signal: 15") + CASES["nccl"]
    )
    assert [f.kind for f in findings(text)] == ["time-limit"]


def test_cancelled_with_a_signal() -> None:
    text = (
        bar(5, 153, "04:08")
        + "[2025-12-08T12:57:11.047] error: *** JOB 1 ON n CANCELLED AT x DUE to SIGNAL Terminated ***"
    )
    assert [f.kind for f in findings(text)] == ["cancelled"]


def test_the_first_ranks_own_error_is_named_not_the_launchers() -> None:
    own = "".join("[rank1]: " + line + "\n" for line in TRACE.format("KeyError: 'pixel_values'").splitlines())
    found = findings(own + LAUNCHER + TRACE.format("subprocess.CalledProcessError: Command died"))
    assert found[0].message == "The program failed: KeyError: 'pixel_values'"


def test_an_error_inside_a_data_worker() -> None:
    text = TRACE.format(
        "RuntimeError: Caught RuntimeError in DataLoader worker process 0.\nOriginal "
        + TRACE.format("ValueError: bad image")
    )
    assert findings(text)[0].message == "The program failed: ValueError: bad image"


def test_ranks_that_write_into_each_other() -> None:
    text = 2 * "Traceback (most recent call last):\n" + "  File\n^^ ^^from x^^\n^^\nIndexError: list index\n"
    assert findings(text)[0].message == "The program failed: IndexError: list index"


def test_what_was_survived_is_no_death() -> None:
    caught = TRACE.format("OSError: cannot reach the experiment tracker") + CASES["nccl"]
    steps = "".join("\r" + bar(s, 100, "00:40") for s in range(40, 90))
    assert findings("\r" + bar(39, 100, "00:30") + "\n" + caught + steps + "\n") == ()
    assert findings(caught + "{'train_runtime': 12.0, 'epoch': 1.0}\n") == ()


def test_a_failure_after_the_training() -> None:
    text = "{'train_runtime': 12.0, 'epoch': 1.0}\n" + TRACE.format("AttributeError: 'NoneType' object")
    assert "after the training itself had finished" in findings(text)[0].message


def test_a_healthy_end_is_silent() -> None:
    text = (
        "Out of memory handling: enabled\ntime limit 8 h\nno errors\n"
        + bar(100, 100, "10:00")
        + "\nTraining completed.\n"
    )
    assert findings(text) == ()


def test_hostile_text_stays_text() -> None:
    message = findings(TRACE.format("ValueError: \x1b]52;c;AA\x07[bold]\u202e" + "x" * 10_000))[0].message
    assert "\x1b" not in message
    assert "\u202e" not in message
    assert len(message) < 500


def test_a_requeued_job_that_trains_again_is_alive() -> None:
    first = "".join("\r" + bar(s, 100, "00:40") for s in range(60)) + "\n" + CASES["requeued"] + "\n"
    assert [f.kind for f in findings(first)] == ["requeued"]
    assert findings(first + "***** Running training *****\n" + "\r" + bar(0, 100, "00:00")) == ()


def test_a_step_or_two_of_the_other_ranks_does_not_hide_a_death() -> None:
    text = "".join("\r" + bar(s, 100, "00:40") for s in range(60)) + "\n" + CASES["cuda-oom"]
    assert findings(text + "\r" + bar(60, 100, "00:41") + "\n")[0].kind == "cuda-oom"


def test_the_tokenizers_bar_is_no_progress_of_the_training() -> None:
    before = "".join("\rRunning tokenizer: " + bar(s, 99999, "00:40") for s in range(0, 99999, 3000)) + "\n"
    steps = "".join("\r" + bar(s, 100, "00:40") for s in range(60))
    assert findings(before + CASES["nccl"] + "\n" + steps) == ()
