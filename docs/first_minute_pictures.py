"""Pictures of the first minute: welcome, the set-up of a made-up cluster, settings.

`python -m docs.first_minute_pictures [--size 100x30] [--out FOLDER]`
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from docs.screenshots import IMAGES, LOOK, svg_of, write
from tests.tui.fakes import NOW, FakeEngine, FakePlanner, config
from websight_tui.config import LOCAL
from websight_tui.runs import events as e
from websight_tui.runs.checks.finding import Finding, ok, warn
from websight_tui.runs.exploring import FolderOffer, PartitionOffer, SiteOffer
from websight_tui.runs.state import Link
from websight_tui.tui.app import WebsightApp
from websight_tui.tui.first_minute import set_up
from websight_tui.tui.new_cluster import NewCluster
from websight_tui.tui.screens.setup import SetupScreen
from websight_tui.tui.screens.welcome import WelcomeScreen

OFFER: Final = SiteOffer(
    ("ingrai", "hai-guest"),
    (
        PartitionOffer("hai", 8, "h100", 8 * 3600, 12, 3, default=True),
        PartitionOffer("hai-long", 8, "h100", 48 * 3600, 4, 0),
        PartitionOffer("interactive", 1, "a100", 2 * 3600, 2, 1),
    ),
    (FolderOffer("/scratch/alice", "SCRATCH", 3_200_000_000_000), FolderOffer("/home/alice", "HOME", 41_000_000_000)),
    ("~/venvs/llamafactory/bin/python",),
)
FOUND: Final[tuple[Finding, ...]] = (
    ok("shell", "quiet; home is /home/alice"),
    ok("files", "files can be read"),
    ok("slurm", "slurm 23.11.4: /usr/bin/sbatch (on the system's own PATH)"),
    ok("controller", "cluster hai answers in 82 ms"),
    ok("accounting", "on, and its database answers; accounts are enforced"),
    ok("account", "ingrai is yours; at most 16 GPUs at once"),
    ok("partition", "hai: 12 nodes with 8 GPUs each, jobs up to 8 h 00 min"),
    ok("folder", "/scratch/alice/websight-v2 can be written (it will be made by the first launch)"),
    ok("disk", "3.2 TB are free, the checkpoints of rank32 need 5.2 GB"),
    warn(
        "model",
        "Qwen/Qwen3-VL-8B-Instruct is not in ~/.cache/huggingface/hub: the job would download it",
        "Fetch it on the login node first: hf download Qwen/Qwen3-VL-8B-Instruct",
    ),
)


def make_app(folder: Path) -> WebsightApp:
    made_up = config(folder / "config.toml")
    made_up = replace(made_up, clusters=MappingProxyType({LOCAL: made_up.clusters[LOCAL]}), ui=LOOK)

    def engine(emit: Callable[[e.Event], None]) -> FakeEngine:
        return FakeEngine(emit)

    return WebsightApp(made_up, engine, clock=lambda: NOW, planner=FakePlanner(), initial_cluster="")


async def pictures(folder: Path, size: tuple[int, int]) -> dict[str, str]:
    """SVG by name: the welcome, a question, the check."""
    app, taken = make_app(folder), {}
    async with app.run_test(size=size) as pilot:

        async def settle(seconds: float = 0.3) -> None:
            await pilot.pause(seconds)

        deadline = time.monotonic() + 10
        while not isinstance(app.screen, WelcomeScreen) and time.monotonic() < deadline:
            await pilot.pause(0.05)
        app.pop_screen()
        app.push_screen(WelcomeScreen(["hai", "juwels", "login.perlmutter.example.org"]))
        await settle()
        taken["welcome"] = svg_of(app)
        app.pop_screen()
        set_up(app, NewCluster("hai", "hai", Path("~/.config/websight-tui/config.toml"), LOCAL))
        await settle()
        app.controller.emit(e.LinkChanged("hai", Link.ONLINE, NOW, "alice@login.hai.example.edu"))
        app.controller.emit(e.SiteSeen("hai", OFFER, "", NOW))
        await settle()
        await pilot.press("enter")
        await settle()
        taken["setup-partition"] = svg_of(app)
        await pilot.press("enter")
        await settle()
        await pilot.press("enter")
        await settle()
        screen = app.screen
        if isinstance(screen, SetupScreen):
            for finding in FOUND:
                app.controller.emit(e.CheckMade(screen.checking, finding, NOW))
            await settle()
        taken["setup"] = svg_of(app)
        app.pop_screen()
        await settle()
        await pilot.press("comma")
        await settle()
        taken["settings"] = svg_of(app)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=IMAGES)
    parser.add_argument("--size", default="100x30", help="columns x rows")
    args = parser.parse_args()
    columns, rows = (int(part) for part in args.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        for name, svg in asyncio.run(pictures(Path(folder), (columns, rows))).items():
            print(write(svg.replace(folder, "~/.config/websight-tui"), name, args.out))


if __name__ == "__main__":
    main()
