"""`websight-tui completion`: the few lines by which a shell learns to complete this program's words."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Final

from websight_tui.cli.options import add_command

SHELLS: Final = ("bash", "zsh", "fish")
PROGRAM: Final = "websight-tui"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "completion",
        run,
        "print what makes Tab complete commands, presets, clusters and runs",
        'For bash: eval "$(websight-tui completion bash)" in ~/.bashrc. For zsh: the same with zsh, after compinit, in '
        "~/.zshrc. For fish: websight-tui completion fish > ~/.config/fish/completions/websight-tui.fish",
    )
    parser.add_argument("shell", nargs="?", choices=SHELLS, help="default: the shell of $SHELL")


def run(args: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    from websight_tui.cli.output import print_json, say
    from websight_tui.errors import WebsightError

    shell = args.shell or Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        raise WebsightError("which shell is meant is not known", f"Say it: {PROGRAM} completion {'|'.join(SHELLS)}.")
    script = shellcode([PROGRAM], shell=shell)
    if args.json:
        print_json({"shell": shell, "script": script})
    else:
        say(script)
    return 0
