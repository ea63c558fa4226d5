"""`websight-tui probe PRESET`: a few steps on the cluster, for a forecast that knows it."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import TYPE_CHECKING

from websight_tui.cli.options import add_cluster, add_command, add_preset
from websight_tui.cli.output import say

if TYPE_CHECKING:
    from websight_tui.projection.model import Forecast


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "probe",
        run,
        "sharpen a preset's forecast with a few steps on the cluster",
        "Submits the preset with a step cap and a short limit, waits for its end and prints the new forecast beside "
        "the old one; later forecasts use it, too. Ends with 4 if the preset will not fit.",
    )
    add_preset(parser)
    parser.add_argument("--steps", type=_steps, metavar="N", help="steps of the probe (20; at least 5)")
    add_cluster(parser)


def _steps(text: str) -> int:
    if not text.isdigit() or int(text) < 5:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of steps from 5 on")
    return int(text)


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli import OK, WILL_NOT_FIT
    from websight_tui.cli.context import Context
    from websight_tui.cli.follow import follow, submit
    from websight_tui.cli.session import session
    from websight_tui.errors import WebsightError
    from websight_tui.projection.model import Verdict
    from websight_tui.runs.forecasting import forecast_for, history_of
    from websight_tui.runs.probing import STEPS, limited, probe_of
    from websight_tui.slurm_commands.times import parse_duration

    context = Context.of(args)
    cluster = context.cluster_or_default(args.cluster)
    preset, _ = context.edited_preset(args.preset, args.settings)
    probe = probe_of(preset, args.steps or STEPS)
    with session(context.config, context.data) as current:
        history = history_of(current.state.runs.values())
        before = forecast_for(cluster, preset, history)
        longest_s = parse_duration(preset.time_limit or cluster.time_limit)
        probe = limited(probe, forecast_for(cluster, probe, history), longest_s)
        current.connect(cluster)
        run_id = submit(current, context.config, cluster, probe, preset)
        if not args.json:
            say(f"{run_id}: {probe.max_steps} steps on {cluster.name}, at most {probe.time_limit}.", flush=True)
        try:
            follow(current, run_id, as_json=args.json)
        except KeyboardInterrupt:
            say(f"\n{run_id} goes on; once it has ended, `websight-tui status` reads what it tells.", file=sys.stderr)
            raise
        ended = current.state.runs[run_id]
        history = history_of(current.state.runs.values())
    if not any(past.run_id == run_id for past in history):
        raise WebsightError(
            f"the probe tells nothing: it ended as '{ended.phase.value}' before its steps could be measured",
            f"`websight-tui logs {run_id} --stderr` says why.",
        )
    after = forecast_for(cluster, preset, history)
    _show(args, run_id, before, after)
    return WILL_NOT_FIT if after.verdict is Verdict.WILL_NOT_FIT else OK


def _show(args: argparse.Namespace, run_id: str, before: Forecast, after: Forecast) -> None:
    from websight_tui.cli.forecast import band
    from websight_tui.cli.output import print_json, print_table
    from websight_tui.words import duration

    both = {"before": before, "after": after}
    if args.json:
        print_json({"probe": run_id, **{name: dataclasses.asdict(made) for name, made in both.items()}})
        return
    rows = [
        (name, f"{f.steps:,}", duration(f.seconds), band(f), duration(f.limit_s), f.verdict.value)
        for name, f in both.items()
    ]
    print_table((after.preset, "steps", "estimate", "80 % band", "limit", "verdict"), rows, right=("steps", "estimate"))
    say(f"Before, from {before.basis}; after, from {after.basis}.")
