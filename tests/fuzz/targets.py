"""Everything that reads bytes which nobody has checked, as functions that raise only where something is wrong.

A target takes any bytes. It checks what its reader promises: no exception but the named ones, text that is safe to
show, finite numbers, bounded sizes, the same answer however the bytes are cut. `tests/fuzz/test_targets.py` feeds them
from Hypothesis, `python -m tests.fuzz` from atheris.
"""

from __future__ import annotations

import contextlib
import json
import math
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from tests.hostile.payloads import harm
from websight_tui.config import parse_config
from websight_tui.errors import ConfigError, RemoteError, RemoteFileError, WebsightError
from websight_tui.metrics.death import findings
from websight_tui.metrics.detect import read_any
from websight_tui.metrics.events import EventsReader
from websight_tui.metrics.health import signs
from websight_tui.metrics.job_output import JobOutputReader
from websight_tui.metrics.lines import json_object
from websight_tui.metrics.model import TrainingLog
from websight_tui.metrics.terminal_text import MAX_COLUMNS, TerminalText, plain
from websight_tui.metrics.trainer_log import TrainerLogReader
from websight_tui.metrics.trainer_state import read_trainer_state
from websight_tui.presets import BUILT_IN
from websight_tui.projection.finish import project
from websight_tui.projection.timeline import cut_log
from websight_tui.remote import sftp
from websight_tui.remote.framing import frame
from websight_tui.remote.known_hosts import find, judge
from websight_tui.remote.openssh_login import failure, host_key_in
from websight_tui.remote.port import ExecResult, FileChunk, ReadRequest
from websight_tui.remote.sftp import Sftp
from websight_tui.remote.ssh_auth import plain as login_words
from websight_tui.remote.ssh_config import parse_options, split_jump
from websight_tui.runs import measuring, preflight, serving
from websight_tui.runs.exploring import parse_folders
from websight_tui.runs.saved_work import beside, jobs
from websight_tui.runs.saved_work import checkpoints as saved
from websight_tui.runs.saved_work.tasks import Task
from websight_tui.runspec import RunSpec, from_json
from websight_tui.slurm_commands import failures, hostlist, job_counts, parse, site, words
from websight_tui.slurm_commands.commands import RECORD, SEPARATOR
from websight_tui.slurm_commands.model import Job
from websight_tui.slurm_commands.times import format_duration, parse_duration, parse_time
from websight_tui.words import showable

_MOST_FLOAT: Final = 1e18
"""Numbers beyond this would overflow where times are added or shown."""


def terminal_text(data: bytes) -> None:
    """A job's output as lines: safe, bounded, and the same in pieces."""
    whole, pieces = TerminalText(50), TerminalText(50)
    whole.feed(data)
    for start in range(0, len(data), 7):
        pieces.feed(data[start : start + 7])
    assert list(whole.lines) == list(pieces.lines)
    for line in whole.lines:
        assert len(line) <= MAX_COLUMNS
        _safe(line)


def short_texts(data: bytes) -> None:
    """One remote text on one line."""
    text = data.decode("utf-8", "surrogateescape")
    for shown in (plain(text), plain(text, 20), showable(text)):
        _safe(shown, lines="\n\t")
    assert len(plain(text, 20)) <= 20
    assert not set(login_words(data)) & set(map(chr, (*range(9), *range(11, 32), *range(127, 160))))
    json_object(data)


def events(data: bytes) -> None:
    _log_reader(EventsReader, data)


def trainer_log(data: bytes) -> None:
    _log_reader(TrainerLogReader, data)


def job_output(data: bytes) -> None:
    _log_reader(JobOutputReader, data)
    for finding in findings(data.decode("utf-8", "replace")):
        _safe(finding.message)
        _safe(finding.hint)


def any_log(data: bytes) -> None:
    """What `project` does with a file, trainer_state.json included."""
    for log in (*read_any(data, "x"), *read_trainer_state(data)):
        _judged(log)


