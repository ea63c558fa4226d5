"""`websight-tui watch RUN`: a line for each change, until the run has ended."""

from __future__ import annotations

import argparse

from websight_tui.cli.options import add_cluster, add_command, add_run


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "watch",
        run,
        "print each change of a run until it has ended",
        "Ends with 0 if the run finished or saved and stopped, with 1 if it failed, was cancelled or was killed.",
    )
    add_run(parser)
    add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli.follow import follow
    from websight_tui.cli.session import connected

    with connected(args, args.run_id) as (current, view):
        return follow(current, view.spec.run_id, as_json=args.json)
