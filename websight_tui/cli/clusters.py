"""`websight-tui clusters`: the places to run, and whether they answer."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from websight_tui.cli.options import add_command
from websight_tui.cli.output import say

if TYPE_CHECKING:
    from websight_tui.config import Cluster


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "clusters",
        run,
        "list the configured clusters, or try to reach one",
        "With a NAME it logs in (asking what the login asks) and looks for Slurm there.",
    )
    parser.add_argument("cluster", nargs="?", metavar="NAME", help="log in to this one and look for Slurm")


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli.context import Context
    from websight_tui.cli.output import print_json, print_table

    context = Context.of(args)
    if args.cluster:
        return _reach(context.cluster(args.cluster), as_json=args.json)
    if args.json:
        for cluster in context.config.clusters.values():
            print_json(dataclasses.asdict(cluster))
        return 0
    rows = [
        (
            cluster.name,
            cluster.endpoint.host or "this machine",
            cluster.account or "–",
            cluster.partition or "–",
            str(cluster.gpus_per_node),
            cluster.time_limit,
            cluster.root,
        )
        for cluster in context.config.clusters.values()
    ]
    print_table(("cluster", "host", "account", "partition", "GPUs/node", "limit", "root"), rows)
    if len(context.config.clusters) == 1:
        say(f"No cluster configured yet: `websight-tui init` writes an example to {context.config.path}.")
    return 0


def _reach(cluster: Cluster, *, as_json: bool) -> int:
    from websight_tui.cli.output import print_json
    from websight_tui.cli.session import logged_in
    from websight_tui.cli.waiting import waiting
    from websight_tui.metrics.terminal_text import plain

    transport = logged_in(cluster, quiet=as_json)
    try:
        with waiting(f"{cluster.name}: asking for Slurm's version", quiet=as_json):
            answer = transport.exec("sinfo --version", timeout=20)
    finally:
        transport.close()
    version = plain(answer.stdout.strip())
    if as_json:
        print_json({"cluster": cluster.name, "address": transport.address, "slurm": version, "exit": answer.exit})
    elif answer.exit == 0:
        say(f"{cluster.name}: reached {transport.address}, {version}.")
    else:
        say(f"{cluster.name}: reached {transport.address}, but found no Slurm there: {plain(answer.stderr.strip())}")
        say("  → Try login_shell = true in its table, or add the line that loads Slurm to your profile.")
    return 0 if answer.exit == 0 else 1
