"""`websight-tui doctor` as a person and as a script see it, on the embedded cluster over SSH."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from websight_tui.cli import main
from websight_tui.pocket import control

TABLE = """
[clusters.{name}]
host = "127.0.0.1"
port = {port}
user = "{user}"
identity_file = "{key}"
known_hosts = "{known}"
root = "~/w"
account = "{account}"
partition = "demo"
gpus_per_node = 0
time_limit = "1:00:00"
python = "{python}"
"""


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A configuration with clusters good, strange (an account that is not ours), slow, away and shut."""
    folder = tmp_path_factory.mktemp("doctor")
    beside = Path(__file__).parents[2] / ".venv-trainer/bin/python"
    trainer = os.environ.get("WEBSIGHT_TUI_TRAINER_PYTHON") or str(beside)
    at = control.start(folder / "pocket").endpoint
    with socket.create_server(("127.0.0.1", 0)) as unused:
        shut = unused.getsockname()[1]
    text = ""
    for name, account, port, python in (
        ("good", "demo", at.port, trainer),
        ("strange", "nosuch", at.port, sys.executable),
        ("shut", "demo", shut, sys.executable),
    ):
        text += TABLE.format(
            name=name,
            account=account,
            port=port,
            python=python,
            user=at.user,
            key=at.identity_file,
            known=at.known_hosts,
        )
    strange = text[text.index("[clusters.strange]") : text.index("[clusters.shut]")]
    text += strange.replace("strange", "slow") + 'setup = ["sleep 60"]\n'
    path = folder / "config.toml"
    path.write_text(text + '[clusters.away]\nhost = "no-such-host.invalid"\n')
    yield path
    control.stop(folder / "pocket")


@pytest.fixture(autouse=True)
def environment(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSIGHT_TUI_CONFIG", str(configured))
    monkeypatch.setenv("WEBSIGHT_TUI_DATA", str(configured.parent / "data"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def test_ready_for_a_launch(configured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside = Path(__file__).parents[2] / ".venv-trainer/bin/python"
    python = os.environ.get("WEBSIGHT_TUI_TRAINER_PYTHON") or str(beside)
    if not Path(python).exists() or subprocess.run([python, "-c", "import llamafactory"], check=False).returncode:
        pytest.skip("no Python with the trainer's packages (set WEBSIGHT_TUI_TRAINER_PYTHON)")
    assert main(["doctor", "good", "--preset", "tiny"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "good, for a launch of tiny"
    assert all(line.startswith(("  ✓ ok    ", " " * 23)) for line in lines[1:-1]), lines
    assert lines[-1].startswith("Ready for a launch: ")


def test_what_is_missing_and_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "strange"]) == 1
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("  ✗ fail  account      nosuch is not an account of yours")
    assert lines[at + 1] == " " * 23 + "→ Yours: ingrai, demo. Set account in [clusters.strange]."
    assert any(line.startswith("  ✗ fail  submit       Slurm would refuse the job:") for line in lines)
    assert lines[-1].startswith("Not ready for a launch: ")
    long = [line for line in lines if len(line) > 80]
    assert [line for line in long if len(line.split()[-1]) < 50] == []  # only a path may be longer than the screen


@pytest.mark.parametrize(("name", "check"), [("away", "name"), ("shut", "reach")])
def test_no_connection(name: str, check: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", name]) == 3
    out = capsys.readouterr().out
    assert f"  ✗ fail  {check:<13}" in out
    assert f"not looked at: {check} failed" in " ".join(out.split())
    assert out.count("– skip") == 1


def test_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "strange", "--preset", "tiny", "--json"]) == 1
    *findings, total = map(json.loads, capsys.readouterr().out.splitlines())
    assert {frozenset(finding) for finding in findings} == {frozenset(("cluster", "level", "check", "message", "hint"))}
    account = next(finding for finding in findings if finding["check"] == "account")
    assert (account["cluster"], account["level"]) == ("strange", "fail")
    assert (total["preset"], total["healthy"]) == ("tiny", False)
    assert total["ok"] == sum(finding["level"] == "ok" for finding in findings)


def test_ctrl_c_cleans_up(configured: Path) -> None:
    home = configured.parent / "pocket/home"
    before = sorted(home.iterdir())
    command = [sys.executable, "-m", "websight_tui", "doctor", "slow", "--preset", "tiny", "--json"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:  # then the setup lines sleep
            if json.loads(line)["check"] == "disk":
                break
        assert list(home.glob("w/.websight-check-*"))
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert sorted(home.iterdir()) == before


def test_unknown_names_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "nowhere"]) == 1
    assert "Known: local, good, strange" in capsys.readouterr().err
    assert main(["doctor", "good", "--preset", "nothing"]) == 1
    assert "no preset 'nothing'" in capsys.readouterr().err
