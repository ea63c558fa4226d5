"""The pre-flight of a launch that is being looked at: beside everything else, one at a time, the newest only."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from websight_tui.errors import WebsightError
from websight_tui.runs import events as e
from websight_tui.runs.checks.finding import Doing, Finding, Tell, skip
from websight_tui.runs.plan import LaunchPlan
from websight_tui.runs.preflight import Preflight, preflight_of
from websight_tui.runs.watcher import Watcher

_LOG: Final = logging.getLogger(__name__)


class Checker:
    """Checks launches in threads of its own: CheckMoved and CheckMade as each goes on, then a PreflightDone, unless a
    newer one took its place.

    Args:
        emit: takes events, from any thread.
        clock: Unix s.
    """

    def __init__(self, emit: Callable[[e.Event], None], clock: Callable[[], float]) -> None:
        self._emit, self._clock = emit, clock
        self._turn = threading.Lock()
        self._newest: LaunchPlan | None = None

    def begin(self, plan: LaunchPlan, watcher: Watcher | None) -> None:
        """Checks `plan` over the connection of `watcher`; returns at once."""
        self._newest = plan

        def work() -> None:
            with self._turn:  # a login node is shared: never two at a time
                if self._newest is not plan:
                    return
                found = _check(plan, watcher, lambda told: self._tell(plan, told))
            if self._newest is plan:
                self._emit(e.PreflightDone(plan.spec.run_id, found.findings, found.train_rows, self._clock()))

        threading.Thread(target=work, name=f"pre-flight {plan.spec.run_id}", daemon=True).start()

    def _tell(self, plan: LaunchPlan, told: Doing | Finding) -> None:
        if self._newest is plan:
            self._emit(e.told(plan.spec.run_id, told, self._clock()))


def _check(plan: LaunchPlan, watcher: Watcher | None, tell: Tell) -> Preflight:
    transport = watcher.transport if watcher is not None else None
    if watcher is None or transport is None:
        return _not_checked("Not connected to this cluster", "Connect first.")
    plan = plan.at(watcher.home)
    if not plan.spec.root.startswith("/"):
        return _not_checked("The home folder there is not known", "Set an absolute `root` for this cluster.")
    try:
        return preflight_of(transport, plan.spec, bundle=plan.bundle, tell=tell)
    except WebsightError as exc:
        return _not_checked(exc.message, exc.hint)
    except Exception as exc:  # the last resort: a person waits for an answer
        _LOG.exception("the pre-flight of %s broke off", plan.spec.run_id)
        return _not_checked(f"It broke off: {exc!r}")


def _not_checked(why: str, hint: str = "") -> Preflight:
    return Preflight((skip("launch", f"not checked: {why}", hint),))
