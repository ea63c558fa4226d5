"""Where a job of others keeps its metrics beside its output, and reading them while it runs.

LLaMA-Factory appends to OUTPUT_DIR/trainer_log.jsonl, which is followed once it is found. Every Hugging Face trainer
writes checkpoint-N/trainer_state.json with each checkpoint; the newest is read whole, and the times of the checkpoints
are its clock. The output folder is taken from the job's script, from its output ("Saving model checkpoint to …"), else
looked for once below its working folder. docs/load.md says how often.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from websight_tui.errors import RemoteFileError, RemoteTimeout
from websight_tui.metrics.model import TrainingLog
from websight_tui.metrics.trainer_log import TrainerLogReader
from websight_tui.metrics.trainer_state import read_trainer_state, timed
from websight_tui.remote.port import ReadRequest, Transport
from websight_tui.runs.track import Found, RunTrack, Search

LOG: Final = "trainer_log.jsonl"
STATE: Final = "trainer_state.json"
EVERY_S: Final = 60.0
"""Seconds between two looks into a known output folder."""
_SEARCH_S: Final = 8
_DEPTH: Final = 6
_MOST_PAUSE_S: Final = 1800.0
"""Between two searches below the working folder, which begin with EVERY_S and are three times as rare each time."""
_MOST_STATE: Final = 64 << 20
_PIECE: Final = 4 << 20
_SCRIPT: Final = 64 * 1024
_FOLDER: Final = re.compile(r"""\boutput_dir\b["']?[\s=:]+["']?([^\s"'\\,;#)]+)""")
_SETTINGS: Final = re.compile(r"""[^\s"'=]+\.(?:ya?ml|json)\b""")
_FIGURE: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
_ODD: Final = r"""for p; do [ ! -e "$p" ] || [ -f "$p" ] || printf '%s\0' "$p"; done"""
_CHECKPOINT: Final = re.compile(r"checkpoint-(\d{1,12})")


class WholeLog:
    """A training log that was read at once; a newer file makes a new one."""

    def __init__(self, log: TrainingLog) -> None:
        self.log = log

    def feed(self, data: bytes) -> None:
        """Nothing follows."""


def look(track: RunTrack, transport: Transport, now: float) -> None:
    """Looks for newer metrics of the job of `track`, if it is a foreign one and it is time to, and takes them into it.

    Raises: RemoteFileError, ConnectionLost.
    """
    if track.foreign is None:
        return
    with track.lock:
        job, search, told = track.job, track.foreign.search, track.foreign.reader.log
        followed = isinstance(track.reader, TrainerLogReader)
        if followed or job is None or job.start_time is None or job.state == "PENDING" or now < search.next_at:
            return
    since, work_dir = job.start_time, job.work_dir
    folder = search.folder or _saving_to(told, work_dir)
    found: list[Found] = []
    try:
        found = _find(folder, 2, transport) if folder else []
        if now >= search.wide_at and not any(file.at >= since for file in found):
            search.wide_at = now + min(_MOST_PAUSE_S, EVERY_S * 3**search.misses)
            search.misses += 1
            if wide := _find(work_dir, _DEPTH, transport, since):
                folder = _output_folder(max(wide).path)
                found = _find(folder, 2, transport)
    except RemoteTimeout:
        pass  # a slow file system: later again
    search.folder = folder
    search.next_at = now + EVERY_S if folder else search.wide_at
    if logs := [file for file in found if file.path.endswith(LOG) and file.at >= since]:
        with track.lock:
            track.read_log_from(max(logs).path, TrainerLogReader())
        return
    states = [file for file in found if file.path.endswith(STATE)]
    if states and max(states).at >= since:
        _read(track, search, states, since, transport)


def _read(track: RunTrack, search: Search, states: Sequence[Found], since: float, transport: Transport) -> None:
    """Takes the newest state into the track, if it is not there yet."""
    newest, before = max(states), [0]
    for file in states:
        name = _CHECKPOINT.fullmatch(PurePosixPath(file.path).parent.name)
        if name and file.at >= since:
            search.saves[int(name[1])] = (file.at, str(PurePosixPath(file.path).parent))
        elif name:
            before.append(int(name[1]))
    if newest == search.read:
        return
    data = _whole(newest, transport)
    logs = read_trainer_state(data) if data is not None else []
    if not logs:
        return  # half written: it is there at the next look
    search.read = newest
    timed(logs[-1], since, search.saves, resumed_from=max(before))
    with track.lock:
        track.reader = WholeLog(logs[-1])


def stated_folder(command: str, work_dir: str, transport: Transport) -> str:
    """The output_dir that a job's script, or a YAML or JSON file that it names, states; "" if none does.

    Shell variables are not resolved: such a folder is not known.

    Raises: ConnectionLost.
    """
    scripts = [path for path in dict.fromkeys((command, command.partition(" ")[0])) if path.startswith("/")]
    try:
        text = "".join(_texts(scripts, transport)[:1])
        if not (found := _plain_folder(text)):
            named = [_absolute(name, work_dir) for name in dict.fromkeys(_SETTINGS.findall(text))]
            settings = [path for path in named if path and "$" not in path][:8]
            found = next(filter(None, map(_plain_folder, _texts(settings, transport))), "")
    except (RemoteFileError, RemoteTimeout):
        return ""  # a script that may not be read
    return _absolute(found, work_dir)


def unreadable(paths: Sequence[str], transport: Transport) -> frozenset[str]:
    """Those of `paths` that are pipes, devices or folders, at which a reader would wait for ever.

    Raises: RemoteTimeout, ConnectionLost.
    """
    if not paths:
        return frozenset()
    told = transport.exec(shlex.join(("sh", "-c", _ODD, "sh", *paths)), timeout=_SEARCH_S + 10).stdout
    return frozenset(told.split("\0"))


def _texts(paths: list[str], transport: Transport) -> list[str]:
    odd = unreadable(paths, transport)
    requests = [ReadRequest(path, 0, _SCRIPT) for path in paths if path not in odd]
    chunks = transport.read_many(requests) if requests else []
    return [chunk.data.decode("utf-8", "replace") for chunk in chunks if chunk is not None]


def _plain_folder(text: str) -> str:
    stated = (match[1] for match in _FOLDER.finditer(text))
    return next((folder for folder in stated if not re.search(r"[$`*?{}<>]|^~[^/]", folder)), "")


def _absolute(path: str, work_dir: str) -> str:
    """`path` as seen from the working folder; "" if there is none, or where it is the whole of a file system."""
    if not path or path.startswith("~"):
        return ""
    whole = str(PurePosixPath(work_dir, path))
    return whole if _deep(whole) else ""


def _deep(folder: str) -> bool:
    """Never through a whole file system."""
    return folder.startswith("/") and len(PurePosixPath(folder).parts) >= 3


def _saving_to(told: TrainingLog, work_dir: str) -> str:
    """The output folder by the checkpoints that the job's output tells of."""
    paths = [checkpoint.path for segment in told.segments for checkpoint in segment.checkpoints if checkpoint.path]
    return _absolute(str(PurePosixPath(paths[-1]).parent), work_dir) if paths else ""


def _output_folder(state_path: str) -> str:
    parent = PurePosixPath(state_path).parent
    return str(parent.parent if _CHECKPOINT.fullmatch(parent.name) else parent)


def _find(folder: str, depth: int, transport: Transport, since: float | None = None) -> list[Found]:
    """The metrics files below `folder`, those older than `since` (Unix s) left out."""
    if not _deep(folder):
        return []
    names = ["-type", "f", "(", "-name", LOG, "-o", "-name", STATE, ")"]
    newer = ["-newermt", f"@{int(since)}"] if since is not None else []
    words = ["timeout", str(_SEARCH_S), "find", folder, "-maxdepth", str(depth), *names, *newer]
    answer = transport.exec(shlex.join([*words, "-printf", r"%T@ %s %p\0"]), timeout=_SEARCH_S + 10)
    rows = (row.split(" ", 2) for row in answer.stdout.split("\0"))
    return [
        Found(float(at), int(float(size)), path)
        for at, size, path in (row for row in rows if len(row) == 3)
        if _FIGURE.fullmatch(at) and _FIGURE.fullmatch(size) and path.startswith("/")
    ]


def _whole(file: Found, transport: Transport) -> bytes | None:
    """A file's content; None if it is too large or went away."""
    if file.size > _MOST_STATE:
        return None
    data = b""
    while len(data) < file.size:
        try:
            chunk = transport.read(file.path, len(data), min(_PIECE, file.size - len(data)))
        except RemoteFileError:
            return None
        if chunk is None or not chunk.data:
            return None
        data += chunk.data
    return data
