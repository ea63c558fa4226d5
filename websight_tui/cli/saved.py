"""`websight-tui checkpoints`, `fetch`, `try`, `merge`: a run's checkpoints and what can be done with one."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from websight_tui.cli.options import add_cluster, add_command, add_run
from websight_tui.cli.output import say

if TYPE_CHECKING:
    from websight_tui.runs.engine import Engine
    from websight_tui.runs.saved_work.tasks import Kind, Task


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands, "checkpoints", checkpoints, "list a run's checkpoints: age, size, whether each is whole, loss there"
    )
    add_run(parser)
    add_cluster(parser)
    parser = add_command(
        commands,
        "fetch",
        fetch,
        "download a run's adapter",
        "A download that broke off goes on where it was.",
    )
    add_run(parser)
    add_cluster(parser)
    _add_step(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="where to (default: ./RUN)")
    parser = add_command(
        commands,
        "try",
        try_,
        "ask a checkpoint where it would click on a picture",
        "Submits one job with one GPU for at most 15 minutes, and waits for its answer.",
    )
    add_run(parser)
    parser.add_argument("picture", type=Path, metavar="PICTURE", help="a screenshot on this machine")
    parser.add_argument("instruction", metavar="INSTRUCTION", help="such as 'click the login button'")
    add_cluster(parser)
    _add_step(parser)
    parser = add_command(
        commands,
        "merge",
        merge,
        "merge a checkpoint into its base model",
        "Submits one job with one GPU for at most 2 hours, once: a merge that is under way is followed.",
    )
    add_run(parser)
    add_cluster(parser)
    _add_step(parser)


def _add_step(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--step", type=int, metavar="N", help="the checkpoint at this step (default: the final adapter)"
    )


def checkpoints(args: argparse.Namespace) -> int:
    import time

    from websight_tui.cli.output import print_json, print_table
    from websight_tui.cli.session import connected
    from websight_tui.runs.events import ActionDone, SavedSeen
    from websight_tui.tui.palette import Palette
    from websight_tui.tui.saved_rows import saved_rows

    with connected(args, args.run_id) as (current, view):
        run_id = view.spec.run_id
        current.engine.look_at_saved(run_id)
        current.wait(
            lambda event: isinstance(event, (SavedSeen, ActionDone)), timeout=60, what="the checkpoints' markers"
        )
        run = current.state.runs[run_id]
    if args.json:
        for saved in run.saved or ():
            told = {"run": run_id, "step": saved.step, "state": saved.whole.value, "bytes": saved.bytes}
            print_json({**told, "sealed_at": saved.sealed_at})
        return 0
    names = ("step", "age", "size", "loss", "whole")
    rows = [[str(cells.get(name, "")) for name in names] for _, cells in saved_rows(run, time.time(), Palette())]
    if not rows:
        say("No checkpoint yet.")
    else:
        print_table(
            ("step", "saved", "size", "loss there", "on the cluster"), rows, right=("step", "size", "loss there")
        )
    return 0


def fetch(args: argparse.Namespace) -> int:
    from websight_tui.cli.output import print_json
    from websight_tui.cli.session import connected
    from websight_tui.cli.waiting import waiting
    from websight_tui.errors import ConnectionLost
    from websight_tui.runs.saved_work.fetching import fetch_adapter

    with connected(args, args.run_id) as (current, view):
        transport = current.engine.transport(view.spec.cluster)
        if transport is None:
            raise ConnectionLost("the connection broke", "Try again; the download goes on where it was.")
        target = args.output or Path(view.spec.run_id + ("" if args.step is None else f"-step{args.step}"))
        with waiting("downloading the adapter", quiet=args.json) as line:

            def moved(done: int, total: int) -> None:
                line.show("downloading the adapter", done, total, in_bytes=True)

            files = fetch_adapter(transport, view.spec, args.step, target, moved)
    if args.json:
        print_json({"run": view.spec.run_id, "folder": str(target), "files": list(files)})
    else:
        say(f"The adapter is in {target}/.")
    return 0


def try_(args: argparse.Namespace) -> int:
    from websight_tui.errors import WebsightError
    from websight_tui.runs.saved_work.tasks import Kind

    if not args.picture.is_file():
        raise WebsightError(f"there is no picture {args.picture}", "Give a screenshot on this machine.")
    return _through(
        args, Kind.TRY, lambda engine, run_id: engine.try_picture(run_id, args.step, args.picture, args.instruction)
    )


def merge(args: argparse.Namespace) -> int:
    from websight_tui.runs.saved_work.tasks import Kind

    return _through(args, Kind.MERGE, lambda engine, run_id: engine.merge(run_id, args.step))


def _through(args: argparse.Namespace, kind: Kind, begin: Callable[[Engine, str], None]) -> int:
    """Begins a task and waits for its end; Ctrl-C leaves the job alone."""
    from websight_tui.cli.output import print_json
    from websight_tui.cli.session import connected
    from websight_tui.cli.waiting import waiting
    from websight_tui.errors import ConnectionLost, WebsightError
    from websight_tui.runs.events import ActionDone, TaskMoved
    from websight_tui.runs.saved_work.tasks import Stand

    ended: Task | None = None
    with connected(args, args.run_id) as (current, view):
        run_id = view.spec.run_id
        with waiting("preparing", quiet=args.json) as line:
            begin(current.engine, run_id)
            for event in current.events():
                if isinstance(event, ActionDone) and event.target == run_id and not event.ok:
                    raise ConnectionLost(event.message, event.hint)
                if isinstance(event, TaskMoved) and event.run_id == run_id and event.task.kind is kind:
                    ended = event.task
                    line.show(ended.stage, ended.done, ended.total, in_bytes=ended.in_bytes)
                    if ended.stand is not Stand.RUNNING:
                        break
    assert ended is not None
    if ended.stand is not Stand.DONE:
        raise WebsightError(ended.message, ended.hint)
    answer = ended.answer
    if args.json:
        where = {} if answer is None else {"answer": answer.text, "pixels": [answer.x, answer.y]}
        print_json({"run": run_id, "step": args.step, "message": ended.message, **where})
    else:
        said = f"{answer.text}  →  pixel {answer.x}, {answer.y} of {args.picture}" if answer else f"{ended.message}."
        say(said)
    return 0
