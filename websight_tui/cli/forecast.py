"""`websight-tui forecast`: hours of every preset against the limit, before anything is launched."""

from __future__ import annotations

import argparse
import dataclasses
import time
from typing import TYPE_CHECKING

from websight_tui.cli.options import add_cluster, add_command
from websight_tui.cli.output import say
from websight_tui.words import duration

if TYPE_CHECKING:
    from websight_tui.cli.session import Session
    from websight_tui.config import Cluster
    from websight_tui.projection.model import Forecast
    from websight_tui.slurm_commands.site import Layout


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
    parser.add_argument(
        "--connect", action="store_true", help="ask the cluster first what its partition allows and what it reserved"
    )
    add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli import OK, WILL_NOT_FIT
    from websight_tui.cli.context import Context
    from websight_tui.cli.output import print_json, print_table
    from websight_tui.cli.session import session
    from websight_tui.projection.forecast import track_record
    from websight_tui.projection.model import Verdict
    from websight_tui.runs.bounds import bounds_of
    from websight_tui.runs.forecasting import forecast_for, history_of, scores_of
    from websight_tui.slurm_commands.site import NOT_KNOWN

    context = Context.of(args)
    cluster = context.cluster_or_default(args.cluster)
    if args.preset:
        chosen = [context.edited_preset(args.preset, args.settings)[0]]
    else:
        chosen = list(context.config.presets.values())
    with session(context.config, context.data) as current:
        history = history_of(current.state.runs.values())
        record = track_record(scores_of(current.state.runs.values()))
        layout = _layout(current, cluster) if args.connect else NOT_KNOWN
    forecasts = [forecast_for(cluster, preset, history, samples=args.samples, layout=layout) for preset in chosen]
    now = time.time()
    bounds = [bounds_of(cluster, preset, made, layout, now) for preset, made in zip(chosen, forecasts, strict=True)]
    if args.json:
        for forecast, bound in zip(forecasts, bounds, strict=True):
            against = [dataclasses.asdict(one) for one in bound]
            made = dataclasses.asdict(forecast)
            print_json({"cluster": cluster.name, **made, "against": against, "track_record": record})
    else:
        rows = [
            (f.preset, f"{f.steps:,}", duration(f.seconds), band(f), duration(f.limit_s), f.verdict.value)
            for f in forecasts
        ]
        print_table(("preset", "steps", "estimate", "80 % band", "limit", "verdict"), rows, right=("steps", "estimate"))
        for basis in dict.fromkeys(f.basis for f in forecasts):
            say(f"Estimates from {basis}: {', '.join(f.preset for f in forecasts if f.basis == basis)}.")
        said = dict.fromkeys(one.words for bound in bounds for one in bound if one.words)
        for words in said:
            whose = (f.preset for f, bound in zip(forecasts, bounds, strict=True) if words in [b.words for b in bound])
            say(f"{', '.join(whose)}: {words}.")
        say("The limit is less the time that saving and stopping needs.")
        if record:
            say(f"{record}.")
    sure_not = args.preset and forecasts[0].verdict is Verdict.WILL_NOT_FIT
    return WILL_NOT_FIT if sure_not else OK


def _layout(current: Session, cluster: Cluster) -> Layout:
    """What the cluster's partitions allow and what is reserved there; empty if Slurm does not say."""
    from websight_tui.runs.events import LayoutSeen, SchedulerTrouble
    from websight_tui.slurm_commands.site import NOT_KNOWN

    current.connect(cluster)
    seen = current.wait(
        lambda event: isinstance(event, (LayoutSeen, SchedulerTrouble)), timeout=120, what="partitions and reservations"
    )
    return seen.layout if isinstance(seen, LayoutSeen) else NOT_KNOWN


def band_words(forecast: Forecast) -> str:
    """ "2 h 10 min (80 %: 1 h 02 min to 4 h 30 min), fits; no run of yours yet"."""
    return f"{duration(forecast.seconds)} (80 %: {band(forecast)}), {forecast.verdict.value}; {forecast.basis}"


def band(forecast: Forecast) -> str:
    """The 80 % band in words: "1 h 02 min to 4 h 30 min"."""
    if forecast.seconds_80 is None:
        return "–"
    low, high = forecast.seconds_80
    return f"{duration(low)} to {duration(high)}"
