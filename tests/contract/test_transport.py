"""What every transport promises (remote/port.py), on every way to a cluster."""

from __future__ import annotations

import shlex
import threading
import time
from pathlib import Path

import pytest

from tests.contract.conftest import Place
from tests.lab.client import LabPerson
from websight_tui.errors import ConnectionLost, RemoteFileError, RemoteTimeout
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import ReadRequest, Unattended
from websight_tui.runs.expression import expression
from websight_tui.runs.looking_through import Part, Wish, look_through


def test_the_login_asked_what_it_had_to(place: Place) -> None:
    assert place.transport.connected
    assert place.transport.may_prompt == bool(place.asks)
    if isinstance(place.prompter, LabPerson):
        assert tuple(text.rpartition(") ")[2] for text in place.prompter.asked) == place.asks


def test_output_is_the_commands_own(place: Place) -> None:
    result = place.transport.exec("printf 'a\\nb'; printf 'c' >&2; exit 7", timeout=20)
    assert (result.exit, result.stdout, result.stderr) == (7, "a\nb", "c")
    assert place.transport.exec("true", timeout=20).stdout == ""


@pytest.mark.parametrize(
    "text",
    [
        "it's",
        'a "b" $HOME `id` \\n \\0101 %s',
        "two\nlines\t!",
        "ünïcode — 漢字",
        "-n",
        "'; exit 3; '",
        "a && b | c > d",
    ],
)
def test_words_arrive_as_they_were(place: Place, text: str) -> None:
    result = place.transport.exec(shlex.join(["printf", "%s", text]), timeout=20)
    assert (result.exit, result.stdout) == (0, text)


def test_a_syntax_error_is_the_commands_own_failure(place: Place) -> None:
    result = place.transport.exec("if then (", timeout=20)
    assert result.exit != 0
    assert "yntax error" in result.stderr
    assert place.transport.exec("echo fine", timeout=20).stdout == "fine\n"


def test_a_signal_counts_as_in_a_shell(place: Place) -> None:
    assert place.transport.exec("kill -9 $$", timeout=20).exit == 137


def test_standard_input_arrives_whole(place: Place) -> None:
    data = bytes(range(256)) * 2000
    result = place.transport.exec("cksum; wc -c", timeout=20, stdin=data)
    assert f" {len(data)}" in result.stdout


def test_messages_are_in_english(place: Place) -> None:
    assert "No such file or directory" in place.transport.exec("ls /nowhere-at-all", timeout=20).stderr


def test_lines_are_heard_while_the_command_still_runs(place: Place) -> None:
    heard: list[tuple[float, str]] = []
    command = "echo one; sleep 0.6; printf 'two\\nend'"
    result = place.transport.exec(command, timeout=20, hear=lambda line: heard.append((time.monotonic(), line)))
    over = time.monotonic()
    assert [line for _, line in heard] == ["one", "two"]
    assert over - heard[0][0] > 0.5, "the first line came before the end"
    assert result.stdout == "one\ntwo\nend"


def test_a_timeout_says_so_and_the_line_stays(place: Place) -> None:
    begin = time.monotonic()
    with pytest.raises(RemoteTimeout):
        place.transport.exec("sleep 20", timeout=0.5)
    assert time.monotonic() - begin < 5
    assert place.transport.exec("echo on", timeout=20).stdout == "on\n"


def test_what_a_command_leaves_running_does_not_hold_it_up(place: Place) -> None:
    begin = time.monotonic()
    assert place.transport.exec("sleep 15 & echo done", timeout=20).stdout == "done\n"
    assert time.monotonic() - begin < 5


def test_many_threads_may_use_it_at_once(place: Place) -> None:
    target = f"{place.folder}/threads"
    place.transport.upload(b"x" * 5000, target)
    wrong: list[object] = []

    def work(number: int) -> None:
        try:
            text = place.transport.exec(f"echo {number}", timeout=60).stdout
            chunk = place.transport.read(target, number, 10)
            if text != f"{number}\n" or chunk is None or chunk.data != b"x" * 10:
                wrong.append((text, chunk))
        except Exception as exc:
            wrong.append(exc)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_reading_at_offsets(place: Place) -> None:
    content = bytes(range(250)) * 1000
    place.transport.upload(content, f"{place.folder}/one")
    place.transport.upload(b"", f"{place.folder}/empty")
    one, none, empty, tail, past = place.transport.read_many(
        [
            ReadRequest(f"{place.folder}/one", 1000, 70_000),
            ReadRequest(f"{place.folder}/none", 0, 10),
            ReadRequest(f"{place.folder}/empty", 0, 10),
            ReadRequest(f"{place.folder}/one", -7, 100),
            ReadRequest(f"{place.folder}/one", 400_000, 10),
        ]
    )
    assert one is not None
    assert (one.data, one.size) == (content[1000:71_000], 250_000)
    assert none is None
    assert empty is not None
    assert (empty.data, empty.size) == (b"", 0)
    assert tail is not None
    assert tail.data == content[-7:]
    assert past is not None
    assert (past.data, past.size) == (b"", 250_000)


