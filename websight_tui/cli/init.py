"""`websight-tui init`: writes a commented example configuration."""

from __future__ import annotations

import argparse
from typing import Final

from websight_tui.cli.options import add_command
from websight_tui.cli.output import say

EXAMPLE: Final = """\
# websight-tui's configuration. Lines that begin with # are examples or defaults.

# One table a cluster; the name is yours. Login, keys, jump hosts and ports come from ~/.ssh/config.
# [clusters.hai]
# host = "hai"                      # an alias of ~/.ssh/config, or a host name
# root = "~/websight-v2"            # runs/ and bundles/ go here; use scratch if home is small
# account = "ingrai"                # sbatch --account
# partition = "hai"                 # sbatch --partition
# gpus_per_node = 8
# gpu = "H100"                      # their kind, for forecasts before your first run
# time_limit = "8:00:00"            # sbatch --time
# setup = ["module load cuda", "source ~/venvs/llamafactory/bin/activate"]
# python = "python3"                # the Python that has LLaMA-Factory (after setup)
# poll_floor_s = 5                  # the least seconds between two scheduler calls that your site allows
# transport = "auto"                # auto, paramiko, openssh (your own ssh with its ControlMaster), local
# login_shell = true                # run commands through a login shell; left out: found out by itself

# Your own presets start from another one and change some fields (`websight-tui presets rank32` lists them all).
# [presets.mine]
# base = "rank32"
# lora_rank = 24
# lora_alpha = 48
# dataset_dir = "data"              # relative to the cluster's root

# Keys: action = "key" (press ? in the app for the actions' names).
# [keys]
# quit = "ctrl+q"

# [ui]
# theme = "auto"                    # websight-dark, -light, -contrast, -colour-blind, -mono, or one of Textual's
# symbols = "auto"                  # unicode or ascii
# title = true                      # the terminal's title says how the newest run stands
# bell = false                      # ring when a verdict changes, and when a run ends or fails
# desktop = "off"                   # a desktop notification then: auto, osc9, osc777 or osc99
# webhook = ""                      # an address that gets a message then: ntfy (https://ntfy.sh/TOPIC), Slack, your own
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "init",
        run,
        "write a commented example of config.toml",
        "An existing file is left alone unless --force is given; then it is kept beside as config.toml.bak.",
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file (kept as config.toml.bak)")


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli.output import print_json
    from websight_tui.config import config_path
    from websight_tui.errors import ConfigError

    path = config_path()
    if path.exists() and not args.force:
        raise ConfigError(f"{path} exists already", "Edit it, or use --force (the old one is kept as config.toml.bak).")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists():
            path.replace(path.with_suffix(".toml.bak"))
        path.touch(mode=0o600)
        path.write_text(EXAMPLE, encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{path} cannot be written: {exc.strerror}", "Check the folder's permissions.") from exc
    if args.json:
        print_json({"config": str(path)})
    else:
        say(f"Wrote {path}.\nUncomment [clusters.…], set host and account, then run `websight-tui clusters`.")
    return 0
