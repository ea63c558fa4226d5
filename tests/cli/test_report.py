"""`websight-tui report` as a person and a script use it: from the history, offline, and for bare logs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from websight_tui.cli import main
from websight_tui.config import load_config
from websight_tui.runs.plan import plan_launch
from websight_tui.runs.state import Outcome
from websight_tui.runs.store import Store


@pytest.fixture
def run_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A history with one run that has trained 40 steps; its cluster is not reachable."""
    config_path = tmp_path / "config.toml"
    config_path.write_text('[clusters.away]\nhost = "no-such-host.invalid"\naccount = "lab"\n')
    monkeypatch.setenv("WEBSIGHT_TUI_CONFIG", str(config_path))
    monkeypatch.setenv("WEBSIGHT_TUI_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    config = load_config()
    spec = plan_launch(config, config.clusters["away"], config.presets["tiny"], now=time.time()).spec
    store = Store(tmp_path / "data" / "runs.sqlite")
    store.begin_submission(spec, 1.0)
    store.settle(spec.token, Outcome.ACCEPTED, 2.0, job_id="7")
    begun = time.time() - 100
    events = [{"v": 1, "t": begun, "kind": "start", "job_id": "7", "step": 0, "total_steps": 80, "host": "node7"}]
    events += [
        {"v": 1, "t": begun + step, "kind": "log", "step": step, "loss": 2.5 / step, "lr": 1e-4, "epoch": step / 80}
        for step in range(1, 41)
    ]
    store.append(spec.run_id, "events", 0, "".join(json.dumps(e) + "\n" for e in events).encode(), "x")
    store.close()
    return spec.run_id


def test_a_run_from_the_history_without_a_connection(run_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "last", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    path = Path(about["path"])
    assert path.name == f"{run_id}-report.html"
    page = path.read_text()
    assert about["bytes"] == len(page.encode())
    assert "40 of 80 steps" in page
    assert "node7" in page
    assert page.startswith("<!doctype html>")


@pytest.mark.parametrize(("name", "begins"), [("notes.md", "# tiny-"), ("curves.csv", "step,segment,"), ("p.png", "")])
def test_the_output_s_ending_says_the_format(run_id: str, name: str, begins: str) -> None:
    assert main(["report", run_id, "-o", name]) == 0
    data = Path(name).read_bytes()
    assert data.startswith(begins.encode() or b"\x89PNG")


def test_standard_output_holds_the_report_alone(run_id: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["report", run_id, "--format", "csv", "-o", "-"]) == 0
    lines = capsysbinary.readouterr().out.splitlines()
    assert len(lines) == 41
    assert lines[-1].startswith(b"40,0,")


def test_a_bare_log(run_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    log = Path("trainer_log.jsonl")
    lines = [
        {"current_steps": step, "total_steps": 100, "loss": 2.0 / step, "elapsed_time": f"0:{step // 6:02}:{step % 6}0"}
        for step in range(1, 61)
    ]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["report", str(log), "--limit", "0:12:00", "-o", "log.html"]) == 0
    assert "Will not fit" in Path("log.html").read_text()
    assert "will not fit" in capsys.readouterr().out


def test_what_cannot_be_reported_says_why(run_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.txt").write_text("nothing of training in here\n")
    assert main(["report", "empty.txt"]) == 1
    assert "tells of no training" in capsys.readouterr().err
    assert main(["report", "no-such-run"]) == 1
    assert "no run 'no-such-run'" in capsys.readouterr().err
    assert main(["report", run_id, "-o", "no/such/folder/page.html"]) == 1
    assert "cannot be written" in capsys.readouterr().err
