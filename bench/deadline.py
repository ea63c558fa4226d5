"""Using the time against being cut: the final evaluation loss of runs that have the same seconds to train.

    .venv-trainer/bin/python -m bench.deadline [--seconds 7] [--seeds 12]

The real trainer on the tiny model. For each seed four runs from the same first weights over the same rows:

- one that uses the time (the learning rate comes down by the share of the budget);
- two with the ordinary schedule for too many steps, cut when the time is up, at about 80 % and 50 % of their steps;
- one with the ordinary schedule for just the steps that the first one reached, which nobody knows before: as good as it
  can get. It is not cut, so on a busy machine it may take longer.

All end by the same rule, with the same last evaluation.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.tables import markdown_table
from bench.trainer import environment, make_run, prepare
from trainer.events import read_events
from trainer.without_gpu import use_shim

MANY_EPOCHS: Final = 1000.0
CUT_AT: Final = (0.8, 0.5)
USED, ORACLE = "uses the time", "knew its steps"


class Ending(NamedTuple):
    """How a run ended: its last step, the last learning rate over the highest, the evaluation's loss, seconds."""

    step: int
    rate: float
    loss: float
    seconds: float


def main() -> int:
    """Prints the table; 1 if using the time is worse than being cut by more than chance (two standard errors)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=7.0, help="of each run, from its first step (default 7)")
    parser.add_argument("--seeds", type=int, default=12, help="how many (default 12)")
    args = parser.parse_args()
    found: dict[str, list[Ending]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-deadline-") as folder:
        for seed in range(args.seeds):
            for name, ending in compare(Path(folder), seed, args.seconds).items():
                found.setdefault(name, []).append(ending)
            print(
                f"seed {seed}: " + ", ".join(f"{name} {ends[-1].loss:.3f}" for name, ends in found.items()), flush=True
            )
    print()
    print(table(found))
    worse = [name for name in found if name not in (USED, ORACLE) and is_worse(*difference(found, name))]
    for name in worse:
        print(f"using the time was worse than: {name}")
    return 1 if worse else 0


def compare(root: Path, seed: int, seconds: float) -> dict[str, Ending]:
    """The four runs of one seed."""
    used = train_for(root, f"used-{seed}", seconds, seed=seed, use_the_time=True)
    found = {USED: used}
    for share in CUT_AT:
        steps = round(used.step / share)
        found[f"cut at {share:.0%}"] = train_for(
            root, f"cut-{seed}-{share}", seconds, seed=seed, max_steps=steps, cut=True, use_the_time=True
        )
    found[ORACLE] = train_for(root, f"oracle-{seed}", seconds, seed=seed, max_steps=used.step)
    return found


def train_for(root: Path, run_id: str, seconds: float, *, cut: bool = False, **settings: object) -> Ending:
    """One run of the tiny preset with `settings`, in a process of its own.

    Args:
        seconds: its budget from the first step on; it counts only with `use_the_time`.
        cut: the ordinary schedule by steps, ended when the budget is used up.
    """
    given = {"num_train_epochs": MANY_EPOCHS, "save_steps": 10**6, "eval_steps": 10**6}
    evaluation = {"eval_dataset": "tiny_clicks_validation,tiny_clicks_test", "max_eval_samples": 32}
    run_dir = make_run(root, run_id, **{**given, **evaluation, **settings})
    if not (root / "tiny").is_dir():
        prepare(run_dir)
    trained = in_child(run_dir, seconds, cut=cut)
    events = list(read_events(run_dir / "events.jsonl"))
    end = events[-1]
    if trained != 0 or end.get("reason") != "finished":
        raise SystemExit(f"{run_id} failed: {end}\n{(run_dir / 'bench.err').read_text()[-2000:]}")
    rates = [event["lr"] for event in events if event["kind"] == "log"]
    took = end["t"] - events[0]["t"]
    return Ending(end["step"], rates[-1] / max(rates), end["metrics"]["eval_loss"], took)


def in_child(run_dir: Path, seconds: float, *, cut: bool = False, stop_at: int = 0) -> int:
    """Trains in a forked process: what one run leaves behind is no other's, and torch is imported once for all.

    Args:
        seconds, cut: as for `train_for`.
        stop_at: a step at which it is asked to save and stop; 0 for none.

    Returns: the trainer's exit status.
    """
    os.environ |= environment(run_dir)
    use_shim()
    import trainer.watched  # noqa: F401

    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with (run_dir / "bench.err").open("w") as out:
                os.dup2(out.fileno(), 1)
                os.dup2(out.fileno(), 2)
                status = train_with_budget(run_dir, seconds, cut=cut, stop_at=stop_at)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def train_with_budget(run_dir: Path, seconds: float, *, cut: bool = False, stop_at: int = 0) -> int:
    """`trainer train` with a deadline `seconds` after its first step begins, however long the start takes."""
    from trainer import callback, signals, train, watched

    begin, end_step = callback.Watch.on_train_begin, callback.Watch.on_step_end

    def on_train_begin(self: callback.Watch, *args: Any, **rest: Any) -> None:
        self.recorder.plan = replace(self.recorder.plan, deadline=time.time() + seconds)
        begin(self, *args, **rest)

    def on_step_end(self: callback.Watch, args: Any, state: Any, *others: Any, **rest: Any) -> None:
        if state.global_step == stop_at:
            signals.request.seen[signal.SIGTERM] = time.time()
        end_step(self, args, state, *others, **rest)

    callback.Watch.on_train_begin = on_train_begin  # type: ignore[method-assign]
    callback.Watch.on_step_end = on_step_end  # type: ignore[method-assign]
    if cut:
        watched.follow_share = lambda *_: None  # type: ignore[attr-defined]
    return train.main(run_dir)


def difference(found: Mapping[str, list[Ending]], name: str) -> tuple[float, float]:
    """(mean, standard error) of the loss with the time used less that of `name`, seed by seed."""
    pairs = [ours.loss - theirs.loss for ours, theirs in zip(found[USED], found[name], strict=True)]
    error = statistics.stdev(pairs) / len(pairs) ** 0.5 if len(pairs) > 1 else 0.0
    return statistics.mean(pairs), error


def is_worse(mean: float, error: float) -> bool:
    return mean > 2 * error


def table(found: Mapping[str, list[Ending]]) -> str:
    """One row a way to train, means over the seeds."""
    rows = []
    for name, ends in found.items():
        mean, error = difference(found, name)
        rows.append(
            [
                name,
                f"{statistics.mean(end.step for end in ends):.0f}",
                f"{statistics.mean(end.seconds for end in ends):.1f}",
                f"{statistics.mean(end.rate for end in ends):.1%}",
                f"{statistics.mean(end.loss for end in ends):.3f}",
                "–" if name == USED else f"{mean:+.3f} ± {error:.3f}",
            ]
        )
    head = ["run", "steps", "seconds", "last learning rate", "evaluation loss", "using the time against it"]
    return markdown_table(head, rows)


if __name__ == "__main__":
    sys.exit(main())
