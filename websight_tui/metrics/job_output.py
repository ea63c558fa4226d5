"""Training progress out of a job's raw output: Hugging Face's dicts, progress bars and the trainer's headings.

The pieces come from two streams that are written by different buffers and may be in one file or in two: progress
bars say step and elapsed time, dict lines say loss, learning rate and epoch but no step. A bar makes a point; a dict
fills the point of its step. Its step is the bar's before it where the epoch agrees, else it is counted from the
epochs and the logging interval; then the first steps settle only as more lines come.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from websight_tui.metrics.lines import is_nonfinite, number, seconds, whole
from websight_tui.metrics.model import TrainingLog
from websight_tui.metrics.output_run import OutputRun
from websight_tui.metrics.terminal_text import plain

_KEEP: Final = 1 << 16
_FEW_STEPS: Final = 20
"""Steps that a bar may leave out between two redraws."""
_PIECE: Final = 1 << 20

_BAR: Final = re.compile(
    r"%\|[^|\r\n]{0,400}\|[ \t]{0,8}(?P<step>\d{1,12})/(?P<total>\d{1,12}) \[(?P<elapsed>\d[\d:]{0,12})<"
)
_DICT: Final = re.compile(r"\{(?P<dict>[\"'][A-Za-z][^{}\r\n]{0,8000})\}")
_COUNT: Final = re.compile(r"(?P<heading>[A-Z][^=\r\n]{0,120}?) = (?P<count>[\d,]{1,24})")
# Texts that are searched for as they are, which is many times faster than one expression for all.
_MARKED: Final = (
    ("***** Running ", re.compile(r"\*{5} Running (?P<running>[A-Za-z]{1,20})")),
    ("Continuing training from global step ", re.compile(r".{37}(?P<resumed>\d{1,12})")),
    ("Training completed. Do not forget", re.compile(r"(?P<completed>.)")),
    ("Saving model checkpoint to ", re.compile(r".{27}(?P<saved>[^\r\n]{1,1000})")),
    ("Num examples = ", _COUNT),
    ("Num Epochs = ", _COUNT),
    ("Instantaneous batch size per device = ", _COUNT),
    ("Total train batch size (", _COUNT),
    ("Gradient Accumulation steps = ", _COUNT),
    ("Total optimization steps = ", _COUNT),
    ("Number of trainable parameters = ", _COUNT),
)
_PAIR: Final = re.compile(r"[\"']([\w/.@-]{1,80})[\"']\s{0,4}:\s{0,4}[\"']?([^,\"'}]{1,40})")
_STAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[,.]\d{1,6})?\]?[^\r\n]{0,60}$")
_ESCAPE: Final = re.compile(r"\x1b\[[0-9;?]{0,32}[ -/]{0,4}[@-~]")
_PERCENT: Final = re.compile(r"(?:\s{0,8}\[?[\w,<>-]{0,24}\]?:)?\s*\d{1,3}")
_CHECKPOINT: Final = re.compile(r"checkpoint-(\d{1,12})\s*$")
_HEADINGS: Final = {
    "Num examples": "n_train",
    "Num Epochs": "epochs",
    "Instantaneous batch size per device": "per_device_train_batch_size",
    "Gradient Accumulation steps": "gradient_accumulation_steps",
    "Total optimization steps": "total_steps",
    "Number of trainable parameters": "trainable_parameters",
}


class JobOutputReader:
    """Reads a job's output piece by piece. `logs` holds every run found, oldest first; `log` is the newest.

    Where stdout and stderr are files of their own, feed both to one reader and name the stream.
    """

    def __init__(self) -> None:
        self.logs: list[TrainingLog] = [TrainingLog(source="job_output")]
        self._streams: dict[str, _Stream] = {}
        self._run: OutputRun | None = None
        self._heading: dict[str, int] = {}
        self._resumed: int | None = None
        self._begun: datetime | None = None
        self._other_pass = False
        self._new_training = False
        self._empty = 0  # the total of a bar at step 0 that no other has followed yet

    @property
    def log(self) -> TrainingLog:
        """The run that began last."""
        return self.logs[-1]

    def feed(self, data: bytes, stream: str = "out") -> None:
        """Takes the next bytes of one stream; what is not yet complete waits."""
        self._streams.setdefault(stream, _Stream()).feed(data, self._piece)

    def finish(self) -> None:
        """Takes a last line without its end. Feeding may go on afterwards."""
        for stream in self._streams.values():
            stream.finish(self._piece)
        if self._run is not None:
            self._run.settle()

    def _piece(self, text: str) -> None:
        for found in _findings(text):
            match found.lastgroup:
                case "elapsed":
                    if undescribed(text, found.start()):
                        self._bar(found)
                case "dict":
                    self._dict(text, found)
                case "running":
                    self._running(found["running"], _stamp(text, found.start()))
                case "count":
                    name = _HEADINGS.get(found["heading"], "total_train_batch_size")
                    count = whole(found["count"].replace(",", ""))
                    if count is not None and not self._other_pass:
                        self._heading[name] = count
                case "resumed":
                    self._resumed = whole(found["resumed"])
                case "completed" if self._run is not None:
                    self._run.completed()
                case "saved":
                    self._saved(plain(found["saved"], 1000))

    def _running(self, what: str, when: datetime | None) -> None:
        self._other_pass = what != "training"
        if not self._other_pass:
            self._new_training = self._new_training or self._run is not None
            self._heading, self._resumed, self._begun = {}, None, when

    def _bar(self, found: re.Match[str]) -> None:
        step, total = int(found["step"]), int(found["total"])
        elapsed = seconds(found["elapsed"])
        run = self._run
        if elapsed is None or total == 0 or step > total:
            return
        expected = self._heading.get("total_steps") or (run.segment.total_steps if run is not None else 0)
        if (expected and total != expected) or (not expected and self._other_pass):
            return
        if step == 0:
            self._empty = total
            return
        if self._other_pass and run is not None and step < run.segment.last_step:
            return
        if run is None or self._new_training or run.restarts(step, elapsed):
            run = self._open(total, step, elapsed)
        self._empty = 0
        run.bar(step, total, elapsed)

    def _dict(self, text: str, found: re.Match[str]) -> None:
        pairs = dict(_PAIR.findall(found["dict"]))
        epoch = number(pairs.get("epoch"))
        if epoch is None:
            return
        when = _stamp(text, found.start())
        values = {name: value for name, raw in pairs.items() if (value := number(raw)) is not None}
        bad = tuple(n for n in ("loss", "grad_norm", "eval_loss") if is_nonfinite(pairs.get(n)))
        if "train_runtime" in pairs:
            if self._run is not None:
                self._run.summary(values)
        elif "loss" in pairs:
            run = self._run
            if run is None or self._new_training:
                run = self._open(self._heading.get("total_steps", 0), None, None)
            run.logged(epoch, _digits(pairs["epoch"]), values, bad, self._since(when))
        elif any(name.startswith("eval_") for name in pairs) and self._run is not None:
            self._run.evaluated(epoch, _digits(pairs["epoch"]), values, bad, self._since(when))

    def _since(self, when: datetime | None) -> float | None:
        return (when - self._begun).total_seconds() if when is not None and self._begun is not None else None

    def _saved(self, path: str) -> None:
        numbered = _CHECKPOINT.search(path)
        if numbered and self._run is not None:
            self._run.saved(int(numbered[1]), path)

    def _open(self, total: int, step: int | None, elapsed: float | None) -> OutputRun:
        before = self._run
        start = self._resumed
        if start is None:
            jumps = step is not None and step > _FEW_STEPS and self._empty == total > 0
            start = (step or 1) - 1 if jumps else _jumped(step, elapsed, before)
        if before is not None:
            before.settle()
            if start == 0:
                self.logs.append(TrainingLog(source="job_output", version=self.log.version + 1))
        self._run = OutputRun(self.log, start, total, self._heading)
        self._new_training = False
        return self._run


class _Stream:
    """Decodes one stream and hands on pieces that end where a line or a redrawn bar ends."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes, take: Callable[[str], None]) -> None:
        for start in range(0, len(data), _PIECE):
            text = self._rest + self._decoder.decode(data[start : start + _PIECE])
            # a CR at the very end may be half of a line end
            cut = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1
            if cut == 0 and len(text) > _KEEP:
                cut = len(text)
            self._rest = text[cut:]
            if cut:
                take(text[:cut])

    def finish(self, take: Callable[[str], None]) -> None:
        rest, self._rest = self._rest, ""
        if rest:
            take(rest)


