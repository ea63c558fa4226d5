"""Keeps the state for those who have no screen: folds events as they come and lets a caller wait for one."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from websight_tui.runs.events import Event
from websight_tui.runs.reduce import reduce
from websight_tui.runs.state import AppState

_KEPT: Final = 10_000


class Keeper:
    """An `emit` for `Engine`: `Engine(…, emit=keeper)`.

    `state` is the state now. Events that were not yet taken by `take` wait in order.
    """

    def __init__(self) -> None:
        self.state = AppState()
        self._waiting: deque[Event] = deque(maxlen=_KEPT)
        self._changed = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._changed:
            self.state = reduce(self.state, event)
            self._waiting.append(event)
            self._changed.notify_all()

    def take(self, timeout_s: float) -> Event | None:
        """The next event that was not taken yet; None if none came within `timeout_s`."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, timeout_s)
            return self._waiting.popleft() if self._waiting else None

    def wait(self, until: Callable[[AppState], bool], timeout_s: float) -> bool:
        """Waits until `until(state)` holds; False if it did not within `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            return self._changed.wait_for(lambda: until(self.state), max(0.0, deadline - time.monotonic()))
