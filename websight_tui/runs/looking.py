"""Looks at what nobody waits for: results in runs' folders, limits on the user's jobs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from websight_tui.errors import RemoteError
from websight_tui.runs import events as e
from websight_tui.runs.measuring import measure
from websight_tui.runs.state import Measured
from websight_tui.runs.store import Store
from websight_tui.slurm_commands import commands, job_counts

if TYPE_CHECKING:
    from websight_tui.runs.track import RunTrack
    from websight_tui.runs.watcher import Watcher

_LOG: Final = logging.getLogger(__name__)


def measure_and_tell(
    tracks: Sequence[RunTrack], store: Store, emit: Callable[[e.Event], None], watcher: Watcher
) -> None:
    """Looks into the folder of each run and tells what is there: a RunMeasured for each. Raises StoreError."""
    for track in tracks:
        if (transport := watcher.transport) is None:
            return
        try:
            measured = measure(track.spec, transport, store)
        except RemoteError as exc:  # what was not known stays so
            _LOG.info("%s could not be measured: %s", track.spec.run_id, exc.message)
            measured = track.measured or Measured()
        track.measured = measured
        emit(e.RunMeasured(track.spec.run_id, measured))


def count_and_tell(watcher: Watcher, emit: Callable[[e.Event], None]) -> None:
    """Asks how many jobs the site lets the user have at once, and tells: JobCountsFound."""
    counts = None
    if (transport := watcher.transport) is not None:
        with suppress(RemoteError):
            asked = job_counts.command(watcher.cluster.account)
            result = transport.exec(asked, timeout=commands.QUERY_TIMEOUT_S)
            counts = job_counts.parse(result.stdout, watcher.cluster.qos) if result.exit == 0 else None
    emit(e.JobCountsFound(watcher.cluster.name, counts))