def _findings(text: str) -> list[re.Match[str]]:
    """Everything in the text that tells of the training, in its order."""
    found = [*_BAR.finditer(text), *_DICT.finditer(text)]
    for marker, pattern in _MARKED:
        position = text.find(marker)
        while position >= 0:
            match = pattern.match(text, position)
            if match is not None:
                found.append(match)
            position = text.find(marker, position + 1)
    found.sort(key=re.Match.start)
    return found


def undescribed(text: str, position: int) -> bool:
    """Whether the bar whose "%" is at `position` has no description: the trainer's bars have none."""
    low = max(0, position - 120)
    begin = max(text.rfind("\n", low, position), text.rfind("\r", low, position))
    if begin < 0 and low:
        return False
    head = text[begin + 1 if begin >= 0 else low : position]
    if "]" in head:  # another bar was written into the same line
        head = head[head.rfind("]") + 1 :]
    if "\x1b" in head:
        head = _ESCAPE.sub("", head)
    return _PERCENT.fullmatch(head) is not None


def _stamp(text: str, position: int) -> datetime | None:
    """The wall-clock time at the begin of the line (the cluster's zone, so good for differences only)."""
    found = _STAMP.search(text[max(0, position - 120) : position])
    if found is None:
        return None
    try:
        return datetime.fromisoformat(f"{found[1]} {found[2]}")
    except ValueError:
        return None


def _digits(text: str) -> float:
    """Half of the last digit's weight: how far the true value may be from the text's."""
    mantissa, _, exponent = text.strip().lower().partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(number(exponent) or 0)
    return float(0.5 * 10.0 ** -min(max(decimals, 0), 12))


def _jumped(step: int | None, elapsed: float | None, before: OutputRun | None) -> int:
    """The step that a bar without a heading began at: a bar's first step of hundreds was not trained in seconds."""
    if step is None or elapsed is None or step <= _FEW_STEPS:
        return 0
    pace = before.pace if before is not None else None
    if elapsed > 0.3 * step * (pace if pace is not None else 1.0):
        return 0
    return step - 1


def read_job_output(data: bytes) -> list[TrainingLog]:
    """Every training run that a job's whole output tells of, oldest first; empty if there is none."""
    reader = JobOutputReader()
    reader.feed(data)
    reader.finish()
    return [log for log in reader.logs if log.segments]


def read_job_outputs(streams: Mapping[str, bytes]) -> list[TrainingLog]:
    """The same for a job whose streams are files of their own: {"out": …, "err": …}; the bars' stream first."""
    reader = JobOutputReader()
    for name in sorted(streams):
        reader.feed(streams[name], name)
    reader.finish()
    return [log for log in reader.logs if log.segments]
