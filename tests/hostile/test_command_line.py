"""Every command against the hostile cluster, for people and as JSON: text, and nothing that a terminal would do."""

from __future__ import annotations

import json
import os
import re
import signal

import pytest

from tests.hostile.cluster import PASSWORD, events, output
from tests.hostile.conftest import Laptop
from tests.hostile.payloads import EVIL, harm
from websight_tui.cli.output import print_json, say

pytestmark = [pytest.mark.xdist_group("hostile"), pytest.mark.timeout(180)]

COMMANDS = (
    "status",
    "status RUN --json",
    "logs RUN -n 40 --json",
    "logs RUN -n 40 --stderr",
    "clusters evil",
    "doctor evil",
    "doctor evil --json",
    "cancel RUN --yes",
    "resume RUN --json",
)
SHOWN = {"logs": "SHOWN", "clusters": "VERSIONSHOWN", "doctor": "SHOWN"}


def as_text(written: bytes) -> bytes:
    """What a terminal got, without the styles and the one moving line that Rich draws."""
    return re.sub(rb"\x1b\[(?:\d{0,3}(?:;\d{1,3}){0,9}m|\?25[lh]|2K|1A)", b"", written)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command(laptop: Laptop, line: str) -> None:
    words = line.replace("RUN", laptop.run_id).split()
    terminal = laptop.open(*words)
    try:
        terminal.wait_for("PROMPTSHOWN")
        asked = len(terminal.written)
        terminal.press(PASSWORD + "\n")
        status = terminal.end(seconds=90)
    finally:
        terminal.close()
    assert status in (0, 1), bytes(terminal.written)
    assert not harm(as_text(bytes(terminal.written)), terminal=False)
    said = as_text(bytes(terminal.written[asked:])).decode().replace("\r", "\n")
    assert "Traceback" not in said
    assert SHOWN.get(words[0], "") in said
    if "--json" in words:
        lines = [line for line in said.splitlines() if line.startswith("{")]
        assert lines
        for line in lines:
            json.loads(line)


def test_watch_until_it_is_interrupted(laptop: Laptop) -> None:
    terminal = laptop.open("watch", laptop.run_id)
    try:
        terminal.wait_for("PROMPTSHOWN")
        terminal.press(PASSWORD + "\n")
        terminal.wait_for("4242")
        terminal.read(1)
        os.kill(terminal.process.pid, signal.SIGINT)
        assert terminal.end() == 130
    finally:
        terminal.close()
    assert not harm(as_text(bytes(terminal.written)), terminal=False)


def test_a_refusal_is_said_in_plain_words(laptop: Laptop) -> None:
    (laptop.cluster.home / "refuse").touch()
    try:
        status, written = laptop.command("submit", "tiny", "--cluster", "evil")
    finally:
        (laptop.cluster.home / "refuse").unlink()
    assert status == 1
    assert b"REFUSALSHOWN" in written
    assert not harm(as_text(written), terminal=False)


FILES = (("events.jsonl", "people"), ("trainer_log.jsonl", "people"), ("job.out", "people"), ("events.jsonl", "json"))


@pytest.mark.parametrize(("name", "form"), FILES)
def test_project_reads_hostile_files(laptop: Laptop, name: str, form: str) -> None:
    """File names are remote text too: whoever fetched them did not choose them."""
    folder = laptop.folder / f"files\x1b]2;EVIL\x07\u202e[bold]{name}-{form}"
    folder.mkdir()
    log = b'{"current_steps": 10, "total_steps": 900, "loss": 1e999, "elapsed_time": "' + EVIL.encode() + b'"}\n'
    log += b'{"current_steps": 20, "total_steps": 900, "loss": 1.0, "elapsed_time": "0:00:20"}\n' * 3
    content = {"events.jsonl": events(), "trainer_log.jsonl": log, "job.out": output("X")}[name]
    (folder / name).write_bytes(content)
    more = ("--json",) if form == "json" else ()
    missing = str(folder / "missing\x1b[31337m")
    status, written = laptop.command("project", str(folder / name), missing, "--limit", "8:00:00", *more, login=False)
    assert status in (1, 4)
    assert b"missing" in written
    assert not harm(as_text(written), terminal=False)


def test_what_is_said_is_shown_and_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b[2Jb\x9b\u202e\x00\r\ud800\tüλ–👍\n")
    said = capsys.readouterr().out
    assert said == "a\\x1b[2Jb\\x9b\\u202e\\x00\\r\\ud800\tüλ–👍\n\n"
    print_json({"x": EVIL, "\x7f": "\U000e0001\ud800ü"})
    said = capsys.readouterr().out
    assert not harm(said.encode(), terminal=False)
    assert "ü" in said
    assert json.loads(said) == {"x": EVIL, "\x7f": "\U000e0001\ud800ü"}
