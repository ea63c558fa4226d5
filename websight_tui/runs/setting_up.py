"""The engine's part in setting up a new cluster: asks it what it offers, then checks what was chosen."""

from __future__ import annotations

from collections.abc import Callable

from websight_tui.errors import WebsightError
from websight_tui.runs import actions
from websight_tui.runs import events as e
from websight_tui.runs.checks.finding import fail
from websight_tui.runs.doctor import inspect
from websight_tui.runs.exploring import explore
from websight_tui.runs.plan import LaunchPlan
from websight_tui.runs.watcher import Watcher


def explore_and_tell(
    watcher: Watcher, emit: Callable[[e.Event], None], clock: Callable[[], float]
) -> actions.Answer | None:
    """Emits one SiteSeen."""
    name, transport = watcher.cluster.name, watcher.transport
    if transport is None:
        return actions.NOT_CONNECTED
    try:
        emit(e.SiteSeen(name, explore(transport), "", clock()))
    except WebsightError as exc:
        emit(e.SiteSeen(name, None, f"{exc.message.rstrip('.')}. {exc.hint}".strip(), clock()))
    return None


def examine_and_tell(
    watcher: Watcher, plan: LaunchPlan, emit: Callable[[e.Event], None], clock: Callable[[], float]
) -> actions.Answer | None:
    """Emits a CheckMoved as each step begins and goes on, a CheckMade a finding, and one without when all is done."""
    transport, run_id = watcher.transport, plan.spec.run_id
    if transport is None:
        return actions.NOT_CONNECTED
    try:
        inspect(transport, watcher.cluster, plan, lambda item: emit(e.told(run_id, item, clock())))
    except WebsightError as exc:
        emit(e.CheckMade(run_id, fail("check", exc.message, exc.hint), clock()))
    emit(e.CheckMade(run_id, None, clock()))
    return None
