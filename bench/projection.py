"""Backtest of the projection on finished runs' logs, against what people have now.

    python -m bench.projection FOLDER… [--write] [--constants] [--docs docs/projection.md] [--json]

Every log under the folders that holds a finished run of --least minutes and more is cut at shares of its steps and
projected from what was written until then. Prints tables of relative errors of the total, wrong verdicts, and the
coverage of the bands, where the quantiles of a band never come from the run's own repository. Bands are made and
tried on runs of 15 minutes and more, of which there are more. `--write` makes websight_tui/projection/conformal.py
anew; `--constants` tries the estimator's constants on repositories that had no say in them (half a minute more);
`--docs` puts the tables between the marks of that file. Deterministic: same logs, same tables.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from bench.calibration import conformal_module, misses, quantile_table
from bench.constants import SCALE, constants_rows
from bench.finished_runs import Run, cut_at_second, load
from bench.peers import METHODS
from bench.tables import markdown_table, put_between_marks, quantile
from websight_tui.presets import BUILT_IN
from websight_tui.projection.finish import project
from websight_tui.projection.forecast import forecast
from websight_tui.projection.history import PastRun
from websight_tui.projection.model import Projection, Verdict
from websight_tui.projection.timeline import cut_log

SHARES: Final = (0.05, 0.1, 0.25, 0.5, 0.75)
LIMITS: Final = (0.7, 0.85, 0.92, 1.08, 1.2, 1.5)
"""Limits that verdicts are tried on, relative to the real total; none within 5 % of it, where tight is right."""
STEADY_BAR: Final = ("bar", "–", "1 / 7", "0.5 / 3.5", "0.3 / 1.2", "0.2 / 1")
RESUMED_BAR: Final = ("bar", "–", "3 / 7", "1 / 4", "1 / 2", "0.5 / 1")
"""What this package has to reach, in the form of `error_rows`."""
CALIBRATION_S: Final = 15 * 60.0
CONFORMAL: Final = Path(__file__).resolve().parents[1] / "websight_tui" / "projection" / "conformal.py"


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


def report(everything: Sequence[Run], least_s: float) -> str:
    """All tables as Markdown; the bands' over all runs, the others' over those of `least_s` and more."""
    runs = [r for r in everything if r.total_s >= least_s]
    steady = [r for r in runs if not r.resumed and r.steady]
    shaky = [r for r in runs if not r.resumed and not r.steady]
    resumed = [r for r in runs if r.resumed]
    evaluating = [r for r in runs if r.evaluates]
    repositories = len({r.repository for r in runs})
    shares = [f"{at:.0%}" for at in SHARES]
    parts = [f"{len(runs)} finished runs of {repositories} repositories; {len(resumed)} of them resumed segments."]
    nothing: tuple[str, ...] = ()
    for title, chosen, worst, bar in (
        ("Steady runs", steady, False, STEADY_BAR),
        ("Resumed segments", resumed, True, RESUMED_BAR),
        ("Runs with evaluations", evaluating, True, nothing),
        ("Runs whose pace changed", shaky, True, nothing),
    ):
        if chosen:
            what = "maximum" if worst else "90th percentile"
            parts.append(f"**{title}** ({len(chosen)}): error of the projected total in %, median / {what}, by share")
            rows = [*error_rows(chosen, worst=worst), *([bar] if bar else [])]
            parts.append(markdown_table(["", *shares], rows))
    parts.append("† so many runs had too few lines at that share to say anything.")
    parts.append(f"**Bands** ({len(everything)} runs), with quantiles from other repositories only")
    parts.append(
        markdown_table(["share", "runs", "80 % holds", "95 % holds", "half-width of 80 %"], coverage_rows(everything))
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


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.projection", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--least", type=float, default=20.0, metavar="MINUTES", help="shorter runs are left out")
    parser.add_argument("--write", action="store_true", help="make the package's quantiles anew")
    parser.add_argument("--constants", action="store_true", help="choose the constants without each repository")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the tables into this file")
    parser.add_argument("--json", action="store_true", help="every error, one object a line")
    args = parser.parse_args(argv)
    missing = [str(folder) for folder in args.folders if not folder.is_dir()]
    if missing:
        parser.error(f"no such folder: {', '.join(missing)}")
    least_s = args.least * 60
    everything = load(args.folders, min(least_s, CALIBRATION_S))
    runs = [run for run in everything if run.total_s >= least_s]
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
        CONFORMAL.write_text(conformal_module(everything), encoding="utf-8")
    text = report(everything, least_s)
    print(text)
    if args.constants:
        head = ["constants", *(f"{at:.0%}" for at in SCALE), "loss"]
        fresh = [run for run in everything if not run.resumed]
        chosen = markdown_table(head, constants_rows(fresh))
        print(f"\n{chosen}")
        if args.docs:
            put_between_marks(args.docs, "bench-constants", chosen)
    if args.docs:
        put_between_marks(args.docs, "bench-projection", text)
        put_between_marks(args.docs, "bench-forecast", forecast_table())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
