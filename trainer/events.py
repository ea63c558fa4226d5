"""events.jsonl: what the trainer says about itself, one JSON object a line. This module is the format.

Every line is `{"v": 1, "t": <Unix seconds>, "kind": …}`; readers skip kinds and fields that they do not know.

| kind | fields |
|---|---|
| start | run_id, job_id, restart, step, total_steps, resumed_from, world_size, host, gpu_names, config_digest, |
|       | versions, trainable_parameters, total_parameters, logging_steps, save_steps, eval_steps, n_train, n_eval, |
|       | deadline, use_the_time |
| log | step, epoch, loss, lr, grad_norm, tokens, peak_memory_bytes, gpu_utilization; nonfinite: names of what was |
|     | NaN or infinite; budget: share of it that is used, in a run that uses the time it has |
| eval_begin, eval_end | step; seconds, metrics |
| save_begin, save_end | step; path, bytes, seconds |
| signal | step, signal (USR1, TERM or deadline), received |
| end | step, reason (finished, saved-and-stopped, failed), message, metrics |
| chain | step, job_id, action (requeue, stop), link, max_jobs, message, counts (1, 0, or -1 to take one back) |
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Any, Final

from trainer.problem import Problem

VERSION: Final = 1
KINDS: Final = frozenset(
    {*("start", "log", "eval_begin", "eval_end", "save_begin", "save_end", "signal", "end", "chain")}
)
_TRY_EVERY_S: Final = 1.0


class EventWriter:
    """Appends events; at most one writer a file.

    Each event is one `write` to a file that is open for appending, so a line is never torn, and is there for readers
    as soon as the call returns. The file stays locked (flock) until `close` or the end of the process; a second
    trainer, for example the old one of a requeued job, is refused. Where the file system knows no locks, only the
    first of the two protections holds.
    """

    def __init__(self, path: Path, wait_s: float = 0.0) -> None:
        """Opens `path`, making it if needed.

        Args:
            wait_s: seconds to wait for another writer to go away (a dead node's lock takes a while to expire).

        Raises: Problem if another writer still holds the file, or it cannot be written.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            self._lock(wait_s)
            self._end_torn_line()
        except OSError as exc:
            raise Problem(f"{path} cannot be written: {exc.strerror}", "Check its folder, quota and disk.") from exc

    def _lock(self, wait_s: float) -> None:
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    os.close(self._file)
                    raise Problem(
                        f"another trainer is writing to {self.path.parent}",
                        "Cancel it first, or wait until it has ended.",
                    ) from None
                Event().wait(_TRY_EVERY_S)
            except OSError:  # a file system without locks
                return
            else:
                return

    def _end_torn_line(self) -> None:
        """A node that lost power may have left half a line: what follows begins on a line of its own."""
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")

    def write(self, kind: str, **fields: object) -> None:
        """Appends one event. NaN and infinities become null. Raises Problem if the disk takes no more."""
        event = {"v": VERSION, "t": round(time.time(), 3), "kind": kind, **fields}
        line = json.dumps(strict(event), allow_nan=False, ensure_ascii=False, default=str) + "\n"
        try:
            os.write(self._file, line.encode("utf-8", "replace"))
        except OSError as exc:
            raise Problem(f"{self.path} cannot be written: {exc.strerror}", "Free disk space or quota.") from exc

    def close(self) -> None:
        os.close(self._file)


def strict(value: object) -> object:
    """`value` with every float that JSON cannot say replaced by None, at any depth."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    return value


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """The events in `path`, oldest first; none if there is no such file. Lines that are no events are skipped."""
    try:
        text = path.read_bytes()
    except OSError:
        return
    for line in text.split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("v") == VERSION and "kind" in event:
            yield event
