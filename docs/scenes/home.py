"""Home: its lists, its connection, and the windows over it."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

from tests.tui.fakes import NOW
from websight_tui.remote.port import HostKey, Prompt
from websight_tui.runs import events as e
from websight_tui.runs.state import Link
from websight_tui.tui.messages import PromptRequested, Question
from websight_tui.tui.screens.too_small import TooSmallScreen

if TYPE_CHECKING:
    pass
from docs.scenes.play import Play, busy, keys, quiet, scene

keys("home")
keys("home-run", "tab")
keys("home-tight", "tab", "j")
keys("home-ended", "tab", "j", "j", "j")
keys("home-queue", "tab", "tab")
keys("home-foreign-job", "tab", "tab", "j", "j")
keys("home-will-not-fit", "5")
keys("home-marked", "1", "space", "space")
keys("home-more-keys", "tab", "full_stop")


@scene(quiet)
async def home_empty(play: Play) -> None:
    await play.tell(e.LinkChanged("hai", Link.ONLINE, NOW, "alice@login.hai.example.edu"), e.QueueSeen("hai", (), NOW))


@scene(quiet)
async def home_empty_queue(play: Play) -> None:
    await home_empty(play)
    await play.press("tab", "tab")


@scene(quiet)
async def home_empty_runs(play: Play) -> None:
    await home_empty(play)
    await play.press("tab")


@scene(quiet)
async def connecting(play: Play) -> None:
    await play.tell(e.LinkChanged("hai", Link.CONNECTING, NOW - 7, stage="logging in through jump.example.edu"))
    await play.press("tab", "tab")


@scene(busy)
async def reconnecting(play: Play) -> None:
    await play.tell(e.LinkChanged("hai", Link.RECONNECTING, NOW - 40, error="the connection was lost"))


@scene(quiet)
async def offline(play: Play) -> None:
    await play.tell(e.LinkChanged("hai", Link.OFFLINE, NOW))
    await play.press("tab", "tab")


@scene(quiet)
async def failed_link(play: Play) -> None:
    await play.tell(e.LinkChanged("hai", Link.FAILED, NOW, error="no route to hai. Is the VPN up?"))
    await play.press("tab", "tab")


@scene(busy)
async def scheduler_trouble(play: Play) -> None:
    await play.tell(e.SchedulerTrouble("hai", "slurmctld does not answer (Unable to contact slurm controller)", NOW))


@scene(quiet)
async def login_password(play: Play) -> None:
    asked = Question("Login to hai", "", (Prompt("alice@login.hai.example.edu's password: "),))
    play.app.post_message(PromptRequested(asked, Future()))


@scene(quiet)
async def login_code(play: Play) -> None:
    words = "Welcome to HAI. Two factors are needed.\nCodes are at https://id.example.edu."
    asked = Question("Login to hai", words, (Prompt("Password: "), Prompt("Verification code: ", echo=True)))
    play.app.post_message(PromptRequested(asked, Future()))


@scene(quiet)
async def host_key(play: Play) -> None:
    key = HostKey("login.hai.example.edu", "ssh-ed25519", "SHA256:1cXKxj1pDkzGJ0e2mVAmvNgMbTtfhWzqwPjDqRzIY3A")
    play.app.post_message(PromptRequested(key, Future()))


@scene(busy)
async def too_small(play: Play) -> None:
    play.app.push_screen(TooSmallScreen((220, 66)))


keys("choose-cluster", "s")
keys("palette", "ctrl+p")
keys("palette-search", "ctrl+p", *"lau")
keys("help", "question_mark")
keys("help-run", "tab", "enter", "question_mark")


@scene(busy)
async def toasts(play: Play) -> None:
    message = "Submitted rank32-261123-140212-9f3a as job 48213"
    await play.tell(e.ActionDone("submit", "x", True, message, NOW))
    await play.tell(e.Notice("The history could not be written: the disk is full", NOW, "Free some space."))
