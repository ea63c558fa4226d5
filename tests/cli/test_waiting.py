"""The line of a wait: on a terminal alone, wiped afterwards, and out of the way of a login's questions."""

from __future__ import annotations

import io

import pytest

from websight_tui.cli import waiting as module
from websight_tui.cli.output import say
from websight_tui.cli.prompter import TerminalPrompter
from websight_tui.cli.waiting import aside, waiting
from websight_tui.remote.port import Prompt


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Makes stderr one; pytest puts its own in place between a fixture and its test."""
    made = Terminal()
    monkeypatch.setattr("sys.stderr", made)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    return made


def test_it_says_what_is_done_and_how_far(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with waiting("connecting to hai") as line:
        line.show("uploading\x1b[31m", 250_000, 1_000_000)
        module._lines[0].refresh()  # type: ignore[attr-defined]
    said = terminal.getvalue()
    assert "uploading\\x1b[31m" in said, "remote text is made showable"
    assert "\x1b[2K" in said.partition("uploading")[2], "the line is wiped"


def test_the_line_goes_on_after_a_bar_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with waiting("connecting to hai") as line:
        bar = module._lines[0]
        line.show("uploading", 1_000_000, 1_000_000, in_bytes=True)
        bar.refresh()  # type: ignore[attr-defined]
        line.show("asking Slurm")
        assert not bar.finished, "its clock and its spinner go on"  # type: ignore[attr-defined]
        bar.refresh()  # type: ignore[attr-defined]
    said = terminal.getvalue()
    assert "1.0 MB of 1.0 MB" in said
    assert "of 1.0 MB" not in said.rpartition("asking Slurm")[2], "no bar where it is not known how far it goes"


def test_what_is_printed_meanwhile_goes_where_it_belongs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = on_terminal(monkeypatch)
    with waiting("looking"):
        say("a line for a pipe")
    assert capsys.readouterr().out == "a line for a pipe\n"
    assert "for a pipe" not in terminal.getvalue()


def test_nothing_is_said_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with waiting("quietly", quiet=True) as line:
        line.show("uploading", 1, 2)
    assert terminal.getvalue() == ""


def test_no_terminal_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stderr", pipe)
    with waiting("connecting") as line:
        line.show("uploading", 1, 2)
    assert pipe.getvalue() == ""


def test_a_question_is_asked_while_the_line_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    on_terminal(monkeypatch)
    away: list[bool] = []

    def answer(_: str) -> str:
        away.append(all(not bar.live.is_started for bar in module._lines))  # type: ignore[attr-defined]
        return "123456"

    monkeypatch.setattr("builtins.input", answer)
    with waiting("connecting to hai"):
        assert TerminalPrompter().ask("", "", [Prompt("Code: ", echo=True)]) == ["123456"]
        assert all(bar.live.is_started for bar in module._lines)  # type: ignore[attr-defined]
    assert away == [True]
    with aside():
        pass  # nothing to take away
