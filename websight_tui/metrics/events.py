"""The trainer's own account of itself, events.jsonl, read as it grows.

One object a line, `{"v": 1, "t": <Unix s>, "kind": …}`. Each `start` opens a segment; whatever follows belongs to it.
Kinds and fields that this version does not know are skipped, damaged lines are counted and skipped, and no text out
of the file is kept without being made safe to show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from websight_tui.metrics.lines import LineSplitter, is_nonfinite, json_object, number, whole
from websight_tui.metrics.model import Checkpoint, Evaluation, NonFinite, Segment, TrainingLog
from websight_tui.metrics.terminal_text import plain

KINDS: Final = ("start", "log", "eval_begin", "eval_end", "save_begin", "save_end", "signal", "end")
_MOST_METRICS: Final = 200
_MOST_NONFINITE: Final = 10_000


class EventsReader:
    """Reads events.jsonl piece by piece into one run; `log` only grows."""

    def __init__(self) -> None:
        self.log = TrainingLog(source="events")
        self._lines = LineSplitter()
        self._damaged = 0
        self._remarks: dict[str, int] = {}

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the file; half lines wait for the rest."""
        self._take(self._lines.feed(data))

    def finish(self) -> None:
        """Takes a last line without newline. Feeding may go on afterwards."""
        self._take(self._lines.finish())

    def _take(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            if not line.strip():
                continue
            event = json_object(line)
            if event is None or not isinstance(event.get("kind"), str):
                self._count("damaged lines skipped")
                continue
            self._event(event["kind"], event)
        if self._lines.overlong > self._remarks.get("endless lines skipped", 0):
            self._count("endless lines skipped", self._lines.overlong)

    def _event(self, kind: str, event: Mapping[str, Any]) -> None:
        if kind not in KINDS:
            return
        t = number(event.get("t"))
        if kind == "start":
            self._start(event, t)
            self.log.version += 1
            return
        segment = self.log.last
        if segment is None:
            segment = self._open(Segment(started_at=t))
            self._count("segments whose start was not recorded")
        step = whole(event.get("step"))
        match kind:
            case "eval_begin":
                segment.eval_begun_at = t
            case "save_begin":
                segment.save_begun_at = t
            case "signal":
                segment.stop_requested_at = t
                segment.meta["signal"] = _safe(event.get("signal"))
            case "end":
                self._end(segment, t, event)
            case _ if step is None:
                self._count("damaged lines skipped")
            case "log":
                self._log(segment, step, t, event)
            case "eval_end":
                self._eval_end(segment, step, t, event)
            case "save_end":
                self._save_end(segment, step, t, event)
        self.log.version += 1

    def _start(self, event: Mapping[str, Any], t: float | None) -> None:
        known = ("v", "t", "kind", "job_id", "step", "total_steps")
        meta = {plain(k, 80): _safe(v) for k, v in list(event.items())[:_MOST_METRICS] if k not in known}
        job = event.get("job_id")
        self._open(
            Segment(
                start_step=whole(event.get("step")) or 0,
                total_steps=whole(event.get("total_steps")) or 0,
                started_at=t,
                job_id=plain(str(job), 80) if isinstance(job, (str, int)) else "",
                meta=meta,
            )
        )

    def _open(self, segment: Segment) -> Segment:
        self.log.segments.append(segment)
        return segment

    def _log(self, segment: Segment, step: int, t: float | None, event: Mapping[str, Any]) -> None:
        named = event.get("nonfinite")
        bad = [plain(n, 80) for n in named[:20] if isinstance(n, str)] if isinstance(named, list) else []
        bad += [n for n in ("loss", "grad_norm") if is_nonfinite(event.get(n)) and n not in bad]
        if bad and len(segment.nonfinite) < _MOST_NONFINITE:
            segment.nonfinite.append(NonFinite(step, tuple(bad)))
        if len(segment.columns) and step < segment.last_step:
            self._count("lines whose step went back skipped")
            return
        if segment.started_at is None:
            segment.started_at = t
        segment.columns.append(
            step=float(step),
            t=t,
            elapsed=_since(segment, t),
            epoch=number(event.get("epoch")),
            loss=number(event.get("loss")),
            lr=number(event.get("lr")),
            grad_norm=number(event.get("grad_norm")),
            tokens=number(event.get("tokens")),
            memory=number(event.get("peak_memory_bytes")),
            utilization=number(event.get("gpu_utilization")),
        )

    def _eval_end(self, segment: Segment, step: int, t: float | None, event: Mapping[str, Any]) -> None:
        metrics = _metrics(event.get("metrics"))
        loss = dict(metrics).get("eval_loss", dict(metrics).get("loss"))
        took = _took(event, segment.eval_begun_at, t)
        segment.evaluations.append(Evaluation(step, t, _since(segment, t), took, loss, metrics))
        segment.eval_begun_at = None

    def _save_end(self, segment: Segment, step: int, t: float | None, event: Mapping[str, Any]) -> None:
        path = event.get("path")
        segment.checkpoints.append(
            Checkpoint(
                step,
                plain(path, 1000) if isinstance(path, str) else "",
                t,
                _since(segment, t),
                _took(event, segment.save_begun_at, t),
                whole(event.get("bytes")),
            )
        )
        segment.save_begun_at = None

    def _end(self, segment: Segment, t: float | None, event: Mapping[str, Any]) -> None:
        reason = event.get("reason")
        segment.end = plain(reason, 80) if isinstance(reason, str) and reason else "failed"
        segment.ended_at = t
        segment.eval_begun_at = segment.save_begun_at = None
        segment.meta["end_step"] = whole(event.get("step"))
        segment.meta["end_message"] = _safe(event.get("message") or "")
        segment.meta["final_metrics"] = dict(_metrics(event.get("metrics")))

    def _count(self, what: str, count: int | None = None) -> None:
        self._remarks[what] = self._remarks.get(what, 0) + 1 if count is None else count
        self.log.notes[:] = [f"{n} {text}" for text, n in self._remarks.items()]
        self.log.version += 1


def _since(segment: Segment, t: float | None) -> float | None:
    return max(0.0, t - segment.started_at) if t is not None and segment.started_at is not None else None


def _took(event: Mapping[str, Any], begun: float | None, t: float | None) -> float | None:
    said = number(event.get("seconds"))
    if said is not None and said >= 0:
        return said
    return max(0.0, t - begun) if t is not None and begun is not None else None


def _metrics(value: object) -> tuple[tuple[str, float], ...]:
    if not isinstance(value, dict):
        return ()
    pairs = ((plain(str(k), 80), number(v)) for k, v in list(value.items())[:_MOST_METRICS])
    return tuple((k, v) for k, v in pairs if v is not None)


def _safe(value: object, depth: int = 3) -> Any:
    """A JSON value with all text made safe to show and all sizes bounded."""
    if isinstance(value, str):
        return plain(value, 1000)
    if isinstance(value, dict):
        return {plain(str(k), 80): _safe(v, depth - 1) for k, v in list(value.items())[:_MOST_METRICS]} if depth else {}
    if isinstance(value, list):
        return [_safe(v, depth - 1) for v in value[:_MOST_METRICS]] if depth else []
    return number(value) if isinstance(value, float) else value


def read_events(data: bytes) -> list[TrainingLog]:
    """The run that a whole events.jsonl tells of; empty if it holds no event."""
    reader = EventsReader()
    reader.feed(data)
    reader.finish()
    return [reader.log] if reader.log.segments else []
