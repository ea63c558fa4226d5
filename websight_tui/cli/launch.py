"""`websight-tui submit` and `render`: launching without the app."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from typing import TYPE_CHECKING

from websight_tui.cli.options import add_cluster, add_command, add_preset
from websight_tui.cli.output import say

if TYPE_CHECKING:
    from websight_tui.projection.model import Forecast
    from websight_tui.runs.plan import LaunchPlan


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "submit",
        run,
        "launch a preset",
        "Uploads the trainer once, writes run.json, calls sbatch exactly once. A submission whose answer was lost is "
        "looked up, never sent again.",
    )
    add_preset(parser)
    add_cluster(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would happen; connect to nothing")
    parser.add_argument("--watch", action="store_true", help="stay and print each change until the run has ended")
    parser = add_command(commands, "render", render, "print the job script that submit would send")
    add_preset(parser)
    add_cluster(parser)
    parser.add_argument(
        "--by-hand",
        action="store_true",
        help="the script for `sbatch` by hand, which needs no app: as the ones in slurm/",
    )


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli.context import Context
    from websight_tui.cli.follow import figures, follow, submit
    from websight_tui.cli.output import print_json
    from websight_tui.cli.session import session
    from websight_tui.runs.forecasting import forecast_for, history_of

    context = Context.of(args)
    cluster = context.cluster_or_default(args.cluster)
    preset, base = context.edited_preset(args.preset, args.settings)
    with session(context.config, context.data) as current:
        forecast = forecast_for(cluster, preset, history_of(current.state.runs.values()))
        if args.dry_run:
            return _show(_plan(args), forecast, as_json=args.json)
        current.connect(cluster)
        run_id = submit(current, context.config, cluster, preset, base)
        if args.watch:
            return follow(current, run_id, as_json=args.json)
        job = current.state.runs[run_id].job
        if args.json:
            print_json(figures(current.state.runs[run_id]))
        else:
            say(f"{run_id} is job {job.job_id if job else '?'} on {cluster.name}.")
            say(f"Watch it: websight-tui watch {run_id}")
    return 0


def render(args: argparse.Namespace) -> int:
    from websight_tui.cli.output import print_json

    if args.by_hand:
        from websight_tui.cli.context import Context
        from websight_tui.slurm_commands.script import render_by_hand

        preset, _ = Context.of(args).edited_preset(args.preset, args.settings)
        script, cluster = render_by_hand(preset), None
    else:
        from websight_tui.runs.plan import HOME_LATER

        plan = _plan(args)
        script, cluster = plan.script, plan.spec.cluster
        if not plan.resolved and not args.json:
            say(f"websight-tui: {HOME_LATER}; --by-hand is for sbatch without the app", file=sys.stderr)
    if args.json:
        print_json({"preset": args.preset, "cluster": cluster, "script": script})
    else:
        sys.stdout.write(script)  # byte for byte what would be submitted
    return 0


def _plan(args: argparse.Namespace) -> LaunchPlan:
    from websight_tui.cli.context import Context
    from websight_tui.runs.plan import plan_launch

    context = Context.of(args)
    cluster = context.cluster_or_default(args.cluster)
    preset, base = context.edited_preset(args.preset, args.settings)
    return plan_launch(context.config, cluster, preset, base, now=time.time())


def _show(plan: LaunchPlan, forecast: Forecast, *, as_json: bool) -> int:
    from websight_tui.cli.forecast import band_words
    from websight_tui.cli.output import print_json
    from websight_tui.words import size

    spec = plan.spec
    if as_json:
        print_json(
            {
                "run": spec.run_id,
                "cluster": spec.cluster,
                "run_dir": spec.run_dir,
                "differences": {name: list(pair) for name, pair in plan.differences.items()},
                "upload_bytes": sum(count for _, count in plan.upload),
                "forecast": dataclasses.asdict(forecast),
                "script": plan.script,
            }
        )
        return 0
    from websight_tui.runs.plan import HOME_LATER

    say(plan.script)
    if not plan.resolved:
        say(f"{HOME_LATER}.")
    for name, (was, becomes) in plan.differences.items():
        say(f"{name}: {becomes} (the preset says {was})")
    say(f"Run folder: {spec.run_dir} on {spec.cluster}")
    say(f"Upload: {len(plan.upload)} files, {size(sum(count for _, count in plan.upload))}, unless they are there")
    say(f"Forecast: {band_words(forecast)}")
    say("Nothing was sent. Without --dry-run this would be submitted.")
    return 0
