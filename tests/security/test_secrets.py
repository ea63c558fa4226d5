"""Planted secrets: typed at a login or standing in the environment, they are found nowhere afterwards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.hostile.terminal import Terminal
from tests.remote.servers import Server
from tests.security.watch_processes import CommandLines, files_with

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc on this machine to look into"),
]

SECRETS = {name: f"PLANTED-{name}-7f3a".encode() for name in ("password", "passphrase", "code", "hf", "wandb")}
SLURM = """\
#!/bin/sh
case "${0##*/}" in
squeue) ;;
sbatch) echo 7 ;;
*) echo "slurm_load: error" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Callable[..., tuple[Path, Server, dict[str, str]]]]:
    """Makes a laptop and a login node that wants a key with a passphrase, or a password and a code."""
    servers: list[Server] = []

    def make(factor: str = "publickey", **config: Any) -> tuple[Path, Server, dict[str, str]]:
        programs, laptop = tmp_path / "bin", tmp_path / "laptop"
        programs.mkdir()
        for name in ("squeue", "sbatch", "sacct", "scontrol", "scancel", "sinfo", "sacctmgr"):
            (programs / name).write_text(SLURM)
            (programs / name).chmod(0o755)
        server = Server(
            tmp_path / "cluster",
            factors=(factor,),
            challenges=[
                ("Login", "Two steps.", [("Password: ", False)], [SECRETS["password"].decode()]),
                ("", "", [("Verification code: ", False)], [SECRETS["code"].decode()]),
            ],
            env={"PATH": f"{programs}:/usr/bin:/bin", "HF_TOKEN": SECRETS["hf"].decode()},
        )
        servers.append(server)
        server.know()
        key = asyncssh.read_private_key(str(server.user_key))
        key.write_private_key(str(server.user_key), passphrase=SECRETS["passphrase"].decode())
        laptop.mkdir()
        at = server.endpoint()
        values = {
            "host": at.host, "port": at.port, "user": at.user, "known_hosts": at.known_hosts,
            "identity_file": at.identity_file, "root": f"{server.home}/w", "gpus_per_node": 0, "login_shell": False,
            "poll_floor_s": 0.3, **config,
        }  # fmt: skip
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in values.items()]
        (laptop / "config.toml").write_text("[clusters.there]\n" + "".join(lines))
        env = {
            **os.environ,
            "HOME": str(laptop),
            "TMPDIR": str(laptop / "tmp"),
            "XDG_RUNTIME_DIR": "",
            "WEBSIGHT_TUI_CONFIG": str(laptop / "config.toml"),
            "WEBSIGHT_TUI_DATA": str(laptop / "data"),
            "WEBSIGHT_TUI_SSH_CONFIG": "/dev/null",
            "HF_TOKEN": SECRETS["hf"].decode(),
            "WANDB_API_KEY": SECRETS["wandb"].decode(),
        }
        env.pop("SSH_AUTH_SOCK", None)
        (laptop / "tmp").mkdir()
        return laptop, server, env

    yield make
    for server in servers:
        server.stop()


def nowhere(folder: Path, seen: CommandLines, written: bytes) -> None:
    assert not files_with(folder, SECRETS)
    lines = b"\n".join(seen.seen)
    assert [name for name, secret in SECRETS.items() if secret in lines] == []
    assert [name for name, secret in SECRETS.items() if secret in written] == []


QUESTIONS = {
    "publickey": (("assphrase", "passphrase"),),
    "keyboard-interactive": (("Password:", "password"), ("code:", "code")),
}


@pytest.mark.parametrize("factor", QUESTIONS)
@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
def test_a_submission_from_the_command_line(place: Any, tmp_path: Path, transport: str, factor: str) -> None:
    if transport == "openssh" and shutil.which("ssh") is None:
        pytest.skip("no ssh command on this machine")
    _, server, env = place(factor, transport=transport)
    words = [sys.executable, "-m", "websight_tui", "submit", "tiny", "--cluster", "there", "--json"]
    with CommandLines() as seen:
        terminal = Terminal(words, env)
        try:
            for question, name in QUESTIONS[factor]:
                terminal.wait_for(question)
                terminal.press(SECRETS[name].decode() + "\n", seconds=0.2)
            assert terminal.end(seconds=60) == 0, bytes(terminal.written)
        finally:
            terminal.close()
    assert server.logins
    assert b'"job": "7"' in terminal.written
    assert any(b"sbatch" in line for line in seen.seen), "the look at processes saw what was started"
    nowhere(tmp_path, seen, bytes(terminal.written))


CRASH = """\
import sys
from websight_tui.tui.screens.prompt import PromptScreen

def dismiss(self, result=None):
    raise RuntimeError("on purpose \\x1b]52;c;EVIL\\x07")

PromptScreen.dismiss = dismiss
from websight_tui.cli import main
sys.exit(main([]))
"""


def test_an_app_that_crashes_with_an_answer_in_its_hands(place: Any, tmp_path: Path) -> None:
    _, _, env = place(transport="paramiko")
    with CommandLines() as seen:
        terminal = Terminal([sys.executable, "-c", CRASH], env)
        try:
            terminal.wait_for("assphrase")
            terminal.press(SECRETS["passphrase"].decode() + "\r", seconds=0.5)
            assert terminal.end() == 1
        finally:
            terminal.close()
    assert b"met an error that it did not expect" in terminal.written
    assert b"on purpose \\x1b]52;c;EVIL" in terminal.written.replace(b"\r\n", b"")
    nowhere(tmp_path, seen, bytes(terminal.written))


def test_a_command_that_crashes(tmp_path: Path) -> None:
    code = (
        "import sys, websight_tui.cli.context as c\n"
        "def load(): password = 'PLANTED-local'; raise ValueError('bad \\x1b[2J')\n"
        "c.load_config = load\n"
        "from websight_tui.cli import main\n"
        "sys.exit(main(['status']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "bad \\x1b[2J" in done.stderr
    assert "please report" in done.stderr
    assert "\x1b" not in done.stderr
