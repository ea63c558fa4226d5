"""MB/s of the readers of logs, and the time of a projection, as rows of the table."""

from __future__ import annotations

from collections.abc import Iterator

from bench.heavy import KEY_GOAL_S
from bench.parse import READERS, measure_series, timed, trainer_log
from bench.rows import Row, milliseconds
from websight_tui.metrics.trainer_log import read_trainer_log
from websight_tui.projection.finish import project

PROJECTION_GOAL_S = 0.005
_SHARES = (0.01, 0.1, 1.0)
_WANTED = ("trainer_log.jsonl", "events.jsonl", "job output", "screen: one bar")


def rows(*, megabytes: float, lines: int) -> Iterator[Row]:
    """Readers beside `json.loads` of the same lines (of output without JSON: beside cutting it into lines).

    Args:
        megabytes: of each sample at 100×.
        lines: of the log that is projected at 100×.
    """
    for name, make, read, floor in READERS:
        if name not in _WANTED:
            continue
        speeds: list[float] = []
        ratio = under = 0.0
        for share in _SHARES:
            data = make(int(megabytes * share * 1e6))
            took = timed(lambda data=data, read=read: read(data))  # type: ignore[misc]
            under = timed(lambda data=data, floor=floor: floor(data))  # type: ignore[misc]
            speeds.append(len(data) / 1e6 / took)
            ratio = took / under
        floor_name = "json.loads of each line" if name.endswith(".jsonl") else "splitting into lines"
        yield Row(
            f"reading {name} ({' · '.join(f'{megabytes * share:g}' for share in _SHARES)} MB)",
            [f"{speed:.0f} MB/s" for speed in speeds],
            f"{floor_name} {megabytes / under:.0f} MB/s",
            ratio,
        )
    took_each = []
    for share in _SHARES:
        (log,) = read_trainer_log(trainer_log(190 * int(lines * share)))
        took_each.append(timed(lambda log=log: project(log, limit_s=28_800.0), 5))  # type: ignore[misc]
    yield Row(
        f"projection of {' · '.join(f'{int(lines * share):,}' for share in _SHARES)} lines",
        [f"{1000 * took:.2f} ms" for took in took_each],
        goal=f"≤ {1000 * PROJECTION_GOAL_S:.0f} ms",
        met=took_each[-1] <= PROJECTION_GOAL_S,
    )
    series = measure_series()
    yield Row(
        f"a point more on a curve of {' · '.join(str(row['points']) for row in series)}",
        [milliseconds(float(row["add + reduce ms"]) / 1000) for row in series],
        goal=f"≤ {1000 * KEY_GOAL_S:.0f} ms",
        met=all(float(row["add + reduce ms"]) / 1000 <= KEY_GOAL_S for row in series),
    )
