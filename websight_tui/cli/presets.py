"""`websight-tui presets`: what can be launched and what it comes to."""

from __future__ import annotations

import argparse
import dataclasses

from websight_tui.cli.options import add_cluster, add_command
from websight_tui.cli.output import say


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "presets",
        run,
        "list the presets with what they come to",
        "Sizes are computed from the model's shape; hours are a forecast. With a NAME, all of that preset's fields.",
    )
    parser.add_argument("preset", nargs="?", metavar="NAME", help="show one preset in full")
    add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli.context import Context
    from websight_tui.cli.output import print_json, print_table
    from websight_tui.runs.forecasting import forecast_for
    from websight_tui.sizing import sizes
    from websight_tui.words import count, duration, size

    context = Context.of(args)
    cluster = context.cluster_or_default(args.cluster)
    chosen = [context.preset(args.preset)] if args.preset else list(context.config.presets.values())
    rows = []
    for preset in chosen:
        world = preset.world_size(cluster.gpus_per_node)
        figures = sizes(preset)
        forecast = forecast_for(cluster, preset)
        if args.json:
            print_json(
                {
                    **dataclasses.asdict(preset),
                    "world_size": world,
                    "effective_batch": preset.effective_batch(world),
                    "total_steps": preset.total_steps(world),
                    **dataclasses.asdict(figures),
                    "forecast": dataclasses.asdict(forecast),
                }
            )
        rows.append(
            (
                preset.name,
                f"{preset.lora_rank}/{preset.lora_alpha}",
                f"{preset.num_train_epochs:g}",
                f"{preset.effective_batch(world)}",
                f"{preset.total_steps(world):,}",
                size(figures.adapter_bytes),
                size(figures.gpu_memory_bytes),
                duration(forecast.seconds),
                forecast.verdict.value,
            )
        )
    if args.json:
        return 0
    columns = ("preset", "rank/α", "epochs", "batch", "steps", "adapter", "memory", "estimate", "verdict")
    print_table(columns, rows, right=columns[1:-1])
    if args.preset:
        preset, figures = chosen[0], sizes(chosen[0])
        say(f"{preset.summary}; {count(figures.trainable_parameters)} trainable parameters")
        print_table(("field", "value"), [(k, str(v)) for k, v in dataclasses.asdict(preset).items()])
    basis = forecast_for(cluster, chosen[0]).basis
    say(f"On {cluster.name}, limit {cluster.time_limit}; batch is the effective one, memory that of a GPU.")
    say(f"Hours are an estimate: {basis}.")
    return 0
