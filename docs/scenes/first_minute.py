"""The first minute: welcome, set-up, settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docs.first_minute_pictures import FOUND, OFFER
from tests.tui.fakes import NOW
from websight_tui.config import LOCAL
from websight_tui.runs import events as e
from websight_tui.runs.checks.finding import fail
from websight_tui.runs.state import Link
from websight_tui.tui.first_minute import set_up
from websight_tui.tui.new_cluster import NewCluster
from websight_tui.tui.screens.setup import SetupScreen
from websight_tui.tui.screens.welcome import WelcomeScreen

if TYPE_CHECKING:
    pass
from docs.scenes.play import Play, begin, keys, scene


@scene(begin)
async def welcome(play: Play) -> None:
    await _to_welcome(play)
    play.app.pop_screen()
    play.app.push_screen(WelcomeScreen(["hai", "juwels", "login.perlmutter.example.org"]))


async def _to_welcome(play: Play) -> None:
    for _ in range(200):
        if isinstance(play.app.screen, WelcomeScreen):
            return
        await play.pilot.pause(0.05)


async def _setting_up(play: Play) -> SetupScreen:
    await _to_welcome(play)
    play.app.pop_screen()
    set_up(play.app, NewCluster("hai", "hai", Path("~/.config/websight-tui/config.toml"), LOCAL))
    await play.pilot.pause(0.3)
    screen = play.app.screen
    assert isinstance(screen, SetupScreen)
    return screen


async def _asked(play: Play) -> SetupScreen:
    screen = await _setting_up(play)
    await play.tell(e.LinkChanged("hai", Link.ONLINE, NOW, "alice@login.hai.example.edu"))
    await play.tell(e.SiteSeen("hai", OFFER, "", NOW))
    return screen


@scene(begin)
async def setup_connecting(play: Play) -> None:
    await _setting_up(play)
    await play.tell(e.LinkChanged("hai", Link.CONNECTING, NOW - 3, stage="logging in"))


@scene(begin)
async def setup_failed(play: Play) -> None:
    await _setting_up(play)
    error = "login.hai.example.edu port 22 does not answer. Are you on the right network or VPN?"
    await play.tell(e.LinkChanged("hai", Link.FAILED, NOW, error=error))


@scene(begin)
async def setup_asking(play: Play) -> None:
    await _setting_up(play)
    await play.tell(e.LinkChanged("hai", Link.ONLINE, NOW, "alice@login.hai.example.edu"))


@scene(begin)
async def setup_account(play: Play) -> None:
    await _asked(play)


@scene(begin)
async def setup_partition(play: Play) -> None:
    await _asked(play)
    await play.press("enter")


@scene(begin)
async def setup_folder(play: Play) -> None:
    await _asked(play)
    await play.press("enter", "enter")


@scene(begin)
async def setup_own_folder(play: Play) -> None:
    await _asked(play)
    await play.press("enter", "enter", "end", "enter")


@scene(begin)
async def setup_checks(play: Play) -> None:
    screen = await _asked(play)
    await play.press("enter", "enter", "enter")
    await play.tell(*(e.CheckMade(screen.checking, finding, NOW) for finding in FOUND))


@scene(begin)
async def setup_ready(play: Play) -> None:
    screen = await _asked(play)
    await play.press("enter", "enter", "enter")
    await play.tell(*(e.CheckMade(screen.checking, finding, NOW) for finding in (*FOUND, None)))


@scene(begin)
async def setup_refused(play: Play) -> None:
    screen = await _asked(play)
    await play.press("enter", "enter", "enter")
    bad = fail("account", "ingrai may not use partition hai", "Its accounts: physics, chem. Choose another one.")
    await play.tell(*(e.CheckMade(screen.checking, finding, NOW) for finding in (*FOUND[:5], bad, None)))


keys("settings", "comma")
keys("settings-end", "comma", "end")
