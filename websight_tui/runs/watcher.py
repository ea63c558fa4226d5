"""One cluster at work: a thread that logs in, asks the scheduler, reads files, and comes back after a break.

It waits on a condition, never sleeps. Nothing here reconnects if that could ask a person something.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from websight_tui.config import Cluster
from websight_tui.errors import AuthError, ConnectionLost, HostKeyError, RemoteError, StoreError, WebsightError
from websight_tui.metrics.terminal_text import plain
from websight_tui.remote.backoff import next_delay
from websight_tui.remote.port import Prompter, Transport, Unattended
from websight_tui.remote.steps import Stage, Step
from websight_tui.runs import events as e
from websight_tui.runs.scheduler import Scheduler
from websight_tui.runs.state import Link, Unwritten
from websight_tui.runs.store import Store
from websight_tui.runs.tick import Tick
from websight_tui.runs.track import RunTrack
from websight_tui.slurm_commands.model import Job

_STEADY_S: Final = 60.0
"""A connection that held so long starts the back-off from the beginning."""
_IDLE_S: Final = 3600.0
_HISTORY_AGAIN_S: Final = 3.0
"""Seconds after which a history that could not be written is tried again."""
_LOG: Final = logging.getLogger(__name__)


class Watcher:
    """The thread of one cluster.

    Args:
        cluster: as configured.
        tracks: gives this cluster's runs.
        open_transport: makes a transport that is not connected yet.
        emit: takes events; called from this thread.
    """

    def __init__(
        self,
        cluster: Cluster,
        tracks: Callable[[], list[RunTrack]],
        store: Store,
        *,
        open_transport: Callable[[Cluster], Transport],
        emit: Callable[[e.Event], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.cluster = cluster
        self.home = ""
        self.visible = True
        self.focused = ""
        self.in_progress: set[str] = set()
        self._tracks = tracks
        self._store = store
        self._open = open_transport
        self._emit = emit
        self._clock = clock
        self._calls: deque[float] = deque()
        self._condition = threading.Condition()
        self._stopping = False
        self._woken = False
        self._poll_wanted = False
        self._changed_at: float | None = None
        self._polls = 0
        self._hops = 1
        self._queue: tuple[Job, ...] = ()
        self._transport: Transport | None = None
        self._scheduler: Scheduler | None = None
        self._thread: threading.Thread | None = None

    # called from other threads

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def transport(self) -> Transport | None:
        """The connection; None while there is none."""
        return self._transport if self._scheduler is not None else None

    @property
    def scheduler(self) -> Scheduler | None:
        return self._scheduler

    @property
    def queue(self) -> tuple[Job, ...]:
        """The user's jobs as squeue listed them last, ended ones included."""
        return self._queue

    @property
    def stopping(self) -> bool:
        return self._stopping

    def start(self, prompter: Prompter) -> None:
        """Logs in and begins to watch, in a thread of its own."""
        self._thread = threading.Thread(
            target=self._run, args=(prompter,), name=f"watch {self.cluster.name}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Ends the watching; takes no time. The thread ends by itself soon after."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        if (transport := self._transport) is not None:
            transport.close()

    def wake(self) -> None:
        """Something changed (focus, visibility): look at once what there is to do."""
        with self._condition:
            self._woken = True
            self._condition.notify_all()

    def poll_soon(self, *, changed: bool = False) -> None:
        """Asks the scheduler as soon as the floor allows.

        Args:
            changed: a submission or an action was just made: look more often for a minute.
        """
        with self._condition:
            self._poll_wanted = True
            if changed:
                self._changed_at = self._clock()
            self._condition.notify_all()

    def wait_for_poll(self, timeout_s: float) -> bool:
        """Asks the scheduler and waits for an answer (perhaps to a question that was already under way)."""
        with self._condition:
            before = self._polls
            self._poll_wanted = True
            self._condition.notify_all()
            return self._condition.wait_for(lambda: self._stopping or self._polls > before, timeout_s)

    def pause(self, seconds: float) -> None:
        """Waits, but not beyond `stop`."""
        with self._condition:
            self._condition.wait_for(lambda: self._stopping, seconds)

    # the thread

    def _run(self, prompter: Prompter) -> None:
        try:
            self._stay_connected(prompter)
        except WebsightError as exc:
            self._link(Link.FAILED, exc)
        except Exception as exc:  # the last resort: a dead thread must be seen on the screen
            if not self._stopping:
                _LOG.exception("watching %s broke off", self.cluster.name)
                self._link(Link.FAILED, WebsightError(f"Watching broke off: {exc!r}", "Connect again."))
        finally:
            self._scheduler = None
            if (transport := self._transport) is not None:
                transport.close()
            if self._stopping:
                self._link(Link.OFFLINE)

    def _stay_connected(self, prompter: Prompter) -> None:
        attempt, was_online = 0, False
        lost: RemoteError | None = None
        while not self._stopping:
            link = Link.RECONNECTING if was_online else Link.CONNECTING
            self._link(link, lost)
            transport = self._open(self.cluster)
            self._transport = transport
            try:
                transport.connect(Unattended() if was_online else prompter, partial(self._stepped, link, lost))
            except (AuthError, HostKeyError) as exc:
                self._link(Link.NEEDS_LOGIN if was_online else Link.FAILED, exc)
                return
            except RemoteError as exc:
                transport.close()
                if not was_online:
                    self._link(Link.FAILED, exc)
                    return
                lost = exc
                self._pause_before(next_delay(attempt, random.random()), lost)
                attempt += 1
                continue
            if self._stopping:
                transport.close()
                return
            since = self._clock()
            lost = self._serve(transport, link)
            was_online = True
            if self._stopping:
                return
            if transport.may_prompt:
                self._link(Link.NEEDS_LOGIN, lost)
                return
            attempt = 0 if self._clock() - since > _STEADY_S else attempt + 1
            self._pause_before(next_delay(attempt - 1 if attempt else 0, random.random()), lost)

    def _stepped(self, link: Link, why: WebsightError | None, step: Step) -> None:
        if not self._stopping:
            self._hops = step.hops
            self._link(link, why, step=step)

    def _pause_before(self, seconds: float, lost: RemoteError | None) -> None:
        """Waits before the next try, and says how long."""
        self._link(Link.RECONNECTING, lost, again_at=self._clock() + seconds)
        self._wait(seconds)

    def _serve(self, transport: Transport, link: Link) -> RemoteError | None:
        """Watches until the connection breaks; returns why it did (None if asked to stop)."""
        try:
            tick = Tick(self, transport, self._store, self._tracks, self._emit, self._clock, self._calls)
            self._link(link, address=transport.address, step=Step(Stage.HOME, hop=self._hops, hops=self._hops))
            tick.begin()
            self.home = tick.home
            self._scheduler = tick.scheduler
            self._link(Link.ONLINE, address=transport.address, home=tick.home, skew_s=tick.skew_s)
            troubled = False
            while not self._stopping:
                with self._condition:
                    wanted, self._poll_wanted, self._woken = self._poll_wanted, False, False
                    changed_at = self._changed_at
                polls = tick.polls
                try:
                    due = tick.step(poll_wanted=wanted, changed_at=changed_at)
                    if troubled:
                        self._store.check_writable()  # the step may have had nothing to write
                        self._emit(e.HistoryTrouble(self._store.unkept, self._clock()))
                        troubled = False
                except StoreError as exc:  # a full disk: the connection is well, and what was not kept is read again
                    if self._stopping:
                        raise
                    due, troubled = self._clock() + _HISTORY_AGAIN_S, True
                    trouble = Unwritten(exc.word or "not saved", exc.message, exc.hint)
                    self._emit(e.HistoryTrouble(trouble, self._clock()))
                if tick.polls != polls:
                    with self._condition:
                        self._polls, self._queue = self._polls + 1, tick.queue
                        self._condition.notify_all()
                self._wait(_IDLE_S if due is None else max(0.0, due - self._clock()), wakes=True)
        except RemoteError as exc:  # lost, or so slow that a new connection is worth a try
            return exc
        except StoreError as exc:
            if not self._stopping:
                raise
            return ConnectionLost(exc.message)
        finally:
            self._scheduler = None
            transport.close()
        return None

    def _wait(self, seconds: float, *, wakes: bool = False) -> None:
        with self._condition:
            self._condition.wait_for(
                lambda: self._stopping or (wakes and (self._woken or self._poll_wanted)), min(seconds, _IDLE_S)
            )

    def _link(
        self,
        link: Link,
        error: WebsightError | None = None,
        address: str = "",
        *,
        step: Step | None = None,
        home: str = "",
        again_at: float | None = None,
        skew_s: float | None = None,
    ) -> None:
        text, (done, total) = _text(error) if error else "", step.far if step is not None else (0, 0)
        stage = plain(step.words, 120) if step is not None else ""
        now, name = self._clock(), self.cluster.name
        self._emit(e.LinkChanged(name, link, now, address, text, stage, home, done, total, again_at, skew_s))


def _text(error: WebsightError) -> str:
    return " ".join(part for part in (error.message.rstrip(".") + ".", error.hint) if part)
