"""An engine for one command: it runs in its threads, the command folds its events one by one."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from websight_tui.errors import AuthError, ConnectError, RemoteTimeout, WebsightError
from websight_tui.runs.events import Event, SubmitProgress
from websight_tui.runs.our_clock import OurClock
from websight_tui.runs.reduce import reduce
from websight_tui.runs.state import AppState, Link

if TYPE_CHECKING:
    import argparse

    from websight_tui.config import Cluster, Config
    from websight_tui.remote.port import Transport
    from websight_tui.runs.engine import Engine
    from websight_tui.runs.state import RunView


FILES_S: Final = 1.5
"""Seconds after a look at the queue within which the files of its runs are read."""


class Session:
    """An engine with its state so far.

    Attributes:
        engine: for actions; they return at once, their outcome comes as events.
        state: what the events seen so far come to, times by this machine's clock.
        webhook: address that gets what happens to a run that is followed; "" for none.
    """

    def __init__(self, engine: Engine, events: queue.SimpleQueue[Event], webhook: str = "") -> None:
        self.engine, self.webhook = engine, webhook
        self._events = events
        self._folded = AppState()
        self._our_clock = OurClock()

    @property
    def state(self) -> AppState:
        return self._our_clock(self._folded)

    def events(self, *, timeout: float | None = None) -> Iterator[Event]:
        """Events as they come, folded into `state` before each is handed on; ends after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while deadline is None or time.monotonic() < deadline:
            try:
                event = self._events.get(timeout=0.5 if deadline is None else max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                continue
            self._folded = reduce(self._folded, event)
            yield event

    def catch_up(self) -> None:
        """Folds the events that are there already."""
        while not self._events.empty():
            self._folded = reduce(self._folded, self._events.get())

    def wait(self, done: Callable[[Event], bool], *, timeout: float, what: str, runs: Sequence[str] = ()) -> Event:
        """The first event for which `done` is true.

        Args:
            timeout: seconds.
            what: what is waited for, for the error's message.
            runs: ids of the runs that are submitted one after the other, to say which of them is at its turn.

        Raises: RemoteTimeout.
        """
        from websight_tui.cli.waiting import waiting

        with waiting(f"waiting for {what}") as line:
            for event in self.events(timeout=timeout):
                if isinstance(event, SubmitProgress):
                    turn = f"run {runs.index(event.run_id) + 1} of {len(runs)}: " if event.run_id in runs else ""
                    line.show(f"{turn}{event.stage}", event.done, event.total, in_bytes=True)
                if done(event):
                    return event
        raise RemoteTimeout(f"no answer within {timeout:.0f} s: {what}", "The cluster may be slow; try again.")

    def read_files(self) -> None:
        """Folds what the runs' files tell, which comes just after the queue."""
        from websight_tui.cli.waiting import waiting

        with waiting("reading what the runs have written"):
            for _ in self.events(timeout=FILES_S):
                pass

    def wait_a_little(self, done: Callable[[], bool], *, seconds: float) -> bool:
        """Folds events until `done`, for at most `seconds`; whether it was done."""
        for _ in self.events(timeout=0 if done() else seconds):
            if done():
                break
        return done()

    def connect(self, cluster: Cluster) -> None:
        """Logs in, asking on the terminal what the login asks.

        Raises: ConnectError, AuthError with the engine's words.
        """
        from websight_tui.cli.prompter import prompter
        from websight_tui.cli.waiting import waiting

        self.engine.connect(cluster.name, prompter())
        settled = (Link.ONLINE, Link.FAILED, Link.NEEDS_LOGIN)
        with waiting(f"connecting to {cluster.name}") as line:
            for _ in self.events(timeout=120):
                view = self.state.clusters.get(cluster.name)
                if view is not None and view.link in settled:
                    if view.link is Link.ONLINE:
                        return
                    kind = AuthError if view.link is Link.NEEDS_LOGIN else ConnectError
                    raise kind(f"{cluster.name}: {view.error or 'cannot connect'}")
                if view is not None and view.stage:
                    line.show(f"{cluster.name}: {view.stage}", view.stage_done, view.stage_total)
        raise ConnectError(
            f"{cluster.name}: no connection within two minutes", "Check the network and the host's name."
        )


def open_cluster(cluster: Cluster) -> Transport:
    """A transport to `cluster`, not connected yet."""
    from websight_tui.remote.opening import open_transport

    return open_transport(cluster.endpoint, login_shell=cluster.login_shell)


def logged_in(cluster: Cluster, *, quiet: bool = False) -> Transport:
    """A transport to `cluster`, connected; asks on the terminal what the login asks, and says how far it is.

    Raises: ConnectError, AuthError, HostKeyError.
    """
    from websight_tui.cli.prompter import prompter
    from websight_tui.cli.waiting import waiting

    transport = open_cluster(cluster)
    with waiting(f"connecting to {cluster.name}", quiet=quiet) as line:
        try:
            transport.connect(prompter(), lambda step: line.show(f"{cluster.name}: {step.words}", *step.far))
        except BaseException:
            transport.close()
            raise
    return transport


@contextmanager
def session(config: Config, data: Path) -> Iterator[Session]:
    """An engine over the run history in `data`, with stored runs loaded; closed at the end.

    Raises: StoreError.
    """
    from websight_tui.runs.engine import Engine
    from websight_tui.runs.store import Store

    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    engine = Engine(config, Store(data / "runs.sqlite"), open_transport=open_cluster, emit=events.put)
    try:
        current = Session(engine, events, config.ui.webhook)
        engine.load()
        current.catch_up()
        yield current
    finally:
        engine.close()


@contextmanager
def connected(args: argparse.Namespace, run: str) -> Iterator[tuple[Session, RunView]]:
    """A session that is logged in where the run `run` (an id, its beginning, "last") belongs.

    Raises: WebsightError if there is no such run or no connection.
    """
    from websight_tui.cli.context import Context, find_run

    context = Context.of(args)
    with session(context.config, context.data) as current:
        view = find_run(list(current.state.runs.values()), run)
        current.connect(known_cluster(context.config, view.spec.cluster))
        yield current, view


def known_cluster(config: Config, name: str) -> Cluster:
    """The cluster a run belongs to. Raises WebsightError if it is no longer configured."""
    if name not in config.clusters:
        raise WebsightError(f"the run's cluster '{name}' is not configured any more", f"Add it to {config.path}.")
    return config.clusters[name]
