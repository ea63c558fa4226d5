"""Which format a file is in, by what it holds; its name only breaks ties."""

from __future__ import annotations

import re
from typing import Final

from websight_tui.metrics.events import read_events
from websight_tui.metrics.job_output import read_job_output
from websight_tui.metrics.lines import json_object
from websight_tui.metrics.model import TrainingLog
from websight_tui.metrics.trainer_log import read_trainer_log
from websight_tui.metrics.trainer_state import read_trainer_state

_HEAD: Final = 1 << 16
_STATE: Final = re.compile(rb'"(?:log_history|global_step|max_steps|best_metric)"\s*:')


def detect(data: bytes, name: str = "") -> str:
    """The format: "events", "trainer_log", "trainer_state" or "job_output".

    Args:
        data: the file, or its first 64 KiB and more.
        name: its name, for a file whose first lines say nothing.
    """
    head = data[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n\x00")
    votes = {"events": 0, "trainer_log": 0}
    for line in head.splitlines()[:50]:
        value = json_object(line)
        if value is None:
            continue
        votes["events"] += isinstance(value.get("kind"), str)
        votes["trainer_log"] += "current_steps" in value
    if any(votes.values()):
        return max(votes, key=lambda kind: votes[kind])
    if head.startswith(b"{") and (_STATE.search(data, 0, _HEAD) or _STATE.search(data, max(0, len(data) - _HEAD))):
        return "trainer_state"
    base = name.replace("\\", "/").rpartition("/")[2]
    for kind, part in (("events", "events.jsonl"), ("trainer_log", "trainer_log"), ("trainer_state", "trainer_state")):
        if part in base and head.startswith(b"{"):
            return kind
    return "job_output"


def read_any(data: bytes, name: str = "") -> list[TrainingLog]:
    """Every run that a file holds, whatever its format, oldest first; empty if it tells of no training."""
    match detect(data, name):
        case "events":
            return read_events(data)
        case "trainer_log":
            return read_trainer_log(data)
        case "trainer_state":
            return read_trainer_state(data)
        case _:
            return read_job_output(data)
