from __future__ import annotations

from tests.metrics.samples import bar
from websight_tui.metrics.job_output import JobOutputReader, read_job_output, read_job_outputs

HEADING = """[INFO|trainer.py:2519] 2026-01-02 10:00:00,000 >> ***** Running training *****
[INFO|trainer.py:2520] 2026-01-02 10:00:00,000 >>   Num examples = 1,600
[INFO|trainer.py:2521] 2026-01-02 10:00:00,000 >>   Num Epochs = 2
[INFO|trainer.py:2522] 2026-01-02 10:00:00,000 >>   Instantaneous batch size per device = 2
[INFO|trainer.py:2525] 2026-01-02 10:00:00,000 >>   Total train batch size (w. parallel & accumulation) = 16
[INFO|trainer.py:2526] 2026-01-02 10:00:00,000 >>   Gradient Accumulation steps = 8
[INFO|trainer.py:2527] 2026-01-02 10:00:00,000 >>   Total optimization steps = 200
[INFO|trainer.py:2528] 2026-01-02 10:00:00,000 >>   Number of trainable parameters = 17,432,576
"""


def clock(seconds: int) -> str:
    return f"{seconds // 60:02d}:{seconds % 60:02d}"


def bars(first: int, last: int, total: int = 200, from_step: int = 0) -> str:
    return "".join("\r" + bar(s, total, clock(8 * (s - from_step))) for s in range(first, last + 1))


def values(epoch: float, loss: float) -> str:
    return f"{{'loss': {loss}, 'grad_norm': 0.5, 'learning_rate': 5e-05, 'epoch': {epoch}}}\n"


def losses(segment: object) -> dict[int, float]:
    columns = segment.columns  # type: ignore[attr-defined]
    return {int(s): y for s, y in zip(columns.step, columns.loss, strict=True) if y == y}


def test_bars_and_floats() -> None:
    text = HEADING + bars(0, 10) + values(0.1, 1.5) + bars(10, 20) + values(0.2, 1.25)
    (log,) = read_job_output(text.encode())
    (segment,) = log.segments
    assert (segment.start_step, segment.total_steps, segment.last_step) == (0, 200, 20)
    assert losses(segment) == {10: 1.5, 20: 1.25}
    assert segment.columns.elapsed[-1] == 160
    assert segment.meta["trainable_parameters"] == 17_432_576


def test_strings_of_newer_versions() -> None:
    text = HEADING + bars(0, 5) + "\n{'loss': '2.412', 'grad_norm': 'nan', 'learning_rate': '1e-05', 'epoch': '0.05'}\n"
    (segment,) = read_job_output(text.encode())[0].segments
    assert losses(segment) == {5: 2.412}
    assert segment.nonfinite[0].fields == ("grad_norm",)


def test_losses_that_come_late_find_their_steps() -> None:
    text = HEADING + bars(0, 50) + "".join(values(round(s / 100, 2), s / 10) for s in range(10, 51, 10)) + bars(51, 60)
    (segment,) = read_job_output(text.encode())[0].segments
    assert losses(segment) == {s: s / 10 for s in range(10, 51, 10)}


def test_srun_labels_and_timestamps() -> None:
    labelled = "".join("0: " + line + "\n" for line in (HEADING + bars(0, 10).replace("\r", "\n")).splitlines())
    text = labelled + "0: [INFO|2026-01-02 10:01:20] llamafactory:144 >> " + values(0.1, 1.5)
    (segment,) = read_job_output(text.encode())[0].segments
    assert losses(segment) == {10: 1.5}


def test_without_bars_the_log_lines_clock_counts() -> None:
    text = HEADING.replace("2026-01-02 10:00:00,000", "2026-01-02 10:00:00")
    for i in range(1, 21):
        text += f"[INFO|2026-01-02 10:{i:02d}:00] logging.py:157 >> " + values(round(i / 20, 2), 1.0)
    (segment,) = read_job_output(text.encode())[0].segments
    assert list(segment.columns.step) == [5.0 * i for i in range(1, 21)]
    assert segment.columns.elapsed[1] - segment.columns.elapsed[0] == 60


