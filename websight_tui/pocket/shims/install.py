"""Writes the folder of commands that stands first on the PATH of logins and jobs."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

COMMANDS = ("sbatch", "squeue", "sacct", "scancel", "scontrol", "sinfo", "srun", "sacctmgr", "pocketctl")


def install(folder: Path) -> Path:
    """Makes FOLDER/bin with one small shell script a command; returns it."""
    shims = folder / "bin"
    shims.mkdir(exist_ok=True)
    client = Path(__file__).with_name("client.py")
    for command in COMMANDS:
        words = [sys.executable, "-I", "-S", "-E", str(client), str(folder), command]
        path = shims / command
        new = path.with_name(f".{command}.new")
        new.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        new.chmod(0o755)
        new.replace(path)
    _login_profiles(folder / "home", shims)
    return shims


def _login_profiles(home: Path, shims: Path) -> None:
    """Login shells set PATH anew; these files, made once, put the commands back in front."""
    home.mkdir(exist_ok=True)
    for name in (".profile", ".zprofile"):
        if not (home / name).exists():
            (home / name).write_text(f"export PATH={shlex.quote(str(shims))}:$PATH\n")
