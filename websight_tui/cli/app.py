"""`websight-tui` without a command: the app."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from websight_tui.errors import WebsightError

if TYPE_CHECKING:
    from websight_tui.config import Config


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the app itself, which has no command's name."""
    parser.add_argument("-c", "--cluster", metavar="NAME", help="connect to this cluster first")
    parser.add_argument("--offline", action="store_true", help="connect to nothing; show the history")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli.context import Context

    if why := no_app():
        raise WebsightError(
            why, "Without a terminal there are status, watch, submit and other commands: websight-tui --help."
        )
    context = Context.of(args)
    name = context.cluster(args.cluster).name if args.cluster else None
    return open_app(context.config, context.data, initial_cluster="" if args.offline else name)


def no_app(environment: Mapping[str, str] = os.environ) -> str:
    """Why no screen can be shown here, in words; "" where one can."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):  # Textual reads the one and draws on the other
        return "the app needs a terminal, and there is none"
    if (name := environment.get("TERM", "")) in ("dumb", "unknown"):
        return f"the app needs a terminal that can move its cursor, which TERM={name} cannot"
    return ""


def open_app(config: Config, data: Path, *, initial_cluster: str | None = None, demo: str = "") -> int:
    """Runs the app until the person quits.

    Args:
        data: folder of the run history.
        initial_cluster: connected at the start; None takes the first configured one, "" connects to none.
        demo: words that stay on the screen where this is no real cluster ("demo · replay"); "" where it is.

    Returns: 0; 1 if the app met an error that it did not expect.
    Raises: StoreError if the history cannot be opened.
    """
    gc.disable()  # until the history is there: nearly all that is made by then stays, and was walked through four times
    try:
        status, wanted = _until_left(config, data, initial_cluster, demo)
    finally:
        gc.enable()
    from websight_tui.tui.first_minute import DEMO

    if wanted == DEMO:
        from websight_tui.cli import main

        return main(["demo"])
    return status


def _until_left(config: Config, data: Path, initial_cluster: str | None, demo: str) -> tuple[int, str]:
    from websight_tui.tui.on_terminal import run_app
    from websight_tui.tui.ports import DemoInfo, Emit, EnginePort

    def engine(emit: Emit) -> EnginePort:  # in the controller's thread, while the first frame is there to look at
        from websight_tui.cli.session import open_cluster
        from websight_tui.runs.engine import Engine
        from websight_tui.runs.store_opening import open_or_copy

        return Engine(config, open_or_copy(data / "runs.sqlite"), open_transport=open_cluster, emit=emit)

    banner = DemoInfo(demo) if demo else None
    return run_app(config, engine, demo=banner, initial_cluster=initial_cluster)
