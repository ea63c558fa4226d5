"""Every screen of the app in every state worth a look, on a made-up cluster (tests/tui/fakes.py)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from docs.first_minute_pictures import FOUND, OFFER
from docs.first_minute_pictures import make_app as beginners_app
from docs.screenshots import make_app as busy_app
from tests.tui.conftest import Stage
from tests.tui.fakes import NOW, job, running
from websight_tui.config import LOCAL
from websight_tui.metrics.model import TrainingLog
from websight_tui.presets import BUILT_IN
from websight_tui.projection.model import Verdict
from websight_tui.remote.port import HostKey, Prompt
from websight_tui.runs import events as e
from websight_tui.runs.checks.finding import fail, ok, warn
from websight_tui.runs.pieces import Place
from websight_tui.runs.saved_work.checkpoints import Saved, Whole
from websight_tui.runs.saved_work.tasks import Answer, Kind, Stand, Task
from websight_tui.runs.state import Link, LogTail, Outcome, RunView
from websight_tui.tui.app import WebsightApp
from websight_tui.tui.first_minute import set_up
from websight_tui.tui.messages import PromptRequested, Question
from websight_tui.tui.new_cluster import NewCluster
from websight_tui.tui.screens.click import ClickScreen
from websight_tui.tui.screens.launch import LaunchScreen
from websight_tui.tui.screens.run import RunScreen
from websight_tui.tui.screens.setup import SetupScreen
from websight_tui.tui.screens.too_small import TooSmallScreen
from websight_tui.tui.screens.welcome import WelcomeScreen

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

    async def press(self, *keys: str) -> None:
        """Presses keys, one after the other, with time for each to be shown."""
        for key in keys:
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


def _busy(_: Path) -> WebsightApp:
    return busy_app()


def _swept(_: Path) -> WebsightApp:
    return busy_app("sweep")


def _quiet(folder: Path) -> WebsightApp:
    return Stage(folder / "config.toml", busy=False).app


def _begin(folder: Path) -> WebsightApp:
    return beginners_app(folder)


def _scene(make: Callable[[Path], WebsightApp]) -> Callable[[Act], Act]:
    def keep(act: Act) -> Act:
        SCENES.append(Scene(act.__name__.replace("_", "-"), act, make))
        return act

    return keep


def _keys(name: str, *keys: str, make: Callable[[Path], WebsightApp] = _busy) -> None:
    """A scene that keys alone lead to."""

    async def act(play: Play) -> None:
        await play.press(*keys)

    SCENES.append(Scene(name, act, make))


# the first minute


@_scene(_begin)
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


@_scene(_begin)
async def setup_connecting(play: Play) -> None:
    await _setting_up(play)
    await play.tell(e.LinkChanged("hai", Link.CONNECTING, NOW - 3, stage="logging in"))


@_scene(_begin)
async def setup_failed(play: Play) -> None:
    await _setting_up(play)
    error = "login.hai.example.edu port 22 does not answer. Are you on the right network or VPN?"
    await play.tell(e.LinkChanged("hai", Link.FAILED, NOW, error=error))


@_scene(_begin)
async def setup_asking(play: Play) -> None:
    await _setting_up(play)
    await play.tell(e.LinkChanged("hai", Link.ONLINE, NOW, "alice@login.hai.example.edu"))


@_scene(_begin)
async def setup_account(play: Play) -> None:
    await _asked(play)


@_scene(_begin)
async def setup_partition(play: Play) -> None:
    await _asked(play)
    await play.press("enter")


@_scene(_begin)
async def setup_folder(play: Play) -> None:
    await _asked(play)
    await play.press("enter", "enter")


@_scene(_begin)
async def setup_own_folder(play: Play) -> None:
    await _asked(play)
    await play.press("enter", "enter", "end", "enter")


@_scene(_begin)
async def setup_checks(play: Play) -> None:
    screen = await _asked(play)
    await play.press("enter", "enter", "enter")
    await play.tell(*(e.CheckMade(screen.checking, finding, NOW) for finding in FOUND))


@_scene(_begin)
async def setup_ready(play: Play) -> None:
    screen = await _asked(play)
    await play.press("enter", "enter", "enter")
    await play.tell(*(e.CheckMade(screen.checking, finding, NOW) for finding in (*FOUND, None)))


@_scene(_begin)
async def setup_refused(play: Play) -> None:
    screen = await _asked(play)
    await play.press("enter", "enter", "enter")
    bad = fail("account", "ingrai may not use partition hai", "Its accounts: physics, chem. Choose another one.")
    await play.tell(*(e.CheckMade(screen.checking, finding, NOW) for finding in (*FOUND[:5], bad, None)))


_keys("settings", "comma")
_keys("settings-end", "comma", "end")

# home

_keys("home")
_keys("home-run", "tab")
_keys("home-tight", "tab", "j")
_keys("home-ended", "tab", "j", "j", "j")
_keys("home-queue", "tab", "tab")
_keys("home-foreign-job", "tab", "tab", "j", "j")
_keys("home-will-not-fit", "5")
_keys("home-marked", "1", "space", "space")
_keys("home-more-keys", "tab", "full_stop")


@_scene(_quiet)
async def home_empty(play: Play) -> None:
    await play.tell(e.LinkChanged("hai", Link.ONLINE, NOW, "alice@login.hai.example.edu"), e.QueueSeen("hai", (), NOW))


@_scene(_quiet)
async def home_empty_queue(play: Play) -> None:
    await home_empty(play)
    await play.press("tab", "tab")


@_scene(_quiet)
async def home_empty_runs(play: Play) -> None:
    await home_empty(play)
    await play.press("tab")


@_scene(_quiet)
async def connecting(play: Play) -> None:
    await play.tell(e.LinkChanged("hai", Link.CONNECTING, NOW - 7, stage="logging in through jump.example.edu"))
    await play.press("tab", "tab")


@_scene(_busy)
async def reconnecting(play: Play) -> None:
    await play.tell(e.LinkChanged("hai", Link.RECONNECTING, NOW - 40, error="the connection was lost"))


@_scene(_quiet)
async def offline(play: Play) -> None:
    await play.tell(e.LinkChanged("hai", Link.OFFLINE, NOW))
    await play.press("tab", "tab")


@_scene(_quiet)
async def failed_link(play: Play) -> None:
    await play.tell(e.LinkChanged("hai", Link.FAILED, NOW, error="no route to hai. Is the VPN up?"))
    await play.press("tab", "tab")


@_scene(_busy)
async def scheduler_trouble(play: Play) -> None:
    await play.tell(e.SchedulerTrouble("hai", "slurmctld does not answer (Unable to contact slurm controller)", NOW))


@_scene(_quiet)
async def login_password(play: Play) -> None:
    asked = Question("Login to hai", "", (Prompt("alice@login.hai.example.edu's password: "),))
    play.app.post_message(PromptRequested(asked, Future()))


@_scene(_quiet)
async def login_code(play: Play) -> None:
    words = "Welcome to HAI. Two factors are needed.\nCodes are at https://id.example.edu."
    asked = Question("Login to hai", words, (Prompt("Password: "), Prompt("Verification code: ", echo=True)))
    play.app.post_message(PromptRequested(asked, Future()))


@_scene(_quiet)
async def host_key(play: Play) -> None:
    key = HostKey("login.hai.example.edu", "ssh-ed25519", "SHA256:1cXKxj1pDkzGJ0e2mVAmvNgMbTtfhWzqwPjDqRzIY3A")
    play.app.post_message(PromptRequested(key, Future()))


@_scene(_busy)
async def too_small(play: Play) -> None:
    play.app.push_screen(TooSmallScreen((60, 16)))


_keys("choose-cluster", "s")
_keys("palette", "ctrl+p")
_keys("palette-search", "ctrl+p", *"lau")
_keys("help", "question_mark")
_keys("help-run", "tab", "enter", "question_mark")


@_scene(_busy)
async def toasts(play: Play) -> None:
    message = "Submitted rank32-261123-140212-9f3a as job 48213"
    await play.tell(e.ActionDone("submit", "x", True, message, NOW))
    await play.tell(e.Notice("The history could not be written: the disk is full", NOW, "Free some space."))


# presets and launch

_keys("edit", "1", "e")
_keys("edit-changed", "1", "e", "1", "6", "tab", "3", "2")
_keys("edit-wrong", "1", "e", "x")
_keys("edit-save-as", "1", "e", "1", "ctrl+s")
_keys("compare", "d", "down")
_keys("launch", "2", "enter")

_CHECKS: Final = (
    ok("python", "Python 3.11.9, torch 2.6.0 with CUDA 12.4, LLaMA-Factory 0.9.5"),
    ok("model", "Qwen/Qwen3-VL-8B-Instruct is in the hub's cache"),
    ok("data", "71,204 rows of websight_clicks, at most 4,812 tokens a row"),
    warn("environment", "flash_attn is fa2 but flash-attn is not installed: torch's own attention will be used",
         "pip install flash-attn, or set flash_attn: sdpa to say so yourself."),
    ok("storage", "3 checkpoints need at most 3.1 GB, 3.2 TB are free"),
)  # fmt: skip


async def _launching(play: Play) -> LaunchScreen:
    await play.press("2", "enter")
    screen = play.app.screen
    assert isinstance(screen, LaunchScreen)
    return screen


@_scene(_busy)
async def launch_checked(play: Play) -> None:
    screen = await _launching(play)
    await play.tell(e.PreflightDone(screen._checked_run, _CHECKS, 71_204, NOW))


@_scene(_busy)
async def launch_check_failed(play: Play) -> None:
    screen = await _launching(play)
    bad = fail("data", "/p/data/websight has no dataset_info.json", "Make it with prepare, or set dataset_dir.")
    await play.tell(e.PreflightDone(screen._checked_run, (*_CHECKS[:2], bad, *_CHECKS[3:]), None, NOW))


@_scene(_busy)
async def launch_anyway(play: Play) -> None:
    await launch_check_failed(play)
    await play.press("enter")


async def _sent(play: Play) -> str:
    screen = await _launching(play)
    await play.tell(e.PreflightDone(screen._checked_run, _CHECKS, 71_204, NOW))
    await play.press("enter")
    assert screen._plan is not None
    spec = screen._plan.spec
    await play.tell(e.SubmitBegan(spec, NOW - 12))
    return spec.run_id


@_scene(_busy)
async def launch_uploading(play: Play) -> None:
    run_id = await _sent(play)
    await play.tell(e.SubmitProgress(run_id, "uploading the trainer", 240_000, 410_000))


@_scene(_busy)
async def launch_rejected(play: Play) -> None:
    text, hint = "Invalid account or account/partition combination specified", "Set account in [clusters.hai]."
    await play.tell(e.SubmitSettled(await _sent(play), Outcome.REJECTED, NOW, text, hint))


@_scene(_busy)
async def launch_unknown(play: Play) -> None:
    text = "The connection broke while sbatch ran"
    await play.tell(e.SubmitSettled(await _sent(play), Outcome.UNKNOWN, NOW, text))


@_scene(_busy)
async def launch_offline(play: Play) -> None:
    await play.tell(e.LinkChanged("hai", Link.OFFLINE, NOW))
    await _launching(play)


_keys("sweep-launch", "1", "space", "space", "space", "enter")
_keys("sweep", "w", make=_swept)

# a run

_keys("run", "tab", "enter")
_keys("run-tight", "tab", "j", "enter")
_keys("run-time", "tab", "enter", "x", "x")
_keys("run-crosshair", "tab", "enter", "plus", *("left",) * 12)
_keys("run-all", "tab", "enter", "a")
_keys("run-all-max", "tab", "enter", "a", "z")
_keys("run-guide", "tab", "enter", "g", "z")
_keys("run-lr", "tab", "enter", "m")
_keys("run-memory", "tab", "enter", *"mmmmm")
_keys("run-log-axis", "tab", "enter", "y")
_keys("run-search", "tab", "enter", "slash", *"loss")
_keys("run-jobs", "tab", "enter", "v")
_keys("run-settings", "tab", "enter", "v", "v", "v")
_keys("run-more-keys", "tab", "enter", "full_stop")
_keys("run-timeout", "tab", "j", "j", "j", "enter")
_keys("run-timeout-remedies", "tab", "j", "j", "j", "enter", "r")
_keys("run-finished", "tab", "j", "j", "enter")
_keys("remedies", "tab", "j", "enter", "r")


@_scene(_busy)
async def run_will_not_fit(play: Play) -> None:
    run = running(PRESETS["baseline"], "baseline-261123-150640-22aa", 320, 3906, Verdict.WILL_NOT_FIT, "48224")
    await play.open(run)


@_scene(_busy)
async def run_too_early(play: Play) -> None:
    await play.open(running(PRESETS["rank32"], "rank32-261123-170640-22ab", 20, 1110, Verdict.TOO_EARLY, "48225"))


@_scene(_busy)
async def run_pending(play: Play) -> None:
    run = running(PRESETS["rank32"], "rank32-261123-170640-22ac", 10, 1110, Verdict.FITS, "48226")
    waits = replace(job("48226", "PENDING", started=None, reason="Priority"), start_time=NOW + 5400)
    await play.open(replace(run, jobs=(waits,), log=TrainingLog(), projection=None, stdout=LogTail(), stderr=LogTail()))


@_scene(_busy)
async def run_failed(play: Play) -> None:
    run = running(PRESETS["batch6"], "batch6-261123-150640-22ad", 40, 1480, Verdict.FITS, "48227")
    error = (
        "Traceback (most recent call last):",
        '  File "/home/alice/websight-v2/bundles/0f3c/trainer/run.py", line 211, in train',
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.37 GiB. GPU 3 has a capacity of 79.10 GiB",
        "srun: error: hai-07: task 3: Exited with exit code 1",
    )
    ended = replace(job("48227", "FAILED", started=NOW - 900), exit_code="1:0", final=True, elapsed_s=842)
    problem = (
        "Out of GPU memory at step 40. A batch of 3 with 2 accumulated keeps the effective batch of 48: e edits it."
    )
    await play.open(replace(run, jobs=(ended,), stderr=LogTail(error, 0, 900), problems=(problem,)))
    await play.press("e")


GB: Final = 10**9
LONG: Final = LogTail(
    tuple(f"{{'loss': '0.{410 + n % 90}', 'grad_norm': '0.7{n % 9}', 'epoch': '0.{n:03}'}}" for n in range(300)),
    70_000_000,
    5 * GB,
    since=(4_900_000_000, 12),
)


async def _looking(play: Play) -> tuple[str, int]:
    """A search in a log of gigabytes, under way: (run, number of the wish)."""
    await play.press("tab", "enter")
    screen = play.app.screen
    assert isinstance(screen, RunScreen)
    await play.tell(e.TailMoved(screen.run_id, "stdout", LONG, NOW))
    await play.press("slash", *"nccl.*timeout", "enter")
    assert screen.looking is not None
    return screen.run_id, screen.looking.number


@_scene(_busy)
async def run_log_looking(play: Play) -> None:
    run_id, number = await _looking(play)
    await play.tell(e.LookMoved(run_id, number, 1_200_000_000, 4_900_000_000, NOW))


@_scene(_busy)
async def run_log_place(play: Play) -> None:
    run_id, number = await _looking(play)
    told = (
        *LONG.lines[:60],
        "[rank3]:[E1123 09:12:44] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=4711) ran 600013 ms",
        "torch.distributed.DistBackendError: NCCL communicator was aborted on rank 3: timeout",
        *LONG.lines[60:],
    )
    place = Place("stdout", replace(LONG, lines=told, dropped=0), 61, GB, GB + 40_000, 5 * GB)
    await play.tell(e.LookMoved(run_id, number, 3 * GB, 4_900_000_000, NOW, place, over=True, complete=True))


@_scene(_busy)
async def run_log_saving(play: Play) -> None:
    await _looking(play)
    await play.press("escape", "W")


async def _checkpoints(play: Play) -> str:
    await play.press("tab", "enter", "v", "v")
    screen = play.app.screen
    assert isinstance(screen, RunScreen)
    return screen.run_id


@_scene(_busy)
async def checkpoints(play: Play) -> None:
    run_id = await _checkpoints(play)
    await play.tell(e.SavedSeen(run_id, (Saved(400, Whole.COMPLETE, 1_047_000_000, NOW - 1170),
                                         Saved(200, Whole.DAMAGED, 806_000_000, NOW - 5070)), NOW))  # fmt: skip


@_scene(_busy)
async def downloading(play: Play) -> None:
    run_id = await _checkpoints(play)
    task = Task(Kind.FETCH, 400, done=300_000_000, total=1_047_000_000, in_bytes=True)
    await play.tell(e.TaskMoved(run_id, task, NOW))


@_scene(_busy)
async def download_to(play: Play) -> None:
    await _checkpoints(play)
    await play.press("d")


@_scene(_busy)
async def merging(play: Play) -> None:
    run_id = await _checkpoints(play)
    done = Task(Kind.FETCH, 400, Stand.DONE, message="The checkpoint at step 400 is in /home/alice/adapter")
    await play.tell(e.TaskMoved(run_id, done, NOW))
    await play.tell(e.TaskMoved(run_id, Task(Kind.MERGE, 400, stage="asking the adapter", done=1, total=3,
                                             job_id="48260"), NOW))  # fmt: skip


@_scene(_busy)
async def merge_question(play: Play) -> None:
    await _checkpoints(play)
    await play.press("M")


@_scene(_busy)
async def tested(play: Play) -> None:
    run_id = await _checkpoints(play)
    rgb = b"".join(_pixel(x, y) for y in range(80) for x in range(140))
    answer = Answer("pyautogui.click(702, 398)", 702, 398, 1400, 800, rgb, 140)
    message = "The checkpoint at step 400 clicks at 702, 398"
    await play.tell(e.TaskMoved(run_id, Task(Kind.TRY, 400, Stand.DONE, message=message, answer=answer), NOW))
    if not isinstance(play.app.screen, ClickScreen):
        play.app.push_screen(ClickScreen("Where it would click", answer))


def _pixel(x: int, y: int) -> bytes:
    """A made-up page: a bar on top, lines of text, a button in the middle."""
    if y < 8:
        return bytes((40, 90, 150))
    if 55 < x < 86 and 35 < y < 46:
        return bytes((30, 130, 80))
    text = y % 6 < 2 and 10 < x < 40 + y * 7 % 60
    return bytes((90, 95, 100)) if text else bytes((244, 246, 248))


_keys("cancel", "tab", "c")
_keys("save-and-stop", "tab", "p")
_keys("time-limit", "tab", "t")
_keys("resume", "tab", "j", "j", "j", "r")
_keys("overlay", "tab", "o")
_keys("overlay-crosshair", "tab", "o", *("left",) * 8)