def test_identity_tells_a_new_file_from_a_longer_one(place: Place) -> None:
    path = f"{place.folder}/log"
    place.transport.upload(b"job 1 on gpu01 at 10:00\n" * 20, path)
    first = place.transport.read(path, 0, 1)
    place.transport.exec(f"echo more >> {path}", timeout=20)
    longer = place.transport.read(path, 0, 1)
    place.transport.exec(f"head -c 5000 /dev/zero | tr '\\0' y > {path}", timeout=20)
    other = place.transport.read(path, 0, 1)
    assert first is not None
    assert longer is not None
    assert other is not None
    assert first.identity == longer.identity != other.identity


def test_uploads_replace_in_one_step_and_make_folders(place: Place) -> None:
    path = f"{place.folder}/new/deep folder/run.sh"
    place.transport.upload(b"one", path, mode=0o640)
    place.transport.upload(b"#!/bin/sh\necho two\n", path, mode=0o755)
    assert place.transport.exec(shlex.quote(path), timeout=20).stdout == "two\n"
    assert place.transport.exec(shlex.join(["ls", "-A", path.rpartition("/")[0]]), timeout=20).stdout == "run.sh\n"
    made = f"{place.folder}/new"
    look = shlex.join(["find", made, "-type", "d", "!", "-perm", "700"])
    assert place.transport.exec(look, timeout=20).stdout == "", "folders that are made are their owner's alone"


def test_what_may_not_be_written_leaves_nothing(place: Place) -> None:
    with pytest.raises(RemoteFileError):
        place.transport.upload(b"x", f"{place.folder}/one/below a file")
    place.transport.exec(f"mkdir -p {place.folder}/taken/inside", timeout=20)
    with pytest.raises(RemoteFileError):
        place.transport.upload(b"x", f"{place.folder}/taken")
    assert "tmp" not in place.transport.exec(f"ls -A {place.folder}", timeout=20).stdout


def test_a_full_disk_is_reported_and_cleaned_up(place: Place) -> None:
    if place.transport.exec("test -w /dev/full", timeout=20).exit:
        pytest.skip("no /dev/full there")
    with pytest.raises(RemoteFileError):
        place.transport.upload(b"x" * 10, "/dev/full/x")


def test_files_come_back_whole(place: Place, tmp_path: Path) -> None:
    content = bytes(range(249)) * 20_000
    source = tmp_path / "source"
    source.write_bytes(content)
    seen: list[tuple[int, int]] = []
    place.transport.upload(source, f"{place.folder}/big", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(content), len(content))
    target = tmp_path / "back" / "big"
    target.parent.mkdir()
    (target.parent / "big.part").write_bytes(content[:2_000_000])
    seen.clear()
    place.transport.download(f"{place.folder}/big", target, progress=lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == content
    assert seen[0][0] >= 2_000_000
    assert seen[-1] == (len(content), len(content))


def test_a_whole_log_is_looked_through_from_both_ends(place: Place) -> None:
    path = f"{place.folder}/job-1.out"
    lines = [f"line {number} of a log that is longer than one piece" for number in range(40_000)]
    lines[25_000] += " \x1b[31mneedle\x1b[0m"
    place.transport.upload("\n".join(lines).encode(), path)
    pattern = expression("piece needle$")[0]
    for forward in (True, False):
        told: list[int] = []
        wish = Wish(1, (Part("stdout"),), lambda shown: pattern.matches(shown, 20.0), forward)
        found = look_through(
            place.transport, wish, [path], lambda done, total, told=told: told.append(done), lambda: False
        )
        assert found is not None
        assert found.tail.lines[found.line] == "line 25000 of a log that is longer than one piece needle"
        assert found.tail.lines[found.line + 1] == lines[25_001]
        assert len(told) > 2


def test_missing_files_are_named(place: Place, tmp_path: Path) -> None:
    assert place.transport.read(f"{place.folder}/none", 0, 1) is None
    with pytest.raises(RemoteFileError, match="does not exist"):
        place.transport.download(f"{place.folder}/none", tmp_path / "x")


def test_nobody_there_means_no_question(place: Place) -> None:
    if not place.asks:
        pytest.skip("this login asks nothing")
    other = open_transport(place.endpoint)
    with pytest.raises(Exception, match="person") as caught:
        other.connect(Unattended())
    assert not getattr(caught.value, "retryable", True)
    assert not other.connected


def test_after_close_everything_says_so(place: Place) -> None:
    other = open_transport(place.endpoint)
    other.connect(place.prompter)
    begin = time.monotonic()
    other.close()
    other.close()
    assert time.monotonic() - begin < 0.5
    assert not other.connected
    with pytest.raises(ConnectionLost):
        other.exec("true", timeout=5)
    with pytest.raises(ConnectionLost):
        other.read(f"{place.folder}/one", 0, 1)
