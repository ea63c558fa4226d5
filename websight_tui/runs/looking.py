"""Looks at what nobody waits for: limits on the user's jobs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from websight_tui.errors import RemoteError
from websight_tui.runs import events as e
from websight_tui.slurm_commands import commands, job_counts

if TYPE_CHECKING:
    from websight_tui.runs.watcher import Watcher


def count_and_tell(watcher: Watcher, emit: Callable[[e.Event], None]) -> None:
    """Asks how many jobs the site lets the user have at once, and tells: JobCountsFound."""
    counts = None
    if (transport := watcher.transport) is not None:
        with suppress(RemoteError):
            asked = job_counts.command(watcher.cluster.account)
            result = transport.exec(asked, timeout=commands.QUERY_TIMEOUT_S)
            counts = job_counts.parse(result.stdout, watcher.cluster.qos) if result.exit == 0 else None
    emit(e.JobCountsFound(watcher.cluster.name, counts))
