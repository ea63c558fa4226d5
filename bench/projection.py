"""Backtest of the projection on finished runs' logs, against what people have now.

    python -m bench.projection FOLDER… [--write] [--docs docs/projection.md] [--json]

Every log under the folders that holds a finished run of --least minutes and more is cut at shares of its steps and
projected from what was written until then. Prints tables of relative errors of the total, wrong verdicts, and the
coverage of the bands, where the quantiles of a band never come from the run's own repository. `--write` makes
websight_tui/projection/conformal.py anew from all runs; `--docs` puts the tables between the marks of that file.
Deterministic: same logs, same tables.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench.tables import markdown_table, put_between_marks
from websight_tui.metrics.detect import read_any
from websight_tui.metrics.model import Segment, TrainingLog
from websight_tui.presets import BUILT_IN
from websight_tui.projection.bands import Row
from websight_tui.projection.finish import project
from websight_tui.projection.forecast import forecast
from websight_tui.projection.history import PastRun
from websight_tui.projection.model import Projection, Verdict
from websight_tui.projection.timeline import cut_log, timeline_of

SHARES: Final = (0.05, 0.1, 0.25, 0.5, 0.75)
GRID: Final = (0.03, 0.04, 0.05, 0.07, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9)
"""Where errors are collected for the quantiles."""
EDGES: Final = (1.0,)
"""Shares at which the quantiles change; the unit of a band already accounts for the share."""
_ONE_UNIT: Final[tuple[Row, ...]] = ((1.0, -1.0, -1.0, 1.0, 1.0),)
LIMITS: Final = (0.7, 0.85, 0.92, 1.08, 1.2, 1.5)
"""Limits that verdicts are tried on, relative to the real total; none within 5 % of it, where tight is right."""
CONFORMAL: Final = Path(__file__).resolve().parents[1] / "websight_tui" / "projection" / "conformal.py"
_LEAST_LINES: Final = 12
_STEADY: Final = 1.6


@dataclass(frozen=True, slots=True)
class Run:
    """One finished segment: `total_s` is what it really took; `steady` that its pace never changed by much."""

    name: str
    repository: str
    log: TrainingLog
    total_s: float
    steady: bool
    evaluates: bool

    @property
    def segment(self) -> Segment:
        return self.log.segments[-1]

    @property
    def resumed(self) -> bool:
        return self.segment.start_step > 0


def load(folders: Iterable[Path], least_s: float) -> list[Run]:
    """All usable runs under `folders`, each repository's from INDEX.tsv where there is one, else from the file name.

    The same training in two versions of a file counts once: the one with more lines.
    """
    found: dict[tuple[str, str, int, int, int], Run] = {}
    for folder in folders:
        owners = _owners(folder)
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "INDEX.tsv"):
            relative = path.relative_to(folder).as_posix()
            repository = owners.get(relative) or path.name.split("__")[0].split("@")[0]
            for number, log in enumerate(read_any(path.read_bytes(), path.name)):
                run = _usable(f"{relative} · run {number}", repository, log, least_s)
                if run is None:
                    continue
                segment = run.segment
                minutes = round(run.total_s / max(60.0, 0.02 * run.total_s))
                key = (repository, log.source, segment.total_steps, segment.start_step, minutes)
                if key not in found or len(segment.columns) > len(found[key].segment.columns):
                    found[key] = run
    return sorted(found.values(), key=lambda r: r.name)


def _owners(folder: Path) -> dict[str, str]:
    index = folder / "INDEX.tsv"
    if not index.is_file():
        return {}
    rows = [line.split("\t") for line in index.read_text(encoding="utf-8", errors="replace").splitlines()[1:]]
    return {row[0]: row[1] for row in rows if len(row) > 1}


def _usable(name: str, repository: str, log: TrainingLog, least_s: float) -> Run | None:
    segment = log.last
    if segment is None or len(segment.columns) < _LEAST_LINES or segment.total_steps <= 0:
        return None
    if "ended_early_at" in segment.meta or segment.last_step < 0.985 * segment.total_steps:
        return None
    if len(timeline_of(segment).steps) < _LEAST_LINES:  # no clock
        return None
    whole = project(log, limit_s=None)
    if whole.total_s is None or whole.total_s < least_s:
        return None
    return Run(name, repository, log, whole.total_s, _is_steady(segment), bool(segment.evaluations))


def _is_steady(segment: Segment) -> bool:
    """Whether the tenths of the run, pauses that the log names apart, are of about the same pace."""
    timeline = timeline_of(segment)
    paces = []
    for tenth in range(10):
        first = int(len(timeline.steps) * tenth / 10)
        last = min(int(len(timeline.steps) * (tenth + 1) / 10), len(timeline.steps) - 1)
        if last <= first or tenth == 0:
            continue  # the first tenth holds the warm-up
        low, high = timeline.steps[first], timeline.steps[last]
        paused = sum(p.seconds or 0.0 for p in timeline.evaluations if low <= p.step < high)
        paces.append((timeline.elapsed[last] - timeline.elapsed[first] - paused) / (high - low))
    return len(paces) > 2 and min(paces) > 0 and max(paces) / min(paces) < _STEADY


def formula(log: TrainingLog) -> float | None:
    """LLaMA-Factory's remaining_time, as a total: elapsed ÷ steps × total steps, whatever segment they come from."""
    timeline = timeline_of(log.segments[-1])
    if not timeline.steps or timeline.steps[-1] <= 0:
        return None
    elapsed = timeline.elapsed[-1]
    return elapsed + elapsed / timeline.steps[-1] * (timeline.total - timeline.steps[-1])


