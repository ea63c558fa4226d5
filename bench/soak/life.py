"""What a person does to the app in weeks, over and over: launches runs, looks at them, opens and closes everything,
looks away; and what happens to it: cut connections, a suspended process."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from textual import events
from textual.pilot import Pilot

from bench.line import Line
from websight_tui.runs.phase import OVER
from websight_tui.tui.app import WebsightApp
from websight_tui.tui.screens.confirm import ConfirmScreen
from websight_tui.tui.screens.home import HomeScreen
from websight_tui.tui.screens.launch import LaunchScreen
from websight_tui.tui.screens.run import RunScreen

RUN_KEYS = (*"mmxyvvvogzz", "plus", "minus", "0", "left", "right", "f", "f", "w", "w", "r", "escape")
"""What is pressed on a run's screen: every view of it, nothing that changes the run."""
SUSPENDED_S = 2.0


class Life:
    """One app's life.

    Args:
        line: what the app is connected through.
        counts: of what happened, by name.
        live_runs: so many runs are kept in the queue.
    """

    def __init__(self, app: WebsightApp, pilot: Pilot[None], line: Line, counts: Counter[str], live_runs: int) -> None:
        self.app, self.pilot, self.line, self.counts = app, pilot, line, counts
        self._live_runs = live_runs
        self._random = random.Random(7)
        self._sleeper: subprocess.Popen[bytes] | None = None

    async def act(self) -> None:
        """One thing that people do: a launch if there is room, else something else by chance."""
        live = [run for run in self.app.runs if run.phase not in OVER]
        do: Callable[[], Awaitable[None]] = self.launch
        if len(live) >= self._live_runs:
            do = self._random.choice(
                [self.look_at_run] * 4
                + [self.look_at_job, self.overlay, self.other_screens, self.other_screens, self.resume, self.resize]
            )
        await self.home()
        await do()
        self.counts["screens opened and closed"] += 1
        await self.home()

    async def home(self) -> None:
        for _ in range(8):
            if isinstance(self.app.screen, HomeScreen):
                return
            await self.pilot.press("escape")
            await self.pilot.pause()
        raise AssertionError(f"escape does not lead home from {self.app.screen}")

    async def until(self, true: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.1)
        return True

    async def launch(self) -> None:
        """Reviews and submits the first preset, as far as the connection of the moment lets it."""
        await self.pilot.press("1", "enter")
        if not await self.until(lambda: isinstance(self.app.screen, LaunchScreen), 10):
            return
        await self.pilot.press("enter")

        async def answered() -> bool:
            if isinstance(self.app.screen, ConfirmScreen):
                await self.pilot.press("y")
            return isinstance(self.app.screen, RunScreen)

        for _ in range(50):
            if await answered():
                self.counts["launches"] += 1
                return
            await asyncio.sleep(0.1)

    async def _pane(self, name: str) -> bool:
        for _ in range(3):
            if isinstance(self.app.screen, HomeScreen) and self.app.screen.pane == name:
                return True
            await self.pilot.press("tab")
        return False

    async def look_at_run(self) -> None:
        if await self._pane("runs"):
            down = self._random.randrange(min(10, max(1, len(self.app.runs))))
            await self.pilot.press(*["down"] * down, "enter")
            await self.press_slowly(self._random.sample(RUN_KEYS, 6))

    async def look_at_job(self) -> None:
        if await self._pane("queue"):
            await self.pilot.press("enter")
            await self.press_slowly(("v",))

    async def overlay(self) -> None:
        if await self._pane("runs"):
            await self.pilot.press("space", "down", "space", "o")
            await self.press_slowly(("space", "m", "x"))

    async def other_screens(self) -> None:
        keys = self._random.choice(
            [("question_mark",), ("ctrl+p", *"theme"), ("d",), ("e", "down", "down"), ("1", "enter"), ("T",)]
        )
        if await self._pane("presets"):
            await self.press_slowly(keys)

    async def resume(self) -> None:
        """Gives the newest stopped run one more job."""
        if await self._pane("runs"):
            await self.pilot.press("r")
            await asyncio.sleep(0.3)
            if isinstance(self.app.screen, ConfirmScreen):
                await self.pilot.press("y")
                self.counts["resumes"] += 1

    async def resize(self) -> None:
        size = self._random.choice([(80, 24), (120, 36), (160, 45)])
        await self.pilot.resize_terminal(*size)

    async def press_slowly(self, keys: Sequence[str]) -> None:
        for key in keys:
            await self.pilot.press(key)
            await asyncio.sleep(0.1)

    # what happens to it

    def show(self, shown: bool) -> None:
        self.app.post_message(events.AppFocus() if shown else events.AppBlur())
        self.counts["times shown" if shown else "times hidden"] += 1

    def cut(self) -> None:
        self.line.cut()
        self.counts["connections cut"] += 1

    def suspend(self) -> None:
        """Stops this whole process for a moment, as closing the lid does."""
        if self._sleeper is not None and self._sleeper.poll() is None:
            return
        command = f"kill -STOP {os.getpid()}; sleep {SUSPENDED_S}; kill -CONT {os.getpid()}"
        self._sleeper = subprocess.Popen(["/bin/sh", "-c", command])
        self.counts["suspended"] += 1
