"""Asks one cluster's Slurm, counts the calls, and turns its answers into values or our errors."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from websight_tui.errors import SchedulerError, SchedulerUnreachable
from websight_tui.remote.port import ExecResult, Transport
from websight_tui.slurm_commands import commands, failures, parse, site
from websight_tui.slurm_commands.model import Job
from websight_tui.slurm_commands.site import Layout, parse_partition_settings, parse_reservations

WINDOW_S: Final = 60.0


class Scheduler:
    """One cluster's Slurm, over `transport`. Every method is one call; safe to use from several threads.

    All methods raise SchedulerError (SchedulerUnreachable where trying later can help), RemoteTimeout, ConnectionLost.
    """

    def __init__(self, transport: Transport, clock: Callable[[], float], calls: deque[float]) -> None:
        self._transport = transport
        self._clock = clock
        self._calls = calls
        self._lock = threading.Lock()
        self._records: dict[str, Job] = {}

    def run(self, command: str, timeout: float = commands.QUERY_TIMEOUT_S) -> ExecResult:
        """Sends any Slurm command, counted."""
        with self._lock:
            self._calls.append(self._clock())
        return self._transport.exec(command, timeout=timeout)

    def calls_per_minute(self) -> float:
        """Calls within the last minute."""
        with self._lock:
            while self._calls and self._calls[0] < self._clock() - WINDOW_S:
                self._calls.popleft()
            return float(len(self._calls))

    def queue(self) -> list[Job]:
        """All own jobs that squeue knows, those included that ended within the last minutes."""
        result = self._ask("squeue", commands.queue())
        return parse.parse_queue(result.stdout, self._records)

    def accounting(self, job_ids: Sequence[str]) -> list[Job] | None:
        """What sacct has on `job_ids`; None where there is no accounting."""
        result = self.run(commands.accounting(job_ids))
        if result.exit != 0:
            if failures.no_accounting(result.stderr):
                return None
            raise failures.query_failure("sacct", result.exit, result.stderr)
        return parse.parse_accounting(result.stdout)

    def show(self, job_id: str) -> dict[str, str]:
        """scontrol's fields of a job; {} if it knows none of that id."""
        try:
            return parse.parse_show_job(self._ask("scontrol", commands.show_job(job_id)).stdout)
        except SchedulerUnreachable:
            raise
        except SchedulerError:
            return {}

    def layout(self) -> Layout:
        """The partitions and the reservations (none where those may not be seen): two calls."""
        partitions = parse_partition_settings(self._ask("scontrol", site.partition_settings()).stdout)
        seen = self.run(site.reservations())
        return Layout(tuple(partitions), tuple(parse_reservations(seen.stdout)) if seen.exit == 0 else ())

    def change(self, program: str, command: str) -> None:
        """scancel or a scontrol that changes something."""
        self._ask(program, command, commands.CHANGE_TIMEOUT_S)

    def _ask(self, program: str, command: str, timeout: float = commands.QUERY_TIMEOUT_S) -> ExecResult:
        result = self.run(command, timeout)
        if result.exit != 0:
            raise failures.query_failure(program, result.exit, result.stderr)
        return result
