"""The bare command does not wait for the other commands' modules; all others get the whole parser."""

from __future__ import annotations

import subprocess
import sys

import pytest

from websight_tui.cli import app
from websight_tui.cli.arguments import parse


@pytest.mark.parametrize(
    ("words", "cluster", "offline"),
    [
        ([], None, False),
        (["--offline"], None, True),
        (["-c", "hai"], "hai", False),
        (["--cluster=status"], "status", False),
    ],
)
def test_the_app_alone(words: list[str], cluster: str | None, offline: bool) -> None:
    args = parse(words)
    assert args.run is app.run
    assert (args.cluster, args.offline) == (cluster, offline)


def test_commands_and_mistakes_get_the_whole_parser(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse(["presets", "--json"]).json is True
    assert parse(["-c", "hai", "presets"]).run is not app.run
    assert parse(["--off"]).offline
    for words in (["no-such-command"], ["-c"], ["--no-such-option"]):
        with pytest.raises(SystemExit) as stopped:
            parse(words)
        assert stopped.value.code == 2
        assert "usage: websight-tui" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        parse(["--help"])
    assert "presets" in capsys.readouterr().out


def test_the_bare_command_imports_no_other_command() -> None:
    code = "import sys; from websight_tui.cli.arguments import parse; parse(['--offline']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {m for m in loaded if m.startswith("websight_tui.cli.")} == {
        "websight_tui.cli.app",
        "websight_tui.cli.arguments",
    }
