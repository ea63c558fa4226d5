"""The table of a sweep: rank, epochs, and what came of them. The quality table of a guide, but measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, Final

from websight_tui.metrics.curves import Axis, CurveReader, Metric
from websight_tui.metrics.model import TrainingLog
from websight_tui.metrics.stitch import stitched_evaluations
from websight_tui.runs.forecasting import job_seconds
from websight_tui.runs.phase import OVER
from websight_tui.runs.saved_work.evaluation import is_open
from websight_tui.runs.state import Measured, Phase, RunView, Sweep
from websight_tui.runs.sweeps.clicks import accuracy_words, clicks_state
from websight_tui.runs.sweeps.row import SweepRow
from websight_tui.runspec import RunSpec
from websight_tui.words import duration, size

_HALF_LIFE: Final = 4.0
"""Of the smoothed loss, in logged points."""


class Losses:
    """The newest smoothed loss of runs; asked again it looks only at the points that came since."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[TrainingLog, CurveReader, int, float | None]] = {}

    def __call__(self, run: RunView) -> float | None:
        """None before the first logged loss."""
        run_id, log = run.spec.run_id, run.log
        known = self._known.get(run_id)
        if known is not None and known[0] is log and known[2] == run.log_version:
            return known[3]
        reader = known[1] if known is not None and known[0] is log else CurveReader(Metric.LOSS, Axis.STEP, _HALF_LIFE)
        curve = reader.read(log)
        loss = float(curve.smooth[curve.count - 1]) if curve.count else None
        self._known[run_id] = (log, reader, run.log_version, loss)
        return loss


def rows_of(
    sweep: Sweep, runs: Mapping[str, RunView], now: float, losses: Losses | None = None
) -> tuple[SweepRow, ...]:
    """The rows in the order of the sweep.

    Args:
        runs: by run id. now: Unix s.
        losses: what is kept between two calls; None keeps nothing.
    """
    losses = losses or Losses()
    return tuple(_row(spec, runs.get(spec.run_id), now, losses) for spec in sweep.specs)


def _row(spec: RunSpec, run: RunView | None, now: float, losses: Losses) -> SweepRow:
    run_id, preset, expected = spec.run_id, spec.preset, spec.evaluate
    if run is None:
        return SweepRow(run_id, preset, None, "not submitted", expected=expected)
    last, over, measured = run.log.last, run.phase in OVER, run.measured or Measured()
    share = min(1.0, last.last_step / last.total_steps) if last is not None and last.total_steps else None
    evaluated = [e.loss for e in stitched_evaluations(run.log) if e.loss is not None and isfinite(e.loss)]
    return SweepRow(
        run_id,
        preset,
        run.phase,
        run.phase.value,
        1.0 if run.phase is Phase.FINISHED else share,
        run.projection.verdict if run.projection is not None and not over else None,
        losses(run),
        evaluated[-1] if evaluated else None,
        measured.accuracy,
        measured.low,
        measured.high,
        measured.evaluation,
        measured.asked if measured.accuracy is None else measured.rows or 0,
        measured.to_ask,
        measured.why,
        expected,
        run.phase is Phase.FINISHED and is_open(run.measured, wanted=expected),
        _seconds(run, now),
        run.forecast.seconds if run.forecast is not None else None,
        measured.adapter_bytes,
    )


def _seconds(run: RunView, now: float) -> float | None:
    if run.jobs and all(job.final for job in run.jobs):
        return job_seconds(run.jobs)
    started = [job for job in run.jobs if job.start_time is not None and job.state != "PENDING"]
    spans = [(now if job.live else job.end_time or now) - (job.start_time or now) for job in started]
    return sum(max(0.0, span) for span in spans) or None


