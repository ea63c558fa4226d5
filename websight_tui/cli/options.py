"""Options that several commands share, each with one help text."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    details: str = "",
) -> argparse.ArgumentParser:
    """A command's parser with --json; `summary` is its line in the list of commands."""
    text = f"{summary[0].upper()}{summary[1:]}." + (f" {details}" if details else "")
    parser = commands.add_parser(name, help=summary, description=text)
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line, for scripts")
    return parser


def add_cluster(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c",
        "--cluster",
        metavar="NAME",
        help="a cluster of config.toml, 'local' for this machine or 'demo' (default: the first one configured)",
    )


def add_run(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    parser.add_argument(
        "run_id",
        metavar="RUN",
        nargs="?" if optional else None,
        help="a run's id or its beginning; 'last' for the newest" + (" (default: all runs)" if optional else ""),
    )


def add_preset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", metavar="PRESET", help="a preset's name (see `websight-tui presets`)")
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="FIELD=VALUE",
        action="append",
        default=[],
        help="change one field of the preset, e.g. --set lora_rank=16 (repeatable)",
    )