def moving_average(log: TrainingLog, smoothing: float = 0.3) -> float | None:
    """tqdm's: an exponential moving average of the intervals (it starts from the resumed step)."""
    timeline = timeline_of(log.segments[-1])
    if len(timeline.steps) < 2:
        return None
    done = seconds = 0.0
    last_step, last_second = float(timeline.start), 0.0
    for step, second in zip(timeline.steps, timeline.elapsed, strict=True):
        done = smoothing * (step - last_step) + (1 - smoothing) * done
        seconds = smoothing * (second - last_second) + (1 - smoothing) * seconds
        last_step, last_second = step, second
    return last_second + seconds / done * (timeline.total - last_step) if done > 0 else None


def ours(log: TrainingLog) -> float | None:
    """This package's estimate."""
    return project(log, limit_s=None).total_s


METHODS: Final[tuple[tuple[str, Callable[[TrainingLog], float | None]], ...]] = (
    ("this package", ours),
    ("elapsed ÷ steps (LLaMA-Factory)", formula),
    ("moving average (tqdm)", moving_average),
)


# errors


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile, interpolated between its neighbours."""
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def error_rows(runs: Sequence[Run], *, worst: bool) -> list[list[str]]:
    """A row for each method: median / p90 (or max) of the absolute relative error at each share."""
    rows = []
    for name, method in METHODS:
        cells = [name]
        for at in SHARES:
            guesses = [(run, method(cut_log(run.log, at))) for run in runs]
            errors = [abs(guess / run.total_s - 1) * 100 for run, guess in guesses if guess is not None]
            silent = len(guesses) - len(errors)
            top = max(errors, default=0.0) if worst else (quantile(errors, 0.9) if errors else 0.0)
            cells.append(f"{median(errors):.2f} / {top:.2f}" + (f" ({silent}†)" if silent else "") if errors else "–")
        rows.append(cells)
    return rows


# bands


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
        rows.append((edge, round(low95, 2), round(low80, 2), round(high80, 2), round(high95, 2)))
    return tuple(rows)


def weighted_quantile(errors: Sequence[Miss], level: float, sign: int) -> float:
    """The upper quantile of `sign` × score with each repository's weight 1, corrected for their small number R.

    Split conformal prediction takes level × (1 + 1/n) of n exchangeable errors. A repository's errors are neither one
    nor many, so half of 1/R is added at 80 %, a fifth in the far tail, where 1/R would leave the data.
    """
    counts: dict[str, int] = {}
    for e in errors:
        counts[e.repository] = counts.get(e.repository, 0) + 1
    repositories = len(counts)
    wanted = level * (1 + (0.5 if level <= 0.95 else 0.2) / repositories)
    ordered = sorted((sign * e.score, 1 / counts[e.repository] / repositories) for e in errors)
    reached = 0.0
    for score, weight in ordered:
        reached += weight
        if reached >= wanted - 1e-9:
            return max(0.0, score)
    return max(0.0, ordered[-1][0]) * 1.25


def coverage_rows(runs: Sequence[Run]) -> list[list[str]]:
    """Coverage and half-width of both bands at each share, quantiles from other repositories only."""
    errors = misses(runs)
    tables = {
        name: quantile_table([e for e in errors if e.repository != name]) for name in {run.repository for run in runs}
    }
    rows = []
    all80 = all95 = all_ = 0
    for at in SHARES:
        held80 = held95 = counted = 0
        widths = []
        for run in runs:
            answer = project(cut_log(run.log, at), limit_s=None, table=tables[run.repository])
            if answer.total_s_80 is None or answer.total_s_95 is None:
                continue
            counted += 1
            held80 += answer.total_s_80[0] <= run.total_s <= answer.total_s_80[1]
            held95 += answer.total_s_95[0] <= run.total_s <= answer.total_s_95[1]
            widths.append((answer.total_s_80[1] - answer.total_s_80[0]) / 2 / run.total_s * 100)
        all80, all95, all_ = all80 + held80, all95 + held95, all_ + counted
        if counted:
            shares = (f"{held80 / counted:.0%}", f"{held95 / counted:.0%}")
            rows.append([f"{at:.0%}", str(counted), *shares, f"{median(widths):.1f} %"])
    if all_:
        rows.append(["all", str(all_), f"{all80 / all_:.0%}", f"{all95 / all_:.0%}", ""])
    return rows


# verdicts


def verdict_rows(runs: Sequence[Run]) -> list[list[str]]:
    """How many verdicts were wrong, tight or right at shares of limits that are not within 5 % of the real total."""
    rows = []
    for at in (0.25, 0.5, 0.75, 0.9):
        wrong = {name: 0 for name, _ in METHODS}
        tight = silent = judged = 0
        for run in runs:
            for ratio in LIMITS:
                limit = run.total_s * ratio
                log = cut_at_second(run.log, at * limit)
                if log is None:
                    continue
                answer = project(log, limit_s=limit)
                judged += 1
                silent += answer.verdict is Verdict.TOO_EARLY
                tight += answer.verdict is Verdict.TIGHT
                wrong["this package"] += _is_wrong(answer, run.total_s, limit)
                for name, method in METHODS[1:]:
                    guess = method(log)
                    wrong[name] += guess is not None and (guess <= limit) != (run.total_s <= limit)
        rows.append([f"{at:.0%}", str(judged), *(str(wrong[name]) for name, _ in METHODS), str(tight), str(silent)])
    return rows


def _is_wrong(answer: Projection, total_s: float, limit: float) -> bool:
    if answer.verdict is Verdict.FITS:
        return total_s > limit
    return answer.verdict is Verdict.WILL_NOT_FIT and total_s <= limit


def cut_at_second(log: TrainingLog, second: float) -> TrainingLog | None:
    """The log as it was after `second` of its last segment; None if the run had already ended."""
    segment = log.segments[-1]
    timeline = timeline_of(segment)
    if not timeline.steps or timeline.elapsed[-1] <= second:
        return None
    reached = [s for s, e in zip(timeline.steps, timeline.elapsed, strict=True) if e <= second]
    last = reached[-1] if reached else timeline.start
    return cut_log(log, (last - timeline.start) / max(1, timeline.total - timeline.start))


# output


def report(runs: Sequence[Run]) -> str:
    """All tables as Markdown."""
    steady = [r for r in runs if not r.resumed and r.steady]
    shaky = [r for r in runs if not r.resumed and not r.steady]
    resumed = [r for r in runs if r.resumed]
    evaluating = [r for r in runs if r.evaluates]
    repositories = len({r.repository for r in runs})
    shares = [f"{at:.0%}" for at in SHARES]
    parts = [f"{len(runs)} finished runs of {repositories} repositories; {len(resumed)} of them resumed segments."]
    for title, chosen, worst in (
        ("Steady runs", steady, False),
        ("Resumed segments", resumed, True),
        ("Runs with evaluations", evaluating, True),
        ("Runs whose pace changed", shaky, True),
    ):
        if chosen:
            what = "maximum" if worst else "90th percentile"
            parts.append(f"**{title}** ({len(chosen)}): error of the projected total in %, median / {what}, by share")
            parts.append(markdown_table(["", *shares], error_rows(chosen, worst=worst)))
    parts.append("† so many runs had too few lines at that share to say anything.")
    parts.append("**Bands**, with quantiles from other repositories only")
    parts.append(
        markdown_table(["share", "runs", "80 % holds", "95 % holds", "half-width of 80 %"], coverage_rows(runs))
    )
    limits = ", ".join(f"{ratio:.0%}" for ratio in LIMITS)
    parts.append(f"**Wrong verdicts** at a share of the limit, for limits of {limits} of the real total")
    head = ["of the limit", "verdicts", *(name for name, _ in METHODS), "tight", "too early"]
    parts.append(markdown_table(head, verdict_rows(runs)))
    return "\n\n".join(parts)


def forecast_table() -> str:
    """What a number of runs of one's own, 20 s a step on 8 H100, does to the forecasts of three presets."""
    presets = {preset.name: preset for preset in BUILT_IN}
    rows = []
    for count in (0, 1, 2, 5, 20):
        history = (PastRun(presets["rank32"], "hai", "H100", 8, step_s=20.0, steps=500),) * count
        cells = [f"{count} run{'s' * (count != 1)} of rank32"]
        for name in ("rank32", "half-epoch", "baseline"):
            made = forecast(
                presets[name],
                world_size=8,
                gpu="H100",
                limit_s=8 * 3600,
                cluster="hai",
                samples=presets[name].train_samples,
                history=history,
            )
            low, high = (end / 3600 for end in made.seconds_80 or (0.0, 0.0))
            cells.append(f"{(made.seconds or 0.0) / 3600:.1f} h ({low:.1f}–{high:.1f}), {made.verdict.value}")
        rows.append(cells)
    return markdown_table(["after", "rank32", "half-epoch", "baseline"], rows)


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


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.projection", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--least", type=float, default=15.0, metavar="MINUTES", help="shorter runs are left out")
    parser.add_argument("--write", action="store_true", help="make the package's quantiles anew")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the tables into this file")
    parser.add_argument("--json", action="store_true", help="every error, one object a line")
    args = parser.parse_args(argv)
    missing = [str(folder) for folder in args.folders if not folder.is_dir()]
    if missing:
        parser.error(f"no such folder: {', '.join(missing)}")
    runs = load(args.folders, args.least * 60)
    if not runs:
        print("no finished run of that length in there", file=sys.stderr)
        return 1
    if args.json:
        for run in runs:
            for at in SHARES:
                answer = project(cut_log(run.log, at), limit_s=None)
                error = None if answer.total_s is None else round(answer.total_s / run.total_s - 1, 5)
                print(json.dumps({"run": run.name, "at": at, "error": error, "reasons": answer.reasons}))
        return 0
    if args.write:
        CONFORMAL.write_text(conformal_module(runs), encoding="utf-8")
    text = report(runs)
    print(text)
    if args.docs:
        put_between_marks(args.docs, "bench-projection", text)
        put_between_marks(args.docs, "bench-forecast", forecast_table())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
