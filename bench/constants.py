"""Were the estimator's constants fitted to these very logs? Chooses them anew without each repository, and tries those.

If they were, errors with constants that never saw a repository would be worse on it than with the shipped ones. The
third row has none of what the constants steer: no drift, nothing added for what is yet unseen, no change for good.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from statistics import mean, median
from types import ModuleType
from typing import Final

from bench.finished_runs import Run
from bench.tables import quantile
from websight_tui.projection import drift, finish
from websight_tui.projection.finish import project
from websight_tui.projection.timeline import cut_log

Choice = tuple[float, ...]
Errors = dict[tuple[str, float], float | None]
"""Relative error of the total by (run, share); None where nothing could be said."""

GRID: Final[tuple[tuple[ModuleType, str, tuple[float, ...]], ...]] = (
    (drift, "_DRIFT_PRIOR", (20.0, 40.0, 80.0, 1e12)),
    (drift, "_REGIME_RATIO", (1.25, 1e12)),
    (finish, "_YET_UNSEEN", (0.0, 0.01, 0.02)),
)
"""What is chosen, and from which values; the last of the first two and the first of the third switch it off."""
NEUTRAL: Final[Choice] = (1e12, 1e12, 0.0)
SCALE: Final = {0.1: 0.07, 0.25: 0.035, 0.5: 0.012, 0.75: 0.01}
"""Errors at these shares count in units of what is asked of the worst tenth of steady runs."""


def shipped() -> Choice:
    """The package's own."""
    return tuple(float(getattr(module, name)) for module, name, _ in GRID)


@contextmanager
def constants(choice: Choice) -> Iterator[None]:
    """The package with other constants, for a while."""
    before = shipped()
    try:
        for (module, name, _), value in zip(GRID, choice, strict=True):
            setattr(module, name, value)
        yield
    finally:
        for (module, name, _), value in zip(GRID, before, strict=True):
            setattr(module, name, value)


def errors_of(runs: Sequence[Run], choice: Choice) -> Errors:
    """Of every run at every share of SCALE."""
    found: Errors = {}
    with constants(choice):
        for run in runs:
            for at in SCALE:
                total = project(cut_log(run.log, at), limit_s=None).total_s
                found[run.name, at] = None if total is None else abs(total / run.total_s - 1)
    return found


def loss(errors: Errors, runs: Sequence[Run]) -> float:
    """Mean over repositories of the mean error in units of SCALE, none counted more than fourfold."""
    by_repository: dict[str, list[float]] = {}
    for run in runs:
        for at, scale in SCALE.items():
            error = errors[run.name, at]
            if error is not None:
                by_repository.setdefault(run.repository, []).append(min(4.0, error / scale))
    return mean(mean(some) for some in by_repository.values())


def held_out(runs: Sequence[Run]) -> tuple[Errors, dict[str, Choice]]:
    """(errors of every run with constants chosen on the other repositories, those constants by repository)."""
    tried = {choice: errors_of(runs, choice) for choice in product(*(values for _, _, values in GRID))}
    chosen: dict[str, Choice] = {}
    errors: Errors = {}
    for repository in {run.repository for run in runs}:
        others = [run for run in runs if run.repository != repository]
        chosen[repository] = min(tried, key=lambda choice: loss(tried[choice], others))
        mine = {run.name for run in runs if run.repository == repository}
        errors |= {key: error for key, error in tried[chosen[repository]].items() if key[0] in mine}
    return errors, chosen


def constants_rows(runs: Sequence[Run]) -> list[list[str]]:
    """Median / 90th percentile of the errors in % at each share, and the loss, for each origin of the constants."""
    without, chosen = held_out(runs)
    kinds = len(set(chosen.values()))
    rows = []
    for name, errors in (
        ("as shipped", errors_of(runs, shipped())),
        (f"chosen without the run's repository ({kinds} choice{'s' * (kinds != 1)})", without),
        ("switched off", errors_of(runs, NEUTRAL)),
    ):
        cells = [name]
        for at in SCALE:
            some = [100 * error for run in runs if (error := errors[run.name, at]) is not None]
            cells.append(f"{median(some):.2f} / {quantile(some, 0.9):.2f}")
        rows.append([*cells, f"{loss(errors, runs):.3f}"])
    return rows
