"""Framing: what a shell makes of a command, and what is left of the noise."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from websight_tui.errors import ConnectError
from websight_tui.remote.framing import Lines, Shell, find_shell, frame
from websight_tui.remote.port import ExecResult

SHELLS = ("sh", "bash", "dash", "zsh", "fish", "tcsh", "csh", "ksh", "mksh")


def through(shell: str, command: str, *, login: Shell = "plain") -> ExecResult:
    framed = frame(command, login)
    done = subprocess.run([shell, "-c", framed.line], capture_output=True, check=False, timeout=20)
    return framed.cut(done.stdout, done.stderr, done.returncode)


@pytest.mark.parametrize("shell", SHELLS)
def test_any_login_shell_passes_a_command_on_untouched(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command = "printf '%s|' 'it'\"'\"'s' '!x' '\\\\n' \"two\nlines\" \"$((1+1))\"; echo e >&2; exit 5"
    result = through(shell, command)
    assert (result.exit, result.stdout, result.stderr) == (5, "it's|!x|\\\\n|two\nlines|2|", "e\n")


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
def test_any_text_survives(text: str) -> None:
    import shlex

    assert through("sh", shlex.join(["printf", "%s", text])).stdout == text


def test_noise_around_is_cut_off() -> None:
    framed = frame("true")
    begin, end = framed.begin, framed.end
    out = b"Welcome!\nno newline at end\n" + begin + b"\nmine\n" + end + b":3\nlogout: bye\n"
    err = b"warning\n\n" + begin + b"\noops" + end + b":bye\n"
    assert framed.cut(out, err, 0) == ExecResult(3, "mine\n", "oops")


def test_whole_lines_are_handed_on_once_as_they_come_and_noise_never() -> None:
    framed, heard = frame("true"), []
    whole = b"Welcome!\n\n" + framed.begin + b"\none\ntwo\n\xffthree\nhalf" + framed.end + b":0\nlogout\n"
    for size in (1, 3, 7, len(whole)):
        heard.clear()
        lines = Lines(framed, heard.append)
        for end in range(size, len(whole) + size, size):
            lines.look(whole[:end])
        assert heard == ["one", "two", "\ufffdthree"]


def test_markers_differ_from_call_to_call() -> None:
    assert frame("true").begin != frame("true").begin


def test_a_killed_shell_leaves_what_was_said() -> None:
    framed = frame("true")
    assert framed.cut(b"\n" + framed.begin + b"\nhalf", b"", 137) == ExecResult(137, "half", "")


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert through("sh", "printf '\\377x'").stdout == "\ufffdx"


@pytest.mark.parametrize(("knows", "expected"), [("plain", "plain"), ("bash", "bash"), ("user", "user"), ("", "plain")])
def test_the_first_shell_that_knows_slurm_is_taken(knows: str, expected: str) -> None:
    asked: list[str] = []

    def run(command: str, shell: Shell) -> ExecResult:
        asked.append(shell)
        return ExecResult(0 if shell == knows else 127, "ready\n", "")

    assert find_shell(run) == expected
    assert asked == ["plain", "bash", "user"][: len(asked)]


def test_an_account_without_commands_is_told() -> None:
    with pytest.raises(ConnectError, match="not available"):
        find_shell(lambda command, shell: ExecResult(1, "This account is currently not available.\n", ""))
