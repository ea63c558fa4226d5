"""`websight-tui forecast`: hours of every preset against the limit, before anything is launched."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from websight_tui.cli.options import add_cluster, add_command
from websight_tui.cli.output import say
from websight_tui.words import duration

if TYPE_CHECKING:
    from websight_tui.projection.model import Forecast


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "forecast",
        run,
        "say before the launch whether a preset will fit the limit",
        "From your own runs on this cluster where there are any, else from a cost model with a wide band. With a "
        "PRESET, ends with 4 if that one will not fit.",
    )
    parser.add_argument("preset", nargs="?", metavar="PRESET", help="one preset (default: all)")
    parser.add_argument("--set", dest="settings", metavar="FIELD=VALUE", action="append", default=[], help="change it")
    parser.add_argument("--samples", type=int, metavar="N", help="true rows of the training data")
    add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli import OK, WILL_NOT_FIT
    from websight_tui.cli.context import Context
    from websight_tui.cli.output import print_json, print_table
    from websight_tui.cli.session import session
    from websight_tui.projection.forecast import track_record
    from websight_tui.projection.model import Verdict
    from websight_tui.runs.forecasting import forecast_for, history_of, scores_of

    context = Context.of(args)
    cluster = context.cluster_or_default(args.cluster)
    if args.preset:
        chosen = [context.edited_preset(args.preset, args.settings)[0]]
    else:
        chosen = list(context.config.presets.values())
    with session(context.config, context.data) as current:
        history = history_of(current.state.runs.values())
        record = track_record(scores_of(current.state.runs.values()))
    forecasts = [forecast_for(cluster, preset, history, samples=args.samples) for preset in chosen]
    if args.json:
        for forecast in forecasts:
            print_json({"cluster": cluster.name, **dataclasses.asdict(forecast), "track_record": record})
    else:
        rows = [
            (f.preset, f"{f.steps:,}", duration(f.seconds), band(f), duration(f.limit_s), f.verdict.value)
            for f in forecasts
        ]
        print_table(("preset", "steps", "estimate", "80 % band", "limit", "verdict"), rows, right=("steps", "estimate"))
        for basis in dict.fromkeys(f.basis for f in forecasts):
            say(f"Estimates from {basis}: {', '.join(f.preset for f in forecasts if f.basis == basis)}.")
        say("The limit is less the time that saving and stopping needs.")
        if record:
            say(f"{record}.")
    sure_not = args.preset and forecasts[0].verdict is Verdict.WILL_NOT_FIT
    return WILL_NOT_FIT if sure_not else OK


def band_words(forecast: Forecast) -> str:
    """ "2 h 10 min (80 %: 1 h 02 min to 4 h 30 min), fits; no run of yours yet"."""
    return f"{duration(forecast.seconds)} (80 %: {band(forecast)}), {forecast.verdict.value}; {forecast.basis}"


def band(forecast: Forecast) -> str:
    """The 80 % band in words: "1 h 02 min to 4 h 30 min"."""
    if forecast.seconds_80 is None:
        return "–"
    low, high = forecast.seconds_80
    return f"{duration(low)} to {duration(high)}"
