"""What the cluster knows against what the app says, at the end of a soak: no job lost or doubled, no line either."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from websight_tui.pocket.database import Database
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import Outcome, RunView


def compare(folder: Path, runs: Iterable[RunView], *, ours_alone: bool = False) -> list[str]:
    """What is wrong, in words; empty if nothing is.

    Args:
        folder: of the embedded cluster.
        runs: as the app shows them, all their files read to the end.
        ours_alone: look at the jobs of these runs only: others share the cluster.
    """
    database = Database(folder / "jobs.sqlite")
    tokens = Counter(job.comment for job in database.jobs())
    database.close()
    runs = list(runs)
    ours = {run.spec.token for run in runs} if ours_alone else set(tokens)
    wrong = [f"{tokens[token]} jobs with the token {token}" for token in ours if tokens[token] > 1]
    for run in runs:
        wrong += _about(run, tokens, folder / "home")
    return wrong


def _about(run: RunView, tokens: Counter[str], home: Path) -> list[str]:
    name = run.spec.run_id
    if run.outcome is Outcome.REJECTED:
        return [f"{name}: rejected, and yet a job"] if run.spec.token in tokens else []
    if run.spec.token not in tokens:
        return [f"{name}: no job"]
    if run.phase not in OVER:
        return []
    path = Path(run.spec.run_dir.replace("~", str(home), 1)) / "events.jsonl"
    there = steps_in(path) if path.exists() else []
    here = [int(step) for segment in run.log.segments for step in segment.columns.step]
    return [] if here == there else [f"{name}: {len(here)} steps on the screen, {len(there)} in {path}"]


def steps_in(path: Path) -> list[int]:
    """The steps of the log events in a file, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [event["step"] for event in map(json.loads, lines) if event["kind"] == "log"]
