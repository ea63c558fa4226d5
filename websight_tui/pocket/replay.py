"""`python -m websight_tui.pocket.replay … RUN_DIR`: plays a recorded run back where no trainer is installed.

It stands in the place of the trainer's Python and is called as that is: what is written, and when, comes from a real
run of the real trainer on the tiny model (recorded by docs/record_replay.py). Paths, times and ids are those of now;
every other word is as it was. It stops on Slurm's signals as the trainer does, and its end says that it was a replay.

The recording is JSON lines `{"at": seconds since the job began, "to": "events" | "out" | "err", "text": …}`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

RECORDING: Final = Path(__file__).with_name("recorded_run.jsonl")
RUN_DIR: Final = "@RUN_DIR@"
"""Stands in the recording where the run folder's path stood."""
STOPPED: Final = 85
NOTE: Final = "This is a replay of a recorded run: nothing is being trained here."


@dataclass(frozen=True, slots=True)
class Piece:
    """One write of the recorded run: `text` went to `to` `at` seconds after the job began."""

    at: float
    to: str
    text: str


def read_recording(path: Path = RECORDING) -> list[Piece]:
    """The recording's pieces in order. Raises OSError, ValueError if it is missing or damaged."""
    with path.open(encoding="utf-8") as lines:
        return [Piece(float(d["at"]), d["to"], d["text"]) for d in map(json.loads, lines)]


def event_now(text: str, *, shift: float, job_id: str, run_id: str) -> str:
    """A recorded event with the times and ids of this replay.

    Args:
        shift: seconds from the recorded run's begin to this one's.
    """
    event: dict[str, Any] = json.loads(text)
    event["t"] = round(event["t"] + shift, 3)
    if event["kind"] == "start":
        event |= {"job_id": job_id, "run_id": run_id, "replay": True, "host": "replay", "deadline": None}
    if event["kind"] == "end":
        event["message"] = NOTE
    return json.dumps(event) + "\n"


def play(
    pieces: Iterable[Piece],
    write: Callable[[str, str], None],
    wait: Callable[[float], bool],
    elapsed: Callable[[], float],
) -> bool:
    """Writes each piece when its time has come.

    Args:
        write: takes where to and the text.
        wait: waits up to so many seconds; True if the replay was told to stop.
        elapsed: seconds since the begin.

    Returns: whether it came to the end.
    """
    for piece in pieces:
        if wait(max(0.0, piece.at - elapsed())):
            return False
        write(piece.to, piece.text)
    return True


def main(argv: Sequence[str]) -> int:
    """Replays into the run folder that is the last of `argv`; other uses of a Python (-c …) succeed and do nothing.

    A pre-flight is answered with one finding that says what this is.
    """
    if "-m" not in argv:
        return 0
    if "preflight" in argv:
        said = {"level": "ok", "check": "replay", "message": "a recorded run is played back: nothing needs to be there"}
        sys.stdout.write(json.dumps({"ok": True, "findings": [said]}) + "\n")
        return 0
    run_dir = Path(argv[-1])
    stop = threading.Event()
    for number in (signal.SIGUSR1, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    pieces = read_recording()
    first = next(json.loads(piece.text) for piece in pieces if piece.to == "events")
    begin_of_recording = first["t"] - next(piece.at for piece in pieces if piece.to == "events")
    shift, clock = time.time() - begin_of_recording, time.monotonic()
    step = 0
    sys.stdout.write(NOTE + "\n")
    with (run_dir / "events.jsonl").open("a", encoding="utf-8") as events:

        def write(to: str, text: str) -> None:
            nonlocal step
            text = text.replace(RUN_DIR, str(run_dir))
            if to == "events":
                text = event_now(
                    text,
                    shift=shift,
                    job_id=os.environ.get("SLURM_JOB_ID", ""),
                    run_id=run_dir.name,
                )
                step = json.loads(text).get("step") or step
            stream = {"events": events, "out": sys.stdout, "err": sys.stderr}[to]
            stream.write(text)
            stream.flush()

        if play(pieces, write, stop.wait, lambda: time.monotonic() - clock):
            return 0
        end = {"v": 1, "t": time.time(), "kind": "end", "step": step, "reason": "saved-and-stopped", "message": NOTE}
        events.write(json.dumps(end | {"metrics": {}}) + "\n")
    return STOPPED


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