def as_json(sweep: Sweep, row: SweepRow) -> dict[str, Any]:
    """One row for scripts."""
    return {
        "sweep": sweep.sweep_id,
        "cluster": sweep.cluster,
        "run": row.run_id,
        "preset": row.preset.name,
        "lora_rank": row.preset.lora_rank,
        "lora_alpha": row.preset.lora_alpha,
        "num_train_epochs": row.preset.num_train_epochs,
        "effective_batch": row.preset.effective_batch(row.preset.world_size()),
        "state": row.state,
        "share": row.share,
        "verdict": row.verdict.value if row.verdict is not None else None,
        "loss": row.loss,
        "eval_loss": row.eval_loss,
        "accuracy": row.accuracy,
        "accuracy_95": None if row.low is None or row.high is None else [row.low, row.high],
        "accuracy_rows": row.asked if row.accuracy is not None else None,
        "clicks": clicks_state(row),
        "clicks_error": row.why or None,
        "seconds": row.seconds,
        "forecast_s": row.forecast_s,
        "adapter_bytes": row.adapter_bytes,
    }


def summary(rows: tuple[SweepRow, ...]) -> str:
    """ "2 of 4 finished, 1 training, 1 not submitted"."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.state] = counts.get(row.state, 0) + 1
    done = counts.pop(Phase.FINISHED.value, 0)
    return ", ".join([f"{done} of {len(rows)} finished", *(f"{n} {state}" for state, n in counts.items())])


COLUMNS: Final = ("run", "rank/α", "epochs", "state", "verdict", "loss", "eval", "clicks", "hours", "adapter")


def cells(row: SweepRow) -> tuple[str, ...]:
    """One row in words and figures; an estimate says so with ≈, what is not known is "–"."""
    preset, done = row.preset, row.share is not None and not row.over
    return (
        preset.name,
        f"{preset.lora_rank}/{preset.lora_alpha}",
        f"{preset.num_train_epochs:g}",
        f"{row.state} {row.share:.0%}" if done else row.state,
        row.verdict.value if row.verdict is not None else "–",
        "–" if row.loss is None else f"{row.loss:.4f}",
        "–" if row.eval_loss is None else f"{row.eval_loss:.4f}",
        accuracy_words(row),
        hours_words(row),
        size(row.adapter_bytes),
    )


def hours_words(row: SweepRow) -> str:
    """How long it took or has taken; before its start what was forecast, with ≈."""
    if row.seconds is not None:
        return duration(row.seconds)
    return f"≈ {duration(row.forecast_s)}" if row.forecast_s is not None else "–"


def best(rows: Sequence[SweepRow]) -> tuple[SweepRow, str] | None:
    """The best run so far and by what: click accuracy where it was measured, else evaluation loss; None before both."""
    asked = [row for row in rows if row.accuracy is not None]
    if asked:
        return max(asked, key=lambda row: row.accuracy or 0.0), "click accuracy"
    evaluated = [row for row in rows if row.eval_loss is not None]
    return (min(evaluated, key=lambda row: row.eval_loss or 0.0), "evaluation loss") if evaluated else None


SORTS: Final[Mapping[str, Callable[[SweepRow], float | None]]] = {
    "as planned": lambda _: 0.0,
    "rank": lambda row: row.preset.lora_rank,
    "epochs": lambda row: row.preset.num_train_epochs,
    "loss": lambda row: row.loss,
    "evaluation loss": lambda row: row.eval_loss,
    "clicks": lambda row: row.accuracy,
    "hours": lambda row: row.forecast_s if row.seconds is None else row.seconds,
    "adapter": lambda row: row.adapter_bytes,
}
"""What the table can be sorted by."""


def ordered(rows: Sequence[SweepRow], by: str, *, falling: bool = False) -> list[SweepRow]:
    """The rows sorted by one of SORTS, equals as planned; what is not known comes last either way."""
    value = SORTS[by]
    known = [row for row in rows if value(row) is not None]
    known.sort(key=lambda row: value(row) or 0.0, reverse=falling)
    return known + [row for row in rows if value(row) is None]
