"""The one place between screens and engine: what a person wants goes out, what happened comes in.

Events come from the engine's threads in any number; they are held here and one message a batch wakes the app, which
folds them into its state. The engine lives in a daemon thread, so that neither a damaged history nor a slow disk can
hold up the screen or the exit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING

from textual.message import Message

from websight_tui.errors import WebsightError
from websight_tui.tui.messages import EngineFailed, EventsArrived
from websight_tui.tui.ports import Clock, EngineFactory, EnginePort
from websight_tui.tui.prompter import AppPrompter

if TYPE_CHECKING:
    from websight_tui.runs.events import Event


class Controller:
    """Hands the person's wishes to the engine, in their order, and the engine's events to the app.

    Args:
        post: the app's `post_message`.
        clock: Unix time in seconds.
    """

    def __init__(self, post: Callable[[Message], bool], clock: Clock) -> None:
        self._post, self._clock = post, clock
        self._events: deque[Event] = deque()
        self._awake = False
        self._lock = Lock()
        self._wishes: SimpleQueue[Callable[[EnginePort], None] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self.prompter = AppPrompter(post)

    def start(self, factory: EngineFactory, cluster: str | None) -> None:
        """Makes the engine, loads the history, then connects to `cluster` (None: stays offline)."""
        self._thread = Thread(target=self._work, args=(factory,), name="controller", daemon=True)
        self._thread.start()
        self.ask(lambda engine: engine.load())
        if cluster is not None:
            self.connect(cluster)

    def ask(self, wish: Callable[[EnginePort], None]) -> None:
        """Does something with the engine, after all earlier wishes; an expected failure becomes a Notice."""
        self._wishes.put(wish)

    def connect(self, cluster: str) -> None:
        """Logs in to a cluster; its questions appear in the app."""
        self.ask(lambda engine: engine.connect(cluster, self.prompter))

    def emit(self, event: Event) -> None:
        """Takes an event from any thread."""
        with self._lock:
            self._events.append(event)
            wake, self._awake = not self._awake, True
        if wake:
            self._post(EventsArrived())

    def drain(self) -> list[Event]:
        """All events that came since the last call, in their order."""
        with self._lock:
            events = list(self._events)
            self._events.clear()
            self._awake = False
        return events

    def close(self, wait: float = 1.0) -> None:
        """Gives up open questions and ends the engine, waiting for it at most `wait` seconds."""
        self.prompter.close()
        self._wishes.put(None)
        if self._thread is not None:
            self._thread.join(wait)

    def _work(self, factory: EngineFactory) -> None:
        try:
            engine = factory(self.emit)
        except WebsightError as exc:
            self._post(EngineFailed(exc))
            return
        try:
            while (wish := self._wishes.get()) is not None:
                self._do(engine, wish)
        finally:
            engine.close()

    def _do(self, engine: EnginePort, wish: Callable[[EnginePort], None]) -> None:
        try:
            wish(engine)
        except WebsightError as exc:
            from websight_tui.runs.events import Notice

            self.emit(Notice(exc.message, self._clock(), exc.hint))
