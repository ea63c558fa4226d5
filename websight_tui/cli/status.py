"""`websight-tui status`: what is known of the runs."""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from websight_tui.cli.options import add_cluster, add_command, add_run
from websight_tui.cli.output import say

if TYPE_CHECKING:
    from websight_tui.cli.context import Context
    from websight_tui.cli.session import Session
    from websight_tui.runs.events import Event
    from websight_tui.runs.state import RunView

_PATIENCE_S = 20.0


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "status",
        run,
        "say where the runs are",
        "Looks on the clusters that have live runs; what cannot be reached is shown as it was last seen.",
    )
    add_run(parser, optional=True)
    add_cluster(parser)
    parser.add_argument("--sweep", metavar="SWEEP", help="the table of one sweep instead; 'last' for the newest")
    parser.add_argument("--offline", action="store_true", help="connect to nothing; show what was last seen")


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli import NO_CONNECTION, OK
    from websight_tui.cli.context import Context, find_run
    from websight_tui.cli.follow import figures
    from websight_tui.cli.output import print_json
    from websight_tui.cli.session import session

    context = Context.of(args)
    with session(context.config, context.data) as current:
        if args.sweep:
            from websight_tui.cli.sweep_table import find_sweep, show

            sweep = find_sweep(current, args.sweep)
            return show(
                context, current, sweep, follow=False, offline=args.offline, kind="json" if args.json else "text"
            )
        runs = list(current.state.runs.values())
        wanted = [find_run(runs, args.run_id)] if args.run_id else runs
        reached = args.offline or _look(context, current, wanted)
        shown = [current.state.runs[run.spec.run_id] for run in wanted]
    shown.sort(key=lambda run: run.spec.created_at, reverse=True)
    if args.json:
        for view in shown:
            print_json(figures(view))
    elif args.run_id:
        _print_one(shown[0])
    else:
        _print_all(shown)
    return OK if reached else NO_CONNECTION


def _look(context: Context, current: Session, runs: list[RunView]) -> bool:
    """Connects to the clusters of live runs and waits for one look at each; whether all could be reached."""
    from websight_tui.errors import WebsightError
    from websight_tui.runs.phase import OVER

    reached = True
    for name in {run.spec.cluster for run in runs if run.phase not in OVER}:
        if name not in context.config.clusters:
            continue
        try:
            current.connect(context.config.clusters[name])
            current.wait(partial(_queue_of, name), timeout=_PATIENCE_S, what=f"the queue of {name}")
            current.read_files()
        except WebsightError as exc:
            reached = False
            say(f"websight-tui: {exc.message} (showing what was last seen)", file=sys.stderr)
    return reached


def _queue_of(cluster: str, event: Event) -> bool:
    from websight_tui.runs.events import QueueSeen

    return isinstance(event, QueueSeen) and event.cluster == cluster


def _print_all(runs: list[RunView]) -> None:
    from websight_tui.cli.output import print_table
    from websight_tui.runs.phase import OVER
    from websight_tui.words import age

    if not runs:
        say("No runs yet. Start one with `websight-tui submit PRESET`, or in the app.")
        return
    now = time.time()
    rows = []
    for run in runs:
        last, job = run.log.last, run.job
        rows.append(
            (
                run.spec.run_id,
                run.spec.cluster,
                job.job_id if job else "–",
                run.phase.value,
                f"{last.last_step}/{run.total_steps}" if last and run.total_steps else "–",
                run.projection.verdict.value if run.projection and run.phase not in OVER else "–",
                age(now - run.seen_at if run.seen_at else None),
            )
        )
    print_table(("run", "cluster", "job", "phase", "step", "verdict", "seen"), rows, right=("job", "step"))


def _print_one(run: RunView) -> None:
    from websight_tui.cli.follow import figures

    data = figures(run)
    for name, value in data.items():
        if value in (None, [], ""):
            continue
        if isinstance(value, list):
            value = "\n               ".join(value)
        elif name.endswith("_at") or name == "deadline":
            value = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value))
        say(f"{name.replace('_', ' '):<14} {value}")
    say(f"{'folder':<14} {run.spec.run_dir}")
