import subprocess
import sys
from pathlib import Path

import pytest

from trainer.__main__ import main

CHECKOUT = Path(__file__).parents[2]
COMMANDS = ("train", "tiny", "prepare", "preflight", "test", "evaluate", "merge", "push")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_names_the_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"] if command else ["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert "usage: python -m trainer" in text
    assert command or all(name in text for name in COMMANDS)


@pytest.mark.parametrize(
    "line",
    [
        [],
        ["fly"],
        ["train"],
        ["prepare", "--prompts", "x", "--test", "0.9"],
        ["prepare", "--prompts", "x", "--name", "a/b"],
        ["evaluate", "--batch-size", "0"],
        ["preflight", "--run-dir", "x", "--sample", "-1"],
    ],
)
def test_wrong_usage_is_2(line: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(line)
    assert end.value.code == 2


def test_help_and_preflight_load_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from trainer.__main__ import main; main(['preflight', '--run-dir', sys.argv[1]]);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'datasets', 'llamafactory')))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=CHECKOUT, timeout=60)
    assert done.returncode == 0


def test_a_python_without_the_packages_says_so(tmp_path: Path) -> None:
    line = [sys.executable, "-S", "-m", "trainer", "tiny", "--root", str(tmp_path)]
    done = subprocess.run(line, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, env={})
    assert done.returncode == 1
    assert "cannot import" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
