"""`websight-tui demo`: the main job on the embedded cluster."""

from __future__ import annotations

import argparse
import sys

from websight_tui.cli.options import add_command
from websight_tui.cli.output import say


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "demo",
        run,
        "try everything on an embedded cluster, without a real one",
        "Starts a small SSH server with a small Slurm on this machine and opens the app on it; the preset 'tiny' "
        "trains a random 1 MB model for real where the trainer is installed (`make demo` sees to it), and replays a "
        "recorded run where it is not. Jobs go on when the app is closed.",
    )
    parser.add_argument("--headless", action="store_true", help="no app: submit 'tiny' and print each change")
    parser.add_argument("--replay", action="store_true", help="replay even where the trainer is installed")
    parser.add_argument("--stop", action="store_true", help="end the embedded cluster and its jobs")


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli.app import no_app, open_app
    from websight_tui.cli.demo_cluster import demo_config, demo_folder, start_cluster, stop_cluster
    from websight_tui.cli.waiting import waiting
    from websight_tui.config import load_config

    if args.stop:
        with waiting("stopping the embedded cluster and its jobs", quiet=args.json):
            stop_cluster()
        if not args.json:
            say("The embedded cluster and its jobs are stopped.")
        return 0
    headless = args.headless or args.json or not sys.stdout.isatty() or bool(no_app())
    with waiting("starting the embedded cluster", quiet=args.json):
        cluster, replay = start_cluster(replay=args.replay)
    config = demo_config(load_config(), cluster)
    if headless:
        from websight_tui.cli.follow import launch_and_follow

        return launch_and_follow(
            config, demo_folder(), cluster, config.presets["tiny"], as_json=args.json, note="replay" if replay else ""
        )
    return open_app(
        config, demo_folder(), initial_cluster=cluster.name, demo=f"demo · {'replay' if replay else 'embedded cluster'}"
    )
