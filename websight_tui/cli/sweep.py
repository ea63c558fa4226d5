"""`websight-tui sweep`: several runs as one launch, and the table of what came of them."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Final

from websight_tui.cli.options import add_cluster, add_command
from websight_tui.words import sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from websight_tui.cli.context import Context
    from websight_tui.cli.session import Session
    from websight_tui.config import Cluster
    from websight_tui.presets import Preset
    from websight_tui.projection.model import Forecast
    from websight_tui.runs.plan import LaunchPlan
    from websight_tui.runs.state import Sweep

FORMATS: Final = ("text", "md", "csv", "json")
_SUBMIT_S: Final = 600.0
_COUNTS_S: Final = 10.0
_QUEUE_S: Final = 30.0


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "sweep",
        run,
        "launch several runs as one, and compare what comes of them",
        "Every PRESET with every combination of the --set values. Each run is an ordinary one, submitted exactly once; "
        "if some are refused, --rest submits them later. Where the rank is varied and alpha is not, alpha keeps its "
        "ratio to the rank.",
    )
    parser.add_argument("presets", nargs="*", metavar="PRESET", help="presets' names (see `websight-tui presets`)")
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="FIELD=A,B,…",
        action="append",
        default=[],
        help="vary a field, e.g. --set lora_rank=8,16,32 --set num_train_epochs=0.5,1 (texts: name the field again)",
    )
    add_cluster(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would be launched; connect to nothing")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--no-evaluate",
        dest="evaluate",
        action="store_false",
        help="do not measure clicks; else a small job does, once a run has finished",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--show", metavar="SWEEP", help="print a sweep's table; 'last' for the newest")
    which.add_argument("--rest", metavar="SWEEP", help="submit what of a sweep has no job yet")
    which.add_argument(
        "--measure",
        metavar="SWEEP",
        help="measure the clicks of each run that has an adapter and no figure yet, by a job",
    )
    which.add_argument("--cancel", metavar="SWEEP", help="cancel all its jobs, those that measure clicks too")
    which.add_argument("--list", action="store_true", help="list all sweeps")
    parser.add_argument(
        "-f",
        "--follow",
        action="store_true",
        help="print the table as it changes, until all runs have ended and are measured",
    )
    parser.add_argument("--offline", action="store_true", help="show what was last seen; connect to nothing")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="of the table that --show prints: text (default), md for a notebook, csv, json",
    )


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli.context import Context
    from websight_tui.cli.session import known_cluster, session
    from websight_tui.cli.sweep_table import find_sweep, print_list, show
    from websight_tui.errors import ConfigError

    context = Context.of(args)
    with session(context.config, context.data) as current:
        if args.list:
            return print_list(current, as_json=args.json)
        if args.show:
            sweep, kind = find_sweep(current, args.show), "json" if args.json else args.format
            return show(context, current, sweep, follow=args.follow, offline=args.offline, kind=kind)
        if named := args.rest or args.measure or args.cancel:
            sweep = find_sweep(current, named)
            current.connect(known_cluster(context.config, sweep.cluster))
            if args.rest:
                return _submit(context, current, sweep, args)
            return _measure(current, sweep, args) if args.measure else _cancel(current, sweep, args)
        if not args.presets:
            raise ConfigError("a sweep needs at least one preset", "websight-tui sweep rank16 rank32, or see --help.")
        return _launch(context, current, args)


def _launch(context: Context, current: Session, args: argparse.Namespace) -> int:
    from websight_tui.cli.output import say
    from websight_tui.errors import WebsightError
    from websight_tui.runs.forecasting import forecast_for, history_of
    from websight_tui.runs.sweeps.planning import plan_sweep, values_of, variants

    cluster = context.cluster_or_default(args.cluster)
    history = history_of(current.state.runs.values())

    def forecast(preset: Preset) -> Forecast:
        return forecast_for(cluster, preset, history)

    chosen = variants([context.preset(name) for name in args.presets], values_of(args.settings))
    sweep, plans = plan_sweep(
        context.config, cluster, chosen, now=time.time(), forecast=forecast, evaluate=args.evaluate
    )
    if args.dry_run:
        _show_plan(cluster, plans, as_json=args.json)
        if not args.json:
            say("Nothing was sent. Without --dry-run these would be submitted.")
        return 0
    if not args.yes and (args.json or not sys.stdin.isatty()):
        raise WebsightError("sweep asks before it submits", "Use --yes in scripts; --dry-run shows what it would do.")
    current.connect(cluster)
    if not args.json:
        _show_plan(cluster, plans, as_json=False)
        for line in _limits(current, cluster, len(plans)):
            say(line)
    if not args.yes and not _sure(f"Submit these {len(plans)} runs to {cluster.name}?"):
        say("Nothing was submitted.")
        return 1
    return _submit(context, current, sweep, args)


def _show_plan(cluster: Cluster, plans: Sequence[LaunchPlan], *, as_json: bool) -> None:
    from websight_tui.cli.output import print_json, print_table, say
    from websight_tui.runs.sweeps.totals import evaluation_words, totals
    from websight_tui.words import duration

    for plan in plans if as_json else ():
        preset, forecast = plan.spec.preset, plan.forecast
        differs = {name: list(pair) for name, pair in plan.differences.items()}
        seconds, verdict = (forecast.seconds, forecast.verdict.value) if forecast is not None else (None, None)
        about = {"run": plan.spec.run_id, "cluster": cluster.name, "preset": preset.name, "differences": differs}
        print_json({**about, "forecast_s": seconds, "verdict": verdict, "evaluate": plan.spec.evaluate})
    if as_json:
        return
    rows = []
    for plan in plans:
        preset, forecast = plan.spec.preset, plan.forecast
        world = preset.world_size()
        rows.append(
            (
                preset.name,
                f"{preset.lora_rank}/{preset.lora_alpha}",
                f"{preset.num_train_epochs:g}",
                f"{preset.effective_batch(world)}",
                f"{preset.total_steps(world):,}",
                duration(forecast.seconds if forecast is not None else None),
                forecast.verdict.value if forecast is not None else "–",
            )
        )
    columns = ("run", "rank/α", "epochs", "batch", "steps", "estimate", "verdict")
    print_table(columns, rows, right=columns[1:-1])
    say(totals(plans).words())
    if clicks := evaluation_words(plans, cluster.gpu):
        say(f"{clicks} --no-evaluate leaves that out.")


def _sure(question: str) -> bool:
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _limits(current: Session, cluster: Cluster, runs: int) -> list[str]:
    """What the site's limits mean for so many more jobs."""
    from websight_tui.errors import RemoteTimeout
    from websight_tui.runs.events import JobCountsFound, QueueSeen
    from websight_tui.runs.sweeps.totals import limit_words

    try:
        current.wait(lambda event: isinstance(event, QueueSeen), timeout=_COUNTS_S, what="the queue")
        current.engine.count_jobs(cluster.name)
        found = current.wait(lambda event: isinstance(event, JobCountsFound), timeout=_COUNTS_S, what="the limits")
    except RemoteTimeout:
        return []
    counts = found.counts if isinstance(found, JobCountsFound) else None
    return limit_words(counts, runs, current.state.clusters.get(cluster.name))


