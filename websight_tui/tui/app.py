"""The app: takes its outside world as arguments, holds one state, and shows it on screens."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import events, work
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets._toast import ToastRack

from websight_tui.config import LOCAL
from websight_tui.errors import WebsightError
from websight_tui.presets import DEFAULT_PRESET, Preset
from websight_tui.runs.our_clock import OurClock
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import AppState, ClusterView, RunView
from websight_tui.tui import glyphs, keymap
from websight_tui.tui.actions import Actions
from websight_tui.tui.commands import ActionProvider
from websight_tui.tui.controller import Controller
from websight_tui.tui.garbage import Garbage
from websight_tui.tui.messages import EngineFailed, EventsArrived, PromptRequested
from websight_tui.tui.notify import Silent, title_of
from websight_tui.tui.plain_filter import PlainFilter
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.screens.home import HomeScreen
from websight_tui.tui.themes import DEFAULT_THEME, THEMES, automatic

if TYPE_CHECKING:
    from textual.notifications import Notification

    from websight_tui.config import Cluster, Config
    from websight_tui.projection.model import Forecast
    from websight_tui.runs.attention import Attention, News
    from websight_tui.runs.bounds import Bound
    from websight_tui.runs.events import Event
    from websight_tui.runs.plan import LaunchPlan
    from websight_tui.slurm_commands.site import Layout
    from websight_tui.tui.ports import Clock, DemoInfo, EngineFactory, Notifier, Planner
    from websight_tui.tui.ui_file import Edit

LEAST_SIZE: Final = (70, 20)
_LAST_WORDS_S: Final = 0.5
"""How long leaving may wait for a message that is under way."""


class WebsightApp(Actions, App[None]):
    """Launch, watch and compare runs.

    Args:
        config: clusters, presets, keys, theme.
        engine_factory: makes the engine, given where it tells its events.
        clock: Unix time in seconds.
        notifier: how a person who looks elsewhere is told; None tells nobody.
        planner: plans and forecasts; None takes the app's own.
        demo: what the banner says where this is no real cluster.
        initial_cluster: connected at the start; None takes the first configured one, "" stays offline.
    """

    TITLE = "websight-tui"
    CSS_PATH: ClassVar[list[str | PurePath]] = [
        "app.tcss",
        *(f"screens/{name}.tcss" for name in ("home", "run", "launch", "edit", "compare", "overlay", "sweep")),
    ]
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[Callable[[], type[Provider]] | type[Provider]]] = {ActionProvider}
    BINDINGS: ClassVar[list[BindingType]] = [
        *keymap.APP,
        Binding("ctrl+p", "command_palette", "Commands", show=False, priority=True, id="palette"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]  # noqa: RUF012 (Textual declares it so)

    state: reactive[AppState] = reactive(AppState(), init=False, repaint=False)
    now: reactive[float] = reactive(0.0, init=False, repaint=False)

    def __init__(
        self,
        config: Config,
        engine_factory: EngineFactory,
        *,
        clock: Clock = time.time,
        notifier: Notifier | None = None,
        planner: Planner | None = None,
        demo: DemoInfo | None = None,
        initial_cluster: str | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self._engine_factory = engine_factory
        self._clock = clock
        self.notifier: Notifier = notifier or Silent()
        self._planner = planner
        self.banner = demo.banner if demo is not None else ""
        self.first_preset = demo.preset if demo is not None else DEFAULT_PRESET
        first = next((name for name in config.clusters if name != LOCAL), LOCAL)
        self._connect_first = initial_cluster != ""
        self.cluster_name = initial_cluster or first
        self.controller = Controller(self.post_message, clock)
        self._forecasts: dict[tuple[str, Preset], Forecast | None] = {}
        self._learned: tuple[frozenset[str], dict[str, Layout]] = (frozenset(), {})
        self._garbage = Garbage()
        self.loaded = False
        self.on_loaded: Callable[[], None] = _nothing
        self.wanted = ""
        self._attention: Attention | None = None
        self.failure: WebsightError | None = None
        self._folded = AppState()
        self._our_clock = OurClock()
        self.set_reactive(WebsightApp.now, clock())
        for theme in THEMES:
            self.register_theme(theme)
        self._apply_ui()

    # what screens look at

    @property
    def planner(self) -> Planner:
        """Plans and forecasts; the app's own is made when it is first asked."""
        if self._planner is None:
            from websight_tui.tui.planner import LocalPlanner

            self._planner = LocalPlanner()
        return self._planner

    @property
    def cluster(self) -> Cluster:
        """The cluster that launches go to."""
        return self.config.clusters[self.cluster_name]

    @property
    def cluster_view(self) -> ClusterView | None:
        return self.state.clusters.get(self.cluster_name)

    @property
    def runs(self) -> list[RunView]:
        """All runs, newest first."""
        return sorted(self.state.runs.values(), key=lambda run: run.spec.created_at, reverse=True)

    def forecast(self, preset: Preset) -> Forecast | None:
        """The forecast of `preset` on the cluster of the moment; None while it cannot be made."""
        key = (self.cluster_name, preset)
        if key not in self._forecasts:
            try:
                self._forecasts[key] = self.planner.forecast(self.cluster, preset)
            except WebsightError:
                self._forecasts[key] = None
        return self._forecasts[key]

    def bounds(self, preset: Preset, forecast: Forecast | None) -> tuple[Bound, ...]:
        """`forecast` against the partition and the reservations of the cluster of the moment."""
        view = self.cluster_view
        if view is None or forecast is None:
            return ()
        from websight_tui.runs.bounds import bounds_of

        return bounds_of(self.cluster, preset, forecast, view.layout, self.now)

    def plan(self, preset: Preset, base: Preset) -> LaunchPlan:
        """What a launch would do. Raises PresetError, ConfigError or BundleError."""
        return self.planner.plan(self.config, self.cluster, preset, base, self._clock())

    # life

    def get_default_screen(self) -> Screen[Any]:
        return HomeScreen()

    def on_mount(self) -> None:
        if self.config.keys:
            self._take_keys()
        if (name := self.config.ui.theme) != "auto" and name not in self.available_themes:
            self.tell(f"There is no theme '{name}'", "T shows the app's own, ctrl+p lists all.")
        self.set_interval(1.0, self._tick)
        self.theme_changed_signal.subscribe(self, self._restyle)
        self.notifier.set_title("websight-tui")
        self.call_after_refresh(self._start_engine)

    def pop_screen(self) -> AwaitComplete:
        self._garbage.closed()
        return super().pop_screen()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.InputEvent):
            self._garbage.touched()
        await super().on_event(event)

    def _start_engine(self) -> None:
        """Once the first frame is there: what the engine needs takes as long to import as the screen does."""
        self.controller.start(self._engine_factory, self.cluster_name if self._connect_first else None)
        self.controller.ask(lambda _: self.call_from_anywhere(self._first_minute))  # once the history is loaded

    def _first_minute(self) -> None:
        from websight_tui.tui.first_minute import ask_where, is_first

        self.loaded = True
        self.on_loaded()
        self.mutate_reactive(WebsightApp.state)
        if is_first(self):
            ask_where(self)

    def _take_keys(self) -> None:
        known = keymap.known_ids() | {"palette"}
        self.set_keymap({name: key for name, key in self.config.keys.items() if name in known})
        if unknown := [name for name in self.config.keys if name not in known]:
            self.notify(f"Unknown in [keys]: {', '.join(unknown)}. Press ? for the names.", severity="warning")

    def _restyle(self, _: object) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, StateScreen):
                screen.restyle()

    def _tick(self) -> None:
        self.now = self._clock()
        self._call(self.state, self.state)
        self._garbage.tick()

    def on_unmount(self) -> None:
        self.controller.close()
        self.notifier.close(_LAST_WORDS_S)

    def on_app_focus(self) -> None:
        self.controller.ask(lambda engine: engine.set_visible(True))

    def on_app_blur(self) -> None:
        self.controller.ask(lambda engine: engine.set_visible(False))

    def on_resize(self, event: events.Resize) -> None:
        small = event.size.width < LEAST_SIZE[0] or event.size.height < LEAST_SIZE[1]
        shown = any(screen.id == "too-small" for screen in self.screen_stack)
        if small and not shown:
            from websight_tui.tui.screens.too_small import TooSmallScreen

            self.push_screen(TooSmallScreen(LEAST_SIZE))
        elif shown and not small and self.screen.id == "too-small":
            self.pop_screen()

    # events

    def on_engine_failed(self, message: EngineFailed) -> None:
        message.stop()
        self.failure = message.error
        self.exit()

    def on_events_arrived(self, message: EventsArrived) -> None:
        from websight_tui.runs.events import ActionDone, Notice, TaskMoved
        from websight_tui.runs.reduce import reduce
        from websight_tui.runs.saved_work.tasks import Stand

        message.stop()
        batch = self.controller.drain()
        before = self.state
        for event in batch:
            self._folded = reduce(self._folded, event)
            if isinstance(event, Notice):
                self.tell(event.message, event.hint)
            elif isinstance(event, ActionDone):
                self.tell(event.message, event.hint, good=event.ok)
            elif isinstance(event, TaskMoved) and event.task.message and not self._said(event):
                self.tell(event.task.message, event.task.hint, good=event.task.stand is Stand.DONE)
        state = self._our_clock(self._folded)
        self._learn(state)
        self.set_reactive(WebsightApp.now, self._clock())
        self.state = state
        self._call(before, state)
        self.notifier.set_title(title_of(state))
        for screen in self.screen_stack:
            if isinstance(screen, StateScreen):
                screen.take_events(batch)

    def _said(self, event: Event) -> bool:
        return isinstance(self.screen, StateScreen) and self.screen.says(event)

    def _call(self, before: AppState, after: AppState) -> None:
        """Tells a person who looks elsewhere what is worth it."""
        if self._attention is None:
            from websight_tui.runs.attention import Attention

            self._attention = Attention()
        for item in self._attention.look(before, after, self.now):
            self.notifier.tell(item)

    def _learn(self, state: AppState) -> None:
        """Forecasts count earlier runs in, each once it is over, and what bounds jobs on each cluster."""
        over = frozenset(run_id for run_id, run in state.runs.items() if run.phase in OVER)
        layouts = {name: view.layout for name, view in state.clusters.items()}
        if (over, layouts) != self._learned:
            self._learned = (over, layouts)
            self._forecasts.clear()
            self.planner.learn([state.runs[run_id] for run_id in over], layouts)

    def tell(self, message: str, hint: str = "", *, good: bool = False) -> None:
        """A message at the bottom; `message` may be remote text."""
        text = message if not hint else f"{message.rstrip('.')}. {hint}"
        self.notify(text, severity="information" if good else "warning", markup=False, timeout=6 if good else 12)

    @property
    def has_messages(self) -> bool:
        """Whether a message stands at the bottom."""
        return len(self._notifications) > 0

    def _unnotify(self, notification: Notification, refresh: bool = True) -> None:
        """Textual leaves its rack of messages where it is when the last one goes; here it takes rows."""
        super()._unnotify(notification, refresh)
        for rack in self.screen.query(ToastRack):
            rack.display = self.has_messages
        if isinstance(self.screen, StateScreen):
            self.screen.messages_moved()

    @work(exclusive=False, description="a login question")
    async def on_prompt_requested(self, message: PromptRequested) -> None:
        from websight_tui.remote.port import HostKey
        from websight_tui.tui.screens.prompt import HostKeyScreen, PromptScreen

        message.stop()
        asked = message.asked
        screen: Screen[Any] = HostKeyScreen(asked) if isinstance(asked, HostKey) else PromptScreen(asked)

        def gone(_: object) -> None:
            if message.answer.cancelled():
                self.call_from_anywhere(partial(_leave, screen))

        message.answer.add_done_callback(gone)
        answer = await self.push_screen_wait(screen)
        if not message.answer.done():
            message.answer.set_result(answer)

    def told(self, item: News) -> None:
        """The webhook took a message: worth a word only where it was a test."""
        if item.kind == "test":
            self.notify("The webhook took the test.", markup=False)

    def call_from_anywhere(self, what: Callable[[], None]) -> None:
        """Runs `what` on the event loop; does nothing once the app has ended."""
        if self.is_running:
            self.call_later(what)

    def _fatal_error(self) -> None:
        """Textual's way out after an unhandled exception, without the values of local variables."""
        from websight_tui.tui.crash import crash_report

        self._exit_renderables.append(crash_report(sys.exc_info()[1]))
        self._close_messages_no_wait()

    def _apply_ui(self) -> None:
        ui = self.config.ui
        glyphs.use(ui.symbols)
        self._filters = [kept for kept in self._filters if not isinstance(kept, PlainFilter)]
        if glyphs.plain_ascii():
            self._filters.append(PlainFilter())
        name = automatic() if ui.theme == "auto" else ui.theme
        self.theme = name if name in self.available_themes else DEFAULT_THEME

    def refresh_css(self, animate: bool = True) -> None:
        """Before the first screen the theme's colours are only taken: all rules are parsed once, when it comes."""
        if self.screen_stack:
            super().refresh_css(animate)
        else:
            self.stylesheet.set_variables(self.get_css_variables())

    def get_css_variables(self) -> dict[str, str]:
        """Textual's, and the kinds of border: lines or blocks, or what ASCII has."""
        edge, mark = ("ascii", "ascii") if glyphs.plain_ascii() else ("round", "thick")
        return {**super().get_css_variables(), "edge": edge, "mark": mark}

    def get_key_display(self, binding: Binding) -> str:
        """A key as it is shown, by its name where the terminal has no symbols."""
        if glyphs.plain_ascii():
            return keymap.key_name(binding.key.split(",")[0])
        return super().get_key_display(binding)

    def take_edit(self, edit: Edit) -> None:
        """Takes what an edit of config.toml changed."""
        from websight_tui.tui.ui_file import merged

        was, config = self.config.ui, merged(self.config, edit)
        self.reload(config)
        if config.ui != was:
            self._apply_ui()
            self.refresh_css(animate=False)
            for screen in self.screen_stack:  # what is seen below a window, too
                if isinstance(screen, StateScreen):
                    screen.update_view()
        self.controller.ask(lambda engine: engine.configure(config))

    def reload(self, config: Config) -> None:
        """Takes a changed configuration."""
        self.config = config
        self._forecasts.clear()
        if isinstance(self.screen, StateScreen):
            self.screen.update_view()


def _nothing() -> None:
    pass


def _leave(screen: Screen[Any]) -> None:
    if screen.is_attached and screen.is_current:
        screen.dismiss(None)
