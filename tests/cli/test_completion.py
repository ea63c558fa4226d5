"""Tab, pressed in real shells; each is skipped where it is not installed."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from websight_tui.cli import main
from websight_tui.config import load_config
from websight_tui.runs.plan import plan_launch
from websight_tui.runs.state import Sweep
from websight_tui.runs.store import Store
from websight_tui.runs.sweeps.kept import put_sweep

_COLOURS = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x07|\r")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a preset, a cluster and a run of its own, and the program on its path."""
    config = tmp_path / "config.toml"
    config.write_text('[clusters.quasar]\nhost = "quasar.example.edu"\n[presets.zebra]\nlora_rank = 4\n')
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "websight-tui"
    program.write_text(f"#!{sys.executable}\nimport sys\nfrom websight_tui.cli import main\nsys.exit(main())\n")
    program.chmod(0o755)
    monkeypatch.setenv("WEBSIGHT_TUI_CONFIG", str(config))
    monkeypatch.setenv("WEBSIGHT_TUI_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("TERM", "xterm")
    loaded = load_config()
    spec = plan_launch(loaded, loaded.clusters["quasar"], loaded.presets["zebra"], now=1_795_500_000.0).spec
    store = Store(tmp_path / "data" / "runs.sqlite")
    store.begin_submission(spec, 1.0)
    put_sweep(store, Sweep("sweep-of-zebras", "quasar", 1.0, (spec,)))
    store.close()
    return tmp_path


class Terminal:
    """A shell on a terminal of its own: `type` keys, wait until it `shows` something."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._leader, follower = pty.openpty()
        self._process = subprocess.Popen(
            command, stdin=follower, stdout=follower, stderr=follower, cwd=folder, start_new_session=True
        )
        os.close(follower)
        self._seen = b""

    def type(self, keys: str) -> None:
        self._seen = b""
        os.write(self._leader, keys.encode())

    def shows(self, pattern: str, seconds: float = 30) -> bool:
        deadline = time.monotonic() + seconds
        while not re.search(pattern.encode(), _COLOURS.sub(b"", self._seen)):
            ready, _, _ = select.select([self._leader], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return False
            self._seen += os.read(self._leader, 4096)
        return True

    @property
    def seen(self) -> str:
        return _COLOURS.sub(b"", self._seen).decode(errors="replace")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._leader)


STARTS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'PS1="ready> "; eval "$(websight-tui completion bash)"\n'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'PS1="ready> "; unsetopt prompt_cr prompt_sp; autoload -U compinit; compinit -u; '
        'eval "$(websight-tui completion zsh)"\n',
    ),
}


@pytest.fixture(params=sorted(STARTS))
def terminal(request: pytest.FixtureRequest, home: Path) -> Iterator[Terminal]:
    command, begin = STARTS[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    terminal = Terminal(command, home)
    terminal.type(begin)
    terminal.type("echo be''gun\n")
    assert terminal.shows("\nbegun"), terminal.seen
    yield terminal
    terminal.close()


def test_tab_completes_commands_presets_clusters_and_runs(terminal: Terminal) -> None:
    for keys, whole in (
        ("websight-tui resu\t", "resume "),
        ("websight-tui submit ze\t", "submit zebra "),
        ("websight-tui submit zebra --cluster qua\t", "--cluster quasar "),
        ("websight-tui report zeb\t", r"report zebra-26\d{4}-\d{6}-\w{4} "),
        ("websight-tui submit zebra --set lora_tar\t", "lora_target="),
        ("websight-tui sweep --show sw\t", "--show sweep-of-zebras "),
    ):
        terminal.type(keys)
        assert terminal.shows(whole), (keys, terminal.seen)
        terminal.type("\x15")  # the line is cleared


def test_fish_completes_them_too_and_says_what_they_are(home: Path) -> None:
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("fish is not installed")

    def offered(line: str) -> list[str]:
        script = f"websight-tui completion fish | source; complete -C '{line}'"
        done = subprocess.run([fish, "--no-config", "-c", script], capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    assert any(line.startswith("resume\t") for line in offered("websight-tui resu"))
    assert "rank32\tthe guide's optimized script" in offered("websight-tui submit rank3")
    (run,) = offered("websight-tui report zeb")
    assert run.endswith("\tquasar")


def test_a_broken_configuration_offers_nothing_and_says_nothing(home: Path) -> None:
    (home / "config.toml").write_text("[clusters")
    answer = home / "answer"
    line = "websight-tui submit ze"
    told = {
        "_ARGCOMPLETE": "1",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
    }
    done = subprocess.run(["websight-tui"], env={**os.environ, **told}, capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert answer.read_bytes() == b""


def test_nothing_of_it_is_imported_otherwise() -> None:
    program = "import sys; from websight_tui.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    check = "print([m for m in sys.modules if 'argcomplete' in m or 'completing' in m])"
    done = subprocess.run([sys.executable, "-c", program + check], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_unknown_shell_is_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert main(["completion"]) == 1
    assert "completion bash|zsh|fish" in capsys.readouterr().err
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert main(["completion"]) == 0
    assert "complete --command websight-tui" in capsys.readouterr().out
