"""Sweeps in the run history: which runs belong together, stored before the first of them is submitted."""

from __future__ import annotations

from contextlib import suppress

from websight_tui.errors import WebsightError
from websight_tui.runs.state import Outcome, Sweep
from websight_tui.runs.store import Store
from websight_tui.runspec import RunSpec, from_json, to_json

_ORDER = (Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.INTENT, Outcome.REJECTED)


def put_sweep(store: Store, sweep: Sweep) -> None:
    """Records a sweep with all its runs as planned; one that is there already stays as it is. Raises StoreError."""
    store.must_last()
    with store.transaction() as db:
        db.execute(
            "INSERT INTO sweeps VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (sweep.sweep_id, sweep.cluster, sweep.created_at),
        )
        db.executemany(
            "INSERT INTO sweep_runs VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(sweep.sweep_id, n, spec.run_id, to_json(spec)) for n, spec in enumerate(sweep.specs)],
        )


def load_sweeps(store: Store) -> list[Sweep]:
    """All sweeps, oldest first. A run whose record is damaged is left out. Raises StoreError."""
    found = []
    for sweep_id, cluster, created_at in store.rows("SELECT * FROM sweeps ORDER BY created_at, sweep_id"):
        specs: list[RunSpec] = []
        for (text,) in store.rows("SELECT spec FROM sweep_runs WHERE sweep_id = ? ORDER BY position", sweep_id):
            with suppress(WebsightError):
                specs.append(from_json(text))
        found.append(Sweep(sweep_id, cluster, created_at, tuple(specs)))
    return found


def run_outcome(store: Store, run_id: str) -> Outcome | None:
    """What stands of all submissions of a run: accepted if any was, else unknown, underway or rejected; None if none.

    Raises: StoreError.
    """
    known = {Outcome(row[0]) for row in store.rows("SELECT outcome FROM submissions WHERE run_id = ?", run_id)}
    return next((outcome for outcome in _ORDER if outcome in known), None)
