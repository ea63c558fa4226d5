"""`websight-tui cancel`, `resume`: what can be done to a run."""

from __future__ import annotations

import argparse
import sys

from websight_tui.cli.options import add_cluster, add_command, add_run
from websight_tui.cli.output import say


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "cancel",
        cancel,
        "cancel a run's jobs and look whether they are gone",
        "Checkpoints stay: `websight-tui resume RUN` goes on from the newest.",
    )
    add_run(parser)
    add_cluster(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    parser = add_command(
        commands,
        "resume",
        resume,
        "give a run that has stopped one more job",
        "The trainer goes on from the newest valid checkpoint.",
    )
    add_run(parser)
    add_cluster(parser)
    parser.add_argument("--watch", action="store_true", help="stay and print each change until the run has ended")


def cancel(args: argparse.Namespace) -> int:
    from websight_tui.cli.output import print_json
    from websight_tui.cli.session import connected
    from websight_tui.errors import WebsightError
    from websight_tui.runs.events import ActionDone, QueueSeen

    with connected(args, args.run_id) as (current, view):
        run_id = view.spec.run_id
        if not args.yes:
            if not sys.stdin.isatty():
                raise WebsightError("cancel asks before it does", "Use --yes in scripts.")
            if input(f"Cancel {run_id} on {view.spec.cluster}? [y/N] ").strip().lower() not in ("y", "yes"):
                say("Nothing was cancelled.")
                return 1
        current.wait(
            lambda event: isinstance(event, QueueSeen) and event.cluster == view.spec.cluster,
            timeout=30,
            what="the queue",
        )
        current.engine.cancel(run_id)
        done = current.wait(
            lambda event: isinstance(event, ActionDone) and event.action == "cancel" and event.target == run_id,
            timeout=60,
            what="the cancellation",
        )
    assert isinstance(done, ActionDone)
    if args.json:
        print_json({"run": run_id, "ok": done.ok, "message": done.message, "hint": done.hint})
    else:
        say(f"{done.message}." + (f" {done.hint}" if done.hint else ""))
    return 0 if done.ok else 1


def resume(args: argparse.Namespace) -> int:
    from websight_tui.cli.follow import figures, follow, settle
    from websight_tui.cli.output import print_json
    from websight_tui.cli.session import connected

    with connected(args, args.run_id) as (current, view):
        run_id = view.spec.run_id
        current.engine.resume(run_id)
        settle(current, run_id)
        if args.watch:
            return follow(current, run_id, as_json=args.json)
        resumed = current.state.runs[run_id]
    if args.json:
        print_json(figures(resumed))
    else:
        say(f"{run_id} goes on as job {resumed.job.job_id if resumed.job else '?'}.")
    return 0
