"""`websight-tui logs RUN`: a job's output, as a terminal would show it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from websight_tui.cli.options import add_cluster, add_command, add_run
from websight_tui.cli.output import say


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "logs",
        run,
        "print the newest job's output",
        "Progress bars appear as their last state and control sequences are removed.",
    )
    add_run(parser)
    add_cluster(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the run has ended")
    parser.add_argument("-e", "--stderr", action="store_true", help="the error output instead")
    parser.add_argument("-n", "--lines", type=int, default=200, metavar="N", help="last lines to begin with (200)")
    parser.add_argument("--offline", action="store_true", help="what was last seen, without connecting")


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli.context import Context, find_run
    from websight_tui.cli.session import known_cluster, session
    from websight_tui.cli.waiting import waiting
    from websight_tui.runs.events import TailMoved
    from websight_tui.runs.phase import OVER
    from websight_tui.runs.state import LogTail

    stream = "stderr" if args.stderr else "stdout"
    context = Context.of(args)
    with session(context.config, context.data) as current:
        view = find_run(list(current.state.runs.values()), args.run_id)
        run_id = view.spec.run_id
        shown = 0

        def show(tail: LogTail, *, complete: bool) -> None:
            nonlocal shown
            begin = shown or max(0, tail.dropped + len(tail.lines) - args.lines)
            shown = _print_new(tail.dropped, tail.lines, begin, complete, args.json)

        def tail() -> LogTail:
            run = current.state.runs[run_id]
            return run.stderr if args.stderr else run.stdout

        if args.offline:
            show(tail(), complete=True)
            return 0
        current.connect(known_cluster(context.config, view.spec.cluster))
        current.engine.focus(run_id)
        quiet = 0
        while args.follow or quiet < 2:
            moved = False
            with waiting(f"reading {stream} of {run_id}", quiet=args.json or shown > 0):
                for event in current.events(timeout=1.5):
                    moved |= isinstance(event, TailMoved) and event.run_id == run_id and event.stream == stream
            quiet = 0 if moved else quiet + 1
            if args.follow:
                show(tail(), complete=False)
                if current.state.runs[run_id].phase in OVER and quiet >= 2:
                    break
        show(tail(), complete=True)
    return 0


def _print_new(dropped: int, lines: Sequence[str], shown: int, complete: bool, as_json: bool) -> int:
    """Prints the lines after number `shown`; the last one, which may still change, only if `complete`.

    Returns: how many lines have been printed by now.
    """
    from websight_tui.cli.output import print_json

    end = dropped + len(lines) - (0 if complete else 1)
    for number in range(max(shown, dropped), end):
        if as_json:
            print_json({"line": number + 1, "text": lines[number - dropped]})
        else:
            say(lines[number - dropped], flush=True)
    return max(shown, end)