def queue(data: bytes) -> None:
    """squeue's, sacct's and scontrol's answers."""
    text = data.decode("utf-8", "replace")
    shaped = RECORD + text.replace("|", SEPARATOR)
    jobs = [*parse.parse_queue(text), *parse.parse_queue(shaped), *parse.parse_accounting(text.replace("|", SEPARATOR))]
    for job in jobs:
        _job(job)
    for key, value in parse.parse_show_job(text).items():
        _safe(key)
        _safe(value)


def slurm_words(data: bytes) -> None:
    """The shorter answers of Slurm's commands, and its errors."""
    text = data.decode("utf-8", "replace")
    assert parse.parse_submitted(text).isascii()
    parse.parse_test_submit(text)
    parse.parse_receipt(text)
    _safe_all(field for row in parse.parse_partitions(RECORD + text.replace("|", SEPARATOR)) for field in row)
    _safe_all(word for pair in site.parse_configuration(text).items() for word in pair)
    _safe_all(row.account for row in site.parse_associations(text))
    _safe_all(site.parse_qos(text))
    _safe_all(row.name for row in site.parse_partition_settings(text))
    _safe(site.planned_start(text))
    assert 0 <= site.gpus_in(text) < 1 << 53
    site.version_number(text)
    for failed in (failures.submit_failure(1, text), failures.query_failure("squeue", 1, text)):
        _safe(failed.message)
        _safe(failed.hint)
    failures.no_accounting(text)
    for shown in (hostlist.expand(text), job_counts.parse(text.replace("|", SEPARATOR)), measuring.parse(text)):
        assert shown is not None
    parse_folders(text.replace("|", "\t"))
    for word in text.split()[:20]:
        seconds, moment = parse_duration(word), parse_time(word)
        assert seconds is None or 0 <= seconds < _MOST_FLOAT
        assert moment is None or abs(moment) < _MOST_FLOAT
        if seconds is not None:
            format_duration(seconds)
        words.reason_words(word)


def small_answers(data: bytes) -> None:
    """What the trainer and the programs that the app starts on a cluster say of themselves, as JSON or in words."""
    text = data.decode("utf-8", "replace")
    chunk = FileChunk(data, len(data), "")
    saved.look(_OneFile(chunk), _SPEC, [10])  # type: ignore[arg-type]
    with contextlib.suppress(RemoteFileError):
        jobs.see(_OneFile(chunk), "/x")  # type: ignore[arg-type]
    job = beside.trial(_SPEC, None, "picture", "prompt")
    seen = jobs.Seen(0, True, 0, None, "", data)
    shown = jobs.progressed(Task(job.kind, None), seen, job, "")
    _safe(shown.message)
    if shown.answer is not None:
        _safe(shown.answer.text)
    for stdout in (text, f"\n{preflight._MARK}\n{text}"):
        told = preflight._read(ExecResult(0, stdout, text), str)
        _safe_all(word for finding in told.findings for word in (finding.check, finding.message, finding.hint))
        assert told.tokens_per_row is None or math.isfinite(told.tokens_per_row)
    with contextlib.suppress(serving.DidNotStart):
        serving._answer(ExecResult(0, f"leashed: {text}", text))


def file_service(data: bytes) -> None:
    """A hostile SFTP server: only our errors come of it, in bounded memory."""
    hello = b"\x00\x00\x00\x05\x02\x00\x00\x00\x03"
    for begin in (b"", hello):
        stream = _Bytes(begin + data)
        try:
            session = Sftp(stream, 1.0, "there")
            session.batch([sftp.open_request("/x", sftp.FOR_READING), (sftp.STAT, sftp.text("/x"))])
            session.batch([sftp.read_request(b"h", 0, 100)])
        except RemoteError:
            continue


def login_texts(data: bytes) -> None:
    """What the SSH client, known_hosts and ssh -G tell."""
    text = data.decode("utf-8", "replace")
    framed = frame("true")
    framed.cut(data, data, 0)
    framed.cut(b"\n" + framed.begin + b"\n" + data + framed.end + b":" + data + b"\n", data, 0)
    _safe_all(plain(part) for part in (failure(text, "host", "host", None).message,))
    host_key_in(text)
    parse_options(text)
    with contextlib.suppress(WebsightError):
        split_jump(text)
    _KNOWN_HOSTS.write_bytes(data)
    judge(find([_KNOWN_HOSTS], "host"), "ssh-ed25519", "AAAA")


