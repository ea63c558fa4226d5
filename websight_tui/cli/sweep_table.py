"""The table of a sweep on the command line: once, or again with each change until all runs have ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from websight_tui.cli.context import Context
    from websight_tui.cli.session import Session
    from websight_tui.runs.state import Sweep
    from websight_tui.runs.sweeps.row import SweepRow

_MEASURE_S: Final = 20.0


def find_sweep(current: Session, wanted: str) -> Sweep:
    """The sweep whose id begins with `wanted` ("last": the newest). Raises WebsightError if none or several do."""
    from websight_tui.errors import WebsightError

    known = list(current.state.sweeps.values())
    if not known:
        raise WebsightError("no sweeps yet", "Start one with `websight-tui sweep PRESET PRESET`.")
    found = known[-1:] if wanted == "last" else [s for s in known if s.sweep_id.startswith(wanted)]
    if len(found) != 1:
        many = f"'{wanted}' begins {len(found)} sweeps" if found else f"no sweep '{wanted}'"
        raise WebsightError(many, f"The newest is {known[-1].sweep_id}.")
    return found[0]


def show(context: Context, current: Session, sweep: Sweep, *, follow: bool, offline: bool, kind: str = "text") -> int:
    """Prints the table of a sweep; if `follow` again whenever it changed, until every run and evaluation has ended.

    Args:
        kind: text, json, md or csv; the last two are printed once, at the end.

    Returns: 0; 3 if the cluster could not be reached.
    """
    reached = offline or _reach(context, current, sweep)
    if not follow or not reached:
        if reached and not offline:
            _measure(current, sweep)
        _print(sweep, _rows(current, sweep), kind)
        return 0 if reached else 3
    measured = False
    with _shown(sweep, kind) as tell:
        while True:
            rows = _rows(current, sweep)
            over = all(row.over or row.phase is None for row in rows)
            if over and not measured:
                _measure(current, sweep)
                measured, rows = True, _rows(current, sweep)
            tell(rows)
            if over and not any(row.open for row in rows):
                break
            for _ in current.events(timeout=1.0):
                pass
    if kind in ("md", "csv"):
        _print(sweep, rows, kind)
    return 0


@contextmanager
def _shown(sweep: Sweep, kind: str) -> Iterator[Callable[[Sequence[SweepRow]], None]]:
    """How changes are told: on a terminal one table that changes in place, else a new one for what counts."""
    if kind in ("md", "csv"):
        yield lambda _: None
        return
    if kind == "text" and sys.stdout.isatty():
        from rich.console import Group
        from rich.live import Live
        from rich.text import Text

        with Live(auto_refresh=False) as live:
            yield lambda rows: live.update(
                Group(Text(_heading(sweep, rows)), _table(rows), Text("\n".join(_notes(rows)))), refresh=True
            )
        return
    told: list[object] = []

    def tell(rows: Sequence[SweepRow]) -> None:
        now = [(_stage(row), row.verdict, int((row.share or 0) * 5), row.adapter_bytes, row.clicks) for row in rows]
        if now != told:
            told[:] = now
            _print(sweep, rows, kind)

    yield tell


def _stage(row: SweepRow) -> str:
    """The state without its going to and fro between training, saving and evaluating."""
    from websight_tui.runs.state import Phase

    return "under way" if row.phase in (Phase.TRAINING, Phase.SAVING, Phase.EVALUATING) else row.state


def _rows(current: Session, sweep: Sweep) -> tuple[SweepRow, ...]:
    from websight_tui.runs.sweeps.table import rows_of

    return rows_of(sweep, current.state.runs, time.time())


def _reach(context: Context, current: Session, sweep: Sweep) -> bool:
    """Connects and waits for one look at the queue; whether that was possible."""
    from websight_tui.cli.output import say
    from websight_tui.errors import WebsightError
    from websight_tui.runs.events import QueueSeen
    from websight_tui.runs.state import Link

    view = current.state.clusters.get(sweep.cluster)
    if view is not None and view.link is Link.ONLINE:
        return True
    if sweep.cluster not in context.config.clusters:
        return True  # what is known of it is all there will ever be
    try:
        current.connect(context.config.clusters[sweep.cluster])
        current.wait(lambda event: isinstance(event, QueueSeen), timeout=20, what=f"the queue of {sweep.cluster}")
        current.read_files()
    except WebsightError as exc:
        say(f"websight-tui: {exc.message} (showing what was last seen)", file=sys.stderr)
        return False
    return True


def _measure(current: Session, sweep: Sweep) -> None:
    """Looks for adapters and evaluations of the runs that have ended."""
    from websight_tui.cli.waiting import waiting as showing
    from websight_tui.runs.events import RunMeasured
    from websight_tui.runs.phase import OVER

    waiting = {run_id for run_id in sweep.run_ids if (run := current.state.runs.get(run_id)) and run.phase in OVER}
    if waiting:
        count = len(waiting)
        current.engine.measure(tuple(waiting))
        with showing("looking for adapters and evaluations") as line:
            for event in current.events(timeout=_MEASURE_S):
                if isinstance(event, RunMeasured):
                    waiting.discard(event.run_id)
                    line.show("looking for adapters and evaluations", count - len(waiting), count)
                if not waiting:
                    break


def print_list(current: Session, *, as_json: bool) -> int:
    from websight_tui.cli.output import print_json, print_table, say
    from websight_tui.runs.sweeps.table import summary
    from websight_tui.words import time_of_day

    sweeps: Mapping[str, Sweep] = current.state.sweeps
    rows = []
    for sweep in reversed(list(sweeps.values())):
        words = summary(_rows(current, sweep))
        if as_json:
            print_json(
                {"sweep": sweep.sweep_id, "cluster": sweep.cluster, "runs": list(sweep.run_ids), "summary": words}
            )
        rows.append((sweep.sweep_id, sweep.cluster, time_of_day(sweep.created_at, time.time()), words))
    if not as_json:
        print_table(("sweep", "cluster", "begun", "runs"), rows) if rows else say(
            "No sweeps yet. Start one with `websight-tui sweep PRESET PRESET`."
        )
    return 0


def _heading(sweep: Sweep, rows: Sequence[SweepRow]) -> str:
    from websight_tui.runs.sweeps.table import summary

    return f"{time.strftime('%H:%M:%S')}  {sweep.sweep_id} on {sweep.cluster}: {summary(tuple(rows))}"


def _table(rows: Sequence[SweepRow]) -> Table:
    from websight_tui.cli.output import make_table
    from websight_tui.runs.sweeps.table import COLUMNS, cells

    return make_table(COLUMNS, [cells(row) for row in rows], right=COLUMNS[1:3] + COLUMNS[5:])


def _notes(rows: Sequence[SweepRow]) -> list[str]:
    """What stands below the table: how far the measuring is, and what went wrong with it."""
    from websight_tui.runs.sweeps.clicks import clicks_failures, clicks_words

    return [*filter(None, [clicks_words(rows)]), *clicks_failures(rows)]


def _print(sweep: Sweep, rows: Sequence[SweepRow], kind: str) -> None:
    from rich.console import Console

    from websight_tui.cli.output import print_json, say
    from websight_tui.runs.sweeps.table import as_json as of

    if kind == "json":
        for row in rows:
            print_json(of(sweep, row))
        return
    if kind in ("md", "csv"):
        from websight_tui.report.sweep import written

        for line in written(sweep, rows, kind, _heading(sweep, rows)).splitlines():
            say(line)
        return
    say(_heading(sweep, rows))
    Console(highlight=False).print(_table(rows))
    for note in _notes(rows):
        say(note)
