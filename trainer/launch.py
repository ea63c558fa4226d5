"""`python -m trainer.launch RUN_DIR`: one start of a run, from inside its job. slurm/job.sh ends here.

It decides what is to be done (`plan`), starts the ranks, passes Slurm's warning on to them, stops them by itself when
the limit is near and no warning came, and concludes: exit status, last event, and whether the job goes back into the
queue to go on (`chain`). Exit status: 0 finished, 85 saved and stopped, 86 refused, 1 failed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trainer import by_hand, chain, follow_up, ranks, slurm
from trainer.events import EventWriter, read_events
from trainer.plan import Plan, Refused, make_plan
from trainer.problem import Problem
from trainer.spec import TINY_MODEL, Spec, read_spec
from trainer.train import FAILED, FINISHED, OTHER_WRITER_GONE_S, REFUSED, RESULT, STOPPED

SHORT_LIMIT: Final = 4
"""A job shorter than this many leads stops at the last quarter of its time instead of a whole lead before its end."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one start (or, with --node, one node's part of it) and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m trainer.launch", description="Trains one run inside a job.")
    parser.add_argument("run_dir", type=Path, help="folder with run.json; made from the options if there are any")
    parser.add_argument("--node", action="store_true", help="start this node's processes only (used by srun)")
    args, options = parser.parse_known_args(argv)
    try:
        if options:
            by_hand.write_run_json(args.run_dir, options)
        spec = read_spec(args.run_dir)
        if args.node:
            return _wait(ranks.start_node(spec), None)
        return _start(spec)
    except Problem as problem:
        print(f"error: {problem.message}\n  {problem.hint}".rstrip(), file=sys.stderr)
        return REFUSED


def _start(spec: Spec) -> int:
    if spec.settings.model_name_or_path == TINY_MODEL:
        _make_tiny(spec)
    try:
        plan = make_plan(spec, spec.settings.world_size)
    except Refused as refusal:
        _write_end(spec, 0, refusal.message)
        raise
    if plan.finished:
        print(f"nothing to do: {spec.out_dir} is finished ({plan.step} steps)")
        follow_up.submit(spec.run_dir)
        return FINISHED
    limit = limit_of(slurm.end_time(), time.time(), spec.settings.signal_lead_s)
    plan = replace(plan, deadline=limit.deadline if limit else None)
    os.environ |= plan.as_environment()
    (spec.run_dir / RESULT).unlink(missing_ok=True)
    began = time.time()
    started = ranks.start_node(spec) if spec.settings.nodes == 1 else ranks.start_nodes(spec)
    code = _wait(started, limit)
    status, message = _result(spec, code)
    _conclude(spec, plan, began, status, message or _cause(code))
    if status == FINISHED:
        follow_up.submit(spec.run_dir)
    if status == STOPPED:
        chain.go_on(spec, plan, started.asked)
    return status


def _make_tiny(spec: Spec) -> None:
    """In a process of its own: it needs torch, which must not stay in this one's memory."""
    if (spec.root / "tiny" / "made.json").is_file():
        return
    environment = {**os.environ, **ranks.node_environment(spec)}
    command = [sys.executable, "-m", "trainer", "tiny", "--root", str(spec.root)]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise Problem(f"the tiny model could not be made: {done.stderr.strip().splitlines()[-1:]}", "See the README.")


@dataclass(frozen=True, slots=True)
class Limit:
    """When the job is ended, and when the run has to save and stop for it; both in Unix s."""

    end: float
    deadline: float


def limit_of(end: float | None, now: float, lead: float) -> Limit | None:
    """Pure. A job shorter than a few leads (seconds) gives up a quarter of its time instead of a whole lead."""
    if end is None:
        return None
    return Limit(end, end - (lead if end - now > SHORT_LIMIT * lead else max(0.0, end - now) / SHORT_LIMIT))


def _wait(started: ranks.Ranks, limit: Limit | None) -> int:
    """Until the processes have ended; stops them when the limit is near. Returns their status."""
    for _ in started.wait():
        if limit is None or started.asked or time.time() < limit.deadline:
            continue
        moved = (slurm.end_time() or limit.end) - limit.end  # the limit may have been raised under way
        limit = Limit(limit.end + moved, limit.deadline + moved)
        if time.time() >= limit.deadline:
            started.stop(signal.SIGUSR2)
    return int(started.process.returncode)


def _result(spec: Spec, code: int) -> tuple[int, str]:
    """What rank 0 left, else what the processes' own status comes to."""
    try:
        result = json.loads((spec.run_dir / RESULT).read_text(encoding="utf-8"))
        return int(result["status"]), str(result["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return (code if code in (FINISHED, STOPPED, REFUSED) else FAILED), ""
    finally:
        (spec.run_dir / RESULT).unlink(missing_ok=True)


def _cause(code: int) -> str:
    if code == -signal.SIGKILL:
        return "the trainer was killed (SIGKILL): out of memory, or by hand"
    if code < 0:
        return f"the trainer was ended by {signal.Signals(-code).name}"
    return f"the trainer ended with status {code} before it could say why; its error output has the reason"


def _conclude(spec: Spec, plan: Plan, began: float, status: int, message: str) -> None:
    """A trainer that died has not said so: the end event is written for it."""
    events = [event for event in read_events(spec.events_path) if event.get("t", 0) >= began]
    if status in (FINISHED, STOPPED) or any(event["kind"] == "end" for event in events):
        return
    _write_end(spec, max((int(event.get("step", 0)) for event in events), default=plan.step), message)


def _write_end(spec: Spec, step: int, message: str) -> None:
    with contextlib.suppress(Problem):  # the exit status says it as well
        writer = EventWriter(spec.events_path, OTHER_WRITER_GONE_S)
        writer.write("end", step=step, reason="failed", message=message, metrics={})
        writer.close()


if __name__ == "__main__":
    sys.exit(main())