def _submit(context: Context, current: Session, sweep: Sweep, args: argparse.Namespace) -> int:
    from websight_tui.cli.output import print_json, say
    from websight_tui.cli.sweep_table import show
    from websight_tui.runs.events import ActionDone, Event

    current.engine.submit_sweep(sweep)

    def done(event: Event) -> bool:
        return isinstance(event, ActionDone) and event.action == "sweep" and event.target == sweep.sweep_id

    answer = current.wait(done, timeout=_SUBMIT_S, what="the submissions", runs=sweep.run_ids)
    assert isinstance(answer, ActionDone)
    if not args.json:
        say(sentences(answer.message), file=None if answer.ok else sys.stderr)
        say(f"  → {answer.hint}" if answer.hint else f"Watch them: websight-tui sweep --show {sweep.sweep_id} --follow")
    if args.follow:
        show(context, current, sweep, follow=True, offline=False, kind="json" if args.json else args.format)
    elif args.json:
        print_json({"sweep": sweep.sweep_id, "ok": answer.ok, "message": answer.message, "hint": answer.hint})
    return 0 if answer.ok else 1


def _measure(current: Session, sweep: Sweep, args: argparse.Namespace) -> int:
    current.engine.evaluate(sweep.run_ids)
    return _told(current, sweep, "evaluate", sweep.cluster, args)


def _cancel(current: Session, sweep: Sweep, args: argparse.Namespace) -> int:
    from websight_tui.errors import WebsightError
    from websight_tui.runs.events import QueueSeen

    if not args.yes and (args.json or not sys.stdin.isatty()):
        raise WebsightError("sweep asks before it cancels", "Use --yes in scripts.")
    if not args.yes and not _sure(f"Cancel all jobs of {sweep.sweep_id} on {sweep.cluster}?"):
        return 1
    current.wait(lambda event: isinstance(event, QueueSeen), timeout=_QUEUE_S, what="the queue")
    current.engine.cancel_sweep(sweep)
    return _told(current, sweep, "cancel", sweep.sweep_id, args)


def _told(current: Session, sweep: Sweep, action: str, target: str, args: argparse.Namespace) -> int:
    """Waits for the end of an action and prints it."""
    from websight_tui.cli.output import print_json, say
    from websight_tui.runs.events import ActionDone, Event

    def done(event: Event) -> bool:
        return isinstance(event, ActionDone) and (event.action, event.target) == (action, target)

    answer = current.wait(done, timeout=_SUBMIT_S, what="the answer")
    assert isinstance(answer, ActionDone)
    if args.json:
        print_json({"sweep": sweep.sweep_id, "ok": answer.ok, "message": answer.message, "hint": answer.hint})
    else:
        say(sentences(answer.message), file=None if answer.ok else sys.stderr)
    return 0 if answer.ok else 1
