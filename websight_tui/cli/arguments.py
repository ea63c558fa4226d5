"""The words of the command line; the app alone, which is asked for most often, does not wait for the other commands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from websight_tui.cli import app


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The parsed arguments, with the command's function in `run`. Raises SystemExit as argparse does.

    Args:
        argv: the words after the program's name.
    """
    alone = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    app.add_options(alone)
    try:
        args, rest = alone.parse_known_args(argv)
    except argparse.ArgumentError:
        rest = list(argv)
    if not rest:
        return args
    from websight_tui.cli.parser import make_parser

    return make_parser().parse_args(argv)