def test_a_resume_is_announced() -> None:
    text = HEADING + "  Continuing training from global step 100\n" + bars(0, 0) + bars(101, 120, from_step=100)
    (segment,) = read_job_output(text.encode())[0].segments
    assert (segment.start_step, segment.last_step) == (100, 120)


def test_a_resumed_bar_that_claims_hundreds_of_steps_a_second() -> None:
    text = (
        "\r" + bar(0, 4467, "00:00") + "\r" + bar(4001, 4467, "00:07", "547.26it/s") + "\r" + bar(4011, 4467, "00:38")
    )
    (segment,) = read_job_output(text.encode())[0].segments
    assert segment.start_step == 4000


def test_a_requeued_job_that_appends_is_two_segments() -> None:
    again = HEADING + "  Continuing training from global step 40\n"
    text = HEADING + bars(0, 55) + "\n" + again + bars(41, 70, from_step=40)
    (log,) = read_job_output(text.encode())
    assert [(s.start_step, s.last_step) for s in log.segments] == [(0, 55), (40, 70)]


def test_other_bars_are_not_training() -> None:
    text = "\rLoading checkpoint shards:  50%|█████     | 1/2 [00:06<00:06,  6.32s/it]" + HEADING + bars(0, 10)
    text += "\n***** Running Evaluation *****\n  Num examples = 80\n"
    text += "".join("\r" + bar(s, 40, clock(s)) for s in range(41)) + "\x1b[A"
    text += "{'eval_loss': 0.9, 'eval_runtime': 40.0, 'epoch': 0.1}\n" + bars(11, 12)
    (segment,) = read_job_output(text.encode())[0].segments
    assert list(segment.columns.step) == list(range(1, 13))
    assert (segment.evaluations[0].step, segment.evaluations[0].seconds) == (10, 40.0)
    assert segment.meta["n_train"] == 1600


def test_an_evaluation_bar_of_the_same_length_is_no_restart() -> None:
    text = HEADING + bars(0, 100) + "\n***** Running Evaluation *****\n"
    text += "".join("\r" + bar(s, 200, clock(s)) for s in range(200)) + bars(101, 110)
    (log,) = read_job_output(text.encode())
    assert len(log.segments) == 1
    assert log.segments[0].last_step in (110, 199)


def test_slurm_and_nul_inside_a_bar() -> None:
    text = (
        HEADING
        + bars(0, 10)
        + "[2026-03-25T10:34:07.530] error: *** JOB 1 ON n CANCELLED AT now ***\n\x00\x00"
        + bars(11, 12)
    )
    assert read_job_output(text.encode())[0].segments[0].last_step == 12


def test_streams_apart_meet_again() -> None:
    out = "".join(values(round(s / 100, 2), s / 10) for s in range(10, 51, 10)).encode()
    (log,) = read_job_outputs({"out": out, "err": (HEADING + bars(0, 60)).encode()})
    assert losses(log.segments[0]) == {s: s / 10 for s in range(10, 51, 10)}


def test_losses_alone_are_counted_and_scaled_at_the_end() -> None:
    reader = JobOutputReader()
    reader.feed("".join(values(round(i / 10, 2), 1.0) for i in range(1, 21)).encode())
    reader.finish()
    assert reader.log.segments[0].last_step == 20
    assert reader.log.notes == ["this output names no steps: log lines are counted instead"]
    reader.feed(b"{'train_runtime': 1600.0, 'train_steps_per_second': 0.125, 'train_loss': 1.0, 'epoch': 2.0}\n")
    segment = reader.log.segments[0]
    assert (segment.total_steps, segment.last_step, segment.end) == (200, 200, "finished")


def test_checkpoints() -> None:
    text = HEADING + bars(0, 10) + "\n[INFO] >> Saving model checkpoint to out/checkpoint-10\n" * 2
    (segment,) = read_job_output(text.encode())[0].segments
    assert [(c.step, c.path) for c in segment.checkpoints] == [(10, "out/checkpoint-10")]


def test_dicts_in_data_are_not_losses() -> None:
    assert read_job_output(b"{'task': {'name': 'x'}}\n{'loss': 'cross entropy'}\n{'epoch': 3}\n") == []
