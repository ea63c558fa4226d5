"""LLaMA-Factory's trainer_log.jsonl, read as it grows: which run a line belongs to, and which start of that run.

A line is `{"current_steps", "total_steps", "loss"?, "lr" | "learning_rate"?, "eval_loss"?, "epoch"?, "percentage",
"elapsed_time", "remaining_time"}`. The file carries no clock and no mark where a process began; it is appended to by
every process that uses the same output folder, even by two at the same time. What a line is follows from its step
and elapsed time alone:

- It continues the process that wrote the line before, if neither its step nor its elapsed time falls. Where another
  process is still writing into the same file, the one whose pace and interval the line fits better gets it.
- A new total while the elapsed time runs on is the evaluation or prediction at the end of the same process: its own
  step count is not training, its eval_loss is kept as an evaluation of the last training step.
- Otherwise a process has started. If its first step is above the usual interval, it resumed from a checkpoint: a
  new segment of the same run. If it begins at the beginning, it is another run. With another total as well, its
  second line is awaited, because a longer interval and a resume look alike until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from websight_tui.metrics.lines import LineSplitter, is_nonfinite, json_object, number, seconds, whole
from websight_tui.metrics.model import Evaluation, NonFinite, Segment, TrainingLog
from websight_tui.metrics.writers import Row, Writer, begins_at, choose

_EXTRA: Final = ("eval_accuracy", "predict_loss", "reward", "accuracy")
_CHECKED: Final = ("loss", "eval_loss", "grad_norm")
_AT_ONCE_S: Final = 5.0
_SETTLED: Final = 8
"""Lines of a segment after which its first step is no longer revised."""


class TrainerLogReader:
    """Reads trainer_log.jsonl piece by piece.

    `logs` holds every run found, oldest first; `log` is the one that began last and is never missing. All of them
    only grow, so a reader may keep a reference to each.
    """

    def __init__(self) -> None:
        self.logs: list[TrainingLog] = [TrainingLog(source="trainer_log")]
        self._lines = LineSplitter()
        self._writers: list[Writer] = []
        self._current: Writer | None = None
        self._held: Row | None = None
        self._count = 0
        self._damaged = 0

    @property
    def log(self) -> TrainingLog:
        """The run that began last."""
        return self.logs[-1]

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the file; half lines wait for the rest."""
        self._take(self._lines.feed(data))

    def finish(self) -> None:
        """Takes a last line without newline. Feeding may go on afterwards."""
        self._take(self._lines.finish())
        self._release()

    def _take(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            if not line.strip():
                continue
            value = json_object(line)
            row = None if value is None else row_of(value)
            if row is None:
                self._damaged += 1
                self._remark("damaged lines skipped", self._damaged)
            else:
                self._count += 1
                self._place(row)
        if self._lines.overlong:
            self._remark("endless lines skipped", self._lines.overlong)

    def _place(self, row: Row) -> None:
        if self._held is not None:
            self._release(row)
        current = self._current
        if current is not None and current.same_process_other_count(row):
            self._final_count(current, row)
            return
        if any(writer.repeats(row) for writer in self._writers):
            self._note(self.log, "some lines are written twice")
            return
        writer = choose(current, self._writers, row, self._count)
        if writer is None:
            writer = self._start(row)
            if writer is None:
                return
        elif writer is not current:
            self._note(writer.log, "two processes write into this file at the same time; their lines were told apart")
        self._current = writer
        self._add(writer, row)

    def _start(self, row: Row, following: Row | None = None) -> Writer | None:
        """Opens a segment for a line that continues nothing; None where the next line has to be awaited."""
        before = self._current
        if before is None:
            return self._open(self.log, row, 0)
        interval = before.interval or row.step
        if row.total != before.total and row.step > interval and row.step < row.total:
            if following is None:
                self._held = row
                return None
            if following.step > row.step and following.total == row.total:
                interval = following.step - row.step
        first = begins_at(row, interval, before.pace if row.total == before.total else None)
        if first == 0:
            log = TrainingLog(source="trainer_log", version=self.log.version + 1)
            self.logs.append(log)
            return self._open(log, row, 0)
        if row.total != before.total:
            self._note(before.log, f"total steps changed from {before.total} to {row.total} at a resume")
        return self._open(before.log, row, first)

    def _open(self, log: TrainingLog, row: Row, first: int) -> Writer:
        segment = Segment(start_step=first, total_steps=row.total)
        log.segments.append(segment)
        log.version += 1
        writer = Writer(log, segment)
        self._writers = [w for w in self._writers if w.alive(self._count)] + [writer]
        return writer

    def _release(self, following: Row | None = None) -> None:
        row, self._held = self._held, None
        if row is not None:
            writer = self._start(row, following or row)
            if writer is not None:
                self._current = writer
                self._add(writer, row)

    def _add(self, writer: Writer, row: Row) -> None:
        segment, log = writer.segment, writer.log
        log.version += 1
        if row.total:
            segment.total_steps = row.total
        last_step, last_elapsed, last_row = writer.last_step, writer.last_elapsed, writer.last_row
        interval = writer.interval
        writer.saw(row, self._count)
        segment.meta.pop("ended_early_at", None)
        if row.nonfinite:
            segment.nonfinite.append(NonFinite(row.step, row.nonfinite))
        if row.evaluates:
            took = None
            if row.step == last_step and row.elapsed is not None and last_row is not None and last_row.elapsed:
                took = row.elapsed - last_row.elapsed
            segment.evaluations.append(
                Evaluation(row.step, elapsed=row.elapsed, seconds=took, loss=row.eval_loss, metrics=row.extra)
            )
            if not row.trains:
                return
        elif not row.trains and row.epoch is not None and len(segment.columns):
            if (paused := _paused(row, segment.start_step, last_step, last_elapsed)) is not None:
                length = paused if row.step == last_step else None
                segment.evaluations.append(Evaluation(row.step, elapsed=row.elapsed, seconds=length))
                if row.step < row.total:
                    return
            if row.step >= row.total > 0:
                segment.end = "finished"
            elif row.step == last_step or not interval or (row.step - last_step) % interval:
                segment.meta["ended_early_at"] = row.step  # at the usual distance a line only lacks its loss
        if row.predicts:
            segment.meta.setdefault("task", "predict")
        else:
            segment.meta.pop("task", None)
        if row.step == 0 and not row.trains:
            return
        segment.columns.append(
            step=float(row.step),
            elapsed=row.elapsed,
            epoch=row.epoch,
            loss=row.loss,
            lr=row.lr,
            grad_norm=row.grad_norm,
            tokens=row.tokens,
        )
        if 2 <= len(segment.columns) <= _SETTLED and (segment.start_step > 0 or segment is writer.log.segments[0]):
            steps, first = segment.columns.step, segment.columns
            head = Row(step=int(steps[0]), total=row.total, elapsed=number(first.elapsed[0]))
            segment.start_step = begins_at(head, writer.interval or head.step, writer.pace)

    def _final_count(self, writer: Writer, row: Row) -> None:
        """The evaluation or prediction after the training counts its own batches with the same elapsed time."""
        segment, before = writer.segment, writer.last_elapsed
        writer.last_elapsed, writer.other_total = row.elapsed, row.total
        segment.meta["final_pass_elapsed"] = row.elapsed
        writer.log.version += 1
        if row.evaluates:
            took = row.elapsed - before if row.elapsed is not None and before is not None else None
            segment.evaluations.append(
                Evaluation(writer.last_step, elapsed=row.elapsed, seconds=took, loss=row.eval_loss, metrics=row.extra)
            )

    def _remark(self, what: str, count: int) -> None:
        for i, note in enumerate(self.log.notes):
            if note.endswith(what):
                self.log.notes[i] = f"{count} {what}"
                return
        self.log.notes.append(f"{count} {what}")
        self.log.version += 1

    @staticmethod
    def _note(log: TrainingLog, text: str) -> None:
        if text not in log.notes:
            log.notes.append(text)
            log.version += 1


def _paused(row: Row, start: int, last_step: int, last_elapsed: float | None) -> float | None:
    """Seconds between a line without loss and the training line before it, if that was a pause; None if it was none.

    An evaluation whose metrics have no loss leaves such a line, long after the training's. So does the end of a
    training that stops early, but at once.
    """
    if row.elapsed is None or last_elapsed is None or last_step <= start:
        return None
    usual = last_elapsed / (last_step - start)
    took = row.elapsed - last_elapsed - usual * (row.step - last_step)
    return took if took > max(_AT_ONCE_S, 2 * usual) else None


def row_of(value: Mapping[str, Any]) -> Row | None:
    """One line's meaning; None if it says no step.

    The names are LLaMA-Factory's (`learning_rate` until 0.8, `lr` since).
    """
    step = whole(value.get("current_steps"))
    if step is None:
        return None
    rate = value.get("lr") if value.get("lr") is not None else value.get("learning_rate")
    nonfinite = tuple(name for name in _CHECKED if name in value and is_nonfinite(value[name]))
    extra = tuple((name, found) for name in _EXTRA if name in value and (found := number(value[name])) is not None)
    return Row(
        step=step,
        total=whole(value.get("total_steps")) or 0,
        elapsed=seconds(value.get("elapsed_time")),
        epoch=number(value.get("epoch")),
        loss=number(value.get("loss")),
        lr=number(rate),
        grad_norm=number(value.get("grad_norm")),
        tokens=number(value.get("total_tokens")),
        eval_loss=number(value.get("eval_loss")),
        extra=extra,
        nonfinite=nonfinite,
        trains=value.get("loss") is not None,
        evaluates=value.get("eval_loss") is not None,
    )


def read_trainer_log(data: bytes) -> list[TrainingLog]:
    """Every run that a whole trainer_log.jsonl holds, oldest first; empty if no line was one of the trainer's."""
    reader = TrainerLogReader()
    reader.feed(data)
    reader.finish()
    return [log for log in reader.logs if log.segments]