def own_files(data: bytes) -> None:
    """config.toml, and run.json out of the history."""
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(ConfigError):
        parse_config(text, Path("config.toml"))
    with contextlib.suppress(WebsightError):
        from_json(text)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    target.__name__: target
    for target in (
        terminal_text,
        short_texts,
        events,
        trainer_log,
        job_output,
        any_log,
        queue,
        slurm_words,
        small_answers,
        file_service,
        login_texts,
        own_files,
    )
}


def _log_reader(reader_of: Callable[[], Any], data: bytes) -> None:
    whole, pieces = reader_of(), reader_of()
    whole.feed(data)
    for start in range(0, len(data), 11):
        pieces.feed(data[start : start + 11])
    for reader in (whole, pieces):
        if hasattr(reader, "finish"):
            reader.finish()
    assert _told(whole.log) == _told(pieces.log)
    _judged(whole.log)


def _told(log: TrainingLog) -> object:
    return [(s.start_step, s.total_steps, s.end, list(map(repr, s.columns.step))) for s in log.segments], log.notes


def _judged(log: TrainingLog) -> None:
    """All that the app makes of a log: nothing raises, what is shown is safe and finite."""
    for now in (None, 1.7e9):
        for sign in signs(log, now):
            _safe(sign.message)
        told = project(log, limit_s=3600.0, now=now)
        _safe_all(told.reasons)
        for number in (told.total_s, told.finish_at, *(told.total_s_80 or ())):
            assert number is None or math.isfinite(number)
    cut_log(log, 0.5)
    _safe_all(log.notes)
    for segment in log.segments:
        _safe_all((segment.end, segment.job_id, *(point.path for point in segment.checkpoints)))
        _safe_all(name for evaluation in segment.evaluations for name, _ in evaluation.metrics)
        for column in (segment.columns.loss, segment.columns.lr, segment.columns.grad_norm):
            assert all(math.isfinite(value) or math.isnan(value) for value in column)
        for text in _texts(segment.meta):
            _safe(text)


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(key)
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)


def _job(job: Job) -> None:
    _safe_all(getattr(job, name) for name in ("name", "reason", "comment", "partition", "account", "node_list", "gres"))
    _safe_all((job.work_dir, job.dependency, job.exit_code, job.user, job.job_id, words.state_words(job)))
    for number in (job.submit_time, job.start_time, job.end_time, job.time_limit_s, job.elapsed_s, job.nodes):
        assert number is None or abs(number) < _MOST_FLOAT
    json.dumps([job.name, job.reason]).encode()


def _safe_all(texts: Iterable[str]) -> None:
    for text in texts:
        _safe(text)


def _safe(text: str, lines: str = "\t") -> None:
    """That a terminal shows `text` and does nothing."""
    for allowed in lines:
        text = text.replace(allowed, " ")
    found = harm(text.encode("utf-8", "strict"), terminal=False)
    assert not found, found
    assert "\n" not in text
    assert "\r" not in text


class _OneFile:
    """A transport for which every file holds the same."""

    def __init__(self, chunk: FileChunk) -> None:
        self._chunk = chunk

    def read_many(self, requests: Sequence[ReadRequest]) -> list[FileChunk | None]:
        return [self._chunk] * len(requests)


_SPEC: Final = RunSpec("tiny-1", "wst-0123456789ab", 0.0, "there", BUILT_IN[-1], "/w", "abc")


class _Bytes:
    """A stream that gives what it was given."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def send(self, data: bytes, seconds: float) -> None:
        pass

    def recv(self, limit: int, seconds: float) -> bytes:
        taken, self._data = self._data[:limit], self._data[limit:]
        return taken

    def close(self) -> None:
        pass


_FOLDER: Final = tempfile.TemporaryDirectory(prefix="fuzz-")
_KNOWN_HOSTS: Final = Path(_FOLDER.name) / "known_hosts"
