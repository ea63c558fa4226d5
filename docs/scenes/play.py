"""An app that is played for a picture: what a scene is, and the apps that scenes begin with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from docs.first_minute_pictures import make_app as beginners_app
from docs.screenshots import make_app as busy_app
from tests.tui.conftest import Stage
from websight_tui.presets import BUILT_IN
from websight_tui.runs import events as e
from websight_tui.runs.state import RunView
from websight_tui.tui.app import WebsightApp
from websight_tui.tui.screens.run import RunScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot

PRESETS: Final = {preset.name: preset for preset in BUILT_IN}
SETTLE_S: Final = 0.6
"""Charts are drawn at most twice a second."""


@dataclass(frozen=True, slots=True)
class Play:
    """An app that runs, for a scene to act on."""

    app: WebsightApp
    pilot: Pilot[None]

    async def press(self, *pressed: str) -> None:
        """Presses keys, one after the other, with time for each to be shown."""
        for key in pressed:
            await self.pilot.press(key)
        await self.pilot.pause(0.1)

    async def tell(self, *events: e.Event) -> None:
        """What the engine says."""
        for event in events:
            self.app.controller.emit(event)
        await self.pilot.pause(0.1)

    async def open(self, run: RunView) -> RunScreen:
        """The screen of a run that is added to the others."""
        await self.tell(e.RunLoaded(run))
        screen = RunScreen(run.spec.run_id)
        self.app.push_screen(screen)
        await self.pilot.pause(0.1)
        return screen


Act = Callable[[Play], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture: an app to begin with, and how to get there from its first screen."""

    name: str
    act: Act
    make: Callable[[Path], WebsightApp]


SCENES: Final[list[Scene]] = []


def busy(_: Path) -> WebsightApp:
    return busy_app()


def swept(_: Path) -> WebsightApp:
    return busy_app("sweep")


def quiet(folder: Path) -> WebsightApp:
    return Stage(folder / "config.toml", busy=False).app


def begin(folder: Path) -> WebsightApp:
    return beginners_app(folder)


def scene(make: Callable[[Path], WebsightApp]) -> Callable[[Act], Act]:
    def keep(act: Act) -> Act:
        SCENES.append(Scene(act.__name__.replace("_", "-"), act, make))
        return act

    return keep


def keys(name: str, *pressed: str, make: Callable[[Path], WebsightApp] = busy) -> None:
    """A scene that keys alone lead to."""

    async def act(play: Play) -> None:
        await play.press(*pressed)

    SCENES.append(Scene(name, act, make))
