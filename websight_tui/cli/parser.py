"""All commands, their options and their help, in the order of `--help`."""

from __future__ import annotations

import argparse

from websight_tui import __version__
from websight_tui.cli import (
    actions,
    app,
    clusters,
    completion,
    demo,
    doctor,
    forecast,
    init,
    launch,
    logs,
    presets,
    probe,
    project,
    report,
    saved,
    status,
    sweep,
    tensorboard,
    watch,
)

EPILOG = """\
Start with `websight-tui demo` (no cluster needed), then `websight-tui init`.
Every command takes --json for scripts and --help for details.
Exit status: 0 ok, 1 failed, 2 usage, 3 cannot connect, 4 verdict "will not fit"."""


def make_parser() -> argparse.ArgumentParser:
    """The parser of `websight-tui`; parsed arguments carry the command's function in `run`."""
    parser = argparse.ArgumentParser(
        prog="websight-tui",
        description="Launch, watch and never lose a LoRA fine-tuning run on a Slurm cluster. "
        "Without a command it opens the app.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"websight-tui {__version__}")
    app.add_options(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in (
        demo,
        presets,
        forecast,
        probe,
        launch,
        sweep,
        status,
        watch,
        logs,
        tensorboard,
        actions,
        saved,
        project,
        report,
        clusters,
        doctor,
        init,
        completion,
    ):
        module.add_parser(commands)
    return parser
