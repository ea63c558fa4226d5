"""Conformal quantiles for the bands, from the errors on finished runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.finished_runs import Run
from websight_tui.projection.bands import Row
from websight_tui.projection.finish import project
from websight_tui.projection.timeline import cut_log

GRID: Final = (0.03, 0.04, 0.05, 0.07, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9)
"""Where errors are collected for the quantiles."""
EDGES: Final = (1.0,)
"""Shares at which the quantiles change; the unit of a band already accounts for the share."""
_ONE_UNIT: Final[tuple[Row, ...]] = ((1.0, -1.0, -1.0, 1.0, 1.0),)


@dataclass(frozen=True, slots=True)
class Miss:
    """One projection's error in units of its band, with what made it."""

    repository: str
    at: float
    score: float


def misses(runs: Sequence[Run]) -> list[Miss]:
    """Errors over the grid of shares, each in units of the band times the remaining seconds."""
    found = []
    for run in runs:
        for at in GRID:
            answer = project(cut_log(run.log, at), limit_s=None, table=_ONE_UNIT)
            if answer.total_s is None or answer.total_s_80 is None or answer.total_s <= answer.elapsed_s:
                continue
            scale = answer.total_s_80[1] - answer.total_s
            found.append(Miss(run.repository, at, (run.total_s - answer.total_s) / scale))
    return found


def quantile_table(errors: Sequence[Miss]) -> tuple[Row, ...]:
    """Conformal quantiles by share of the run; each repository weighs the same."""
    rows: list[Row] = []
    below = 0.0
    for edge in EDGES:
        mine = [e for e in errors if below < e.at <= edge]
        below = edge
        if not mine:
            rows.append((edge, *(rows[-1][1:] if rows else (-4.0, -2.0, 3.0, 8.0))))
            continue
        low95, low80 = (-weighted_quantile(mine, p, -1) for p in (0.975, 0.9))
        high80, high95 = (weighted_quantile(mine, p, 1) for p in (0.9, 0.975))
        # late is likelier than early: one early outlier among few repositories must not turn that round
        high80, high95 = max(high80, -low80), max(high95, -low95)
        rows.append((edge, round(low95, 2), round(low80, 2), round(high80, 2), round(high95, 2)))
    return tuple(rows)


def weighted_quantile(errors: Sequence[Miss], level: float, sign: int) -> float:
    """The upper quantile of `sign` × score with each repository's weight 1, corrected for their small number R.

    Split conformal prediction takes level × (1 + 1/n) of n exchangeable errors. A repository's errors are neither one
    nor many, so 0.3/R is added at 80 % (with which a nominal 80 % holds 82 % of repositories that had no say in it) and
    0.2/R in the far tail, where 1/R would leave the data.
    """
    counts: dict[str, int] = {}
    for e in errors:
        counts[e.repository] = counts.get(e.repository, 0) + 1
    repositories = len(counts)
    wanted = level * (1 + (0.3 if level <= 0.95 else 0.2) / repositories)
    ordered = sorted((sign * e.score, 1 / counts[e.repository] / repositories) for e in errors)
    reached = 0.0
    for score, weight in ordered:
        reached += weight
        if reached >= wanted - 1e-9:
            return max(0.0, score)
    return max(0.0, ordered[-1][0]) * 1.25


def conformal_module(runs: Sequence[Run]) -> str:
    """The text of websight_tui/projection/conformal.py."""
    rows = [f"({', '.join(f'{value:.2f}' for value in row)})," for row in quantile_table(misses(runs))]
    inner = rows[0] if len(rows) == 1 else "".join(f"\n    {row}" for row in rows) + "\n"
    return f'''"""Conformal quantiles of projection errors, made by `python -m bench.projection … --write`."""

from __future__ import annotations

from typing import Final

QUANTILES: Final[tuple[tuple[float, float, float, float, float], ...]] = ({inner})
"""For shares of the segment up to the first number: lower 95, lower 80, upper 80, upper 95 in units of `bands.unit`."""

RUNS: Final = {len(runs)}
REPOSITORIES: Final = {len({run.repository for run in runs})}
"""What they come from."""
'''
