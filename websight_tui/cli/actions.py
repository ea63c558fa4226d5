"""`websight-tui cancel`, `resume`, `fetch`: what can be done to a run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from websight_tui.cli.options import add_cluster, add_command, add_run
from websight_tui.cli.output import say

ADAPTER = ("adapter_model.safetensors", "adapter_config.json")


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
    parser = add_command(
        commands,
        "fetch",
        fetch,
        "download a run's adapter",
        "A download that broke off goes on where it was.",
    )
    add_run(parser)
    add_cluster(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="where to (default: ./RUN)")


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


def fetch(args: argparse.Namespace) -> int:
    from websight_tui.cli.output import print_json
    from websight_tui.cli.session import connected
    from websight_tui.errors import ConnectionLost

    with connected(args, args.run_id) as (current, view):
        transport = current.engine.transport(view.spec.cluster)
        if transport is None:
            raise ConnectionLost("the connection broke", "Try again; the download goes on where it was.")
        target = args.output or Path(view.spec.run_id)
        for name in ADAPTER:
            bar = None if args.json else _Bar(name)
            transport.download(f"{view.spec.out_dir}/{name}", target / name, progress=bar)
            if bar is not None:
                bar.end()
    if args.json:
        print_json({"run": view.spec.run_id, "folder": str(target), "files": list(ADAPTER)})
    else:
        say(f"The adapter is in {target}/.")
    return 0


class _Bar:
    """How far a download is, on one line of a terminal; nothing where there is none."""

    def __init__(self, name: str) -> None:
        self.name, self.shown = name, -1

    def __call__(self, done: int, total: int) -> None:
        from websight_tui.words import size

        percent = done * 100 // total if total else 100
        if sys.stderr.isatty() and percent != self.shown:
            self.shown = percent
            sys.stderr.write(f"\r{self.name}  {percent:3} %  {size(done)} of {size(total)}")
            sys.stderr.flush()

    def end(self) -> None:
        if self.shown >= 0:
            sys.stderr.write("\n")
