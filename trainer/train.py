"""One process of a training: `python -m trainer train --run-dir DIR`, alone or started by torchrun, once a rank.

Exit status: 0 finished, 85 saved and stopped as asked, 86 refused (the reason is one line on stderr), 1 failed. Under
torchrun, which knows only success and failure, 85 and 86 are left in a file for the launcher and the process exits 0.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import sys
import traceback
from pathlib import Path
from typing import Final

from trainer import arguments, signals
from trainer.checkpoints import write_whole
from trainer.events import EventWriter
from trainer.plan import Plan, Refused, from_environment, make_plan, mark_finished
from trainer.problem import Problem
from trainer.recorder import Diverged, Recorder, Stopped
from trainer.spec import Spec, fixed_settings, read_spec

FINISHED: Final = 0
FAILED: Final = 1
STOPPED: Final = 85
REFUSED: Final = 86
RESULT: Final = ".result.json"
"""In the run folder, while a job runs: {"status", "message"} of the start that has just ended."""
OTHER_WRITER_GONE_S: Final = 120.0
"""A node that died keeps its file locks for up to a lease of about 90 s."""


def main(run_dir: Path) -> int:
    """Trains the run in `run_dir` and returns the exit status."""
    signals.install()  # before the imports that take seconds
    under_torchrun = "TORCHELASTIC_RUN_ID" in os.environ
    if under_torchrun:
        signals.die_with_parent()
    rank, world_size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    writer: EventWriter | None = None
    try:
        spec = read_spec(run_dir)
        plan = from_environment() or make_plan(spec, world_size)
        if plan.finished:
            print(f"nothing to do: {spec.out_dir} is finished ({plan.step} steps)")
            return FINISHED
        if rank == 0:
            writer = EventWriter(spec.events_path, OTHER_WRITER_GONE_S)
        status, message = _train(spec, plan, writer)
    except Problem as problem:
        status, message = REFUSED, problem.message
        if rank == 0:
            print(f"error: {problem.message}\n  {problem.hint}".rstrip(), file=sys.stderr)
    if rank == 0:
        with contextlib.suppress(OSError):
            write_whole(Path(run_dir) / RESULT, json.dumps({"status": status, "message": message}))
    for child in multiprocessing.active_children():
        child.kill()  # data loaders ignore TERM by now, and Python would wait for them
    signals.ignore()  # all is said; a late request would only kill the interpreter on its way out
    return FINISHED if under_torchrun and status in (STOPPED, REFUSED) else status


def _train(spec: Spec, plan: Plan, writer: EventWriter | None) -> tuple[int, str]:
    """Returns the status and its message; every way out has written its end event."""
    recorder = Recorder(spec, plan, writer, fixed_settings(spec, plan.world_size), step=plan.step, share=plan.share)
    try:
        _run(recorder)
    except Stopped:
        recorder.emit("end", reason="saved-and-stopped", message="", metrics={})
        print(f"saved and stopped at step {recorder.step}")
        return STOPPED, ""
    except Refused as refusal:
        recorder.emit("end", reason="failed", message=refusal.message, metrics={})
        raise
    except Exception as exc:
        # a Problem here is one that came up under way (a full disk): a failure, not a refusal
        message = str(exc) if isinstance(exc, (Problem, Diverged)) else traceback.format_exception_only(exc)[-1].strip()
        traceback.print_exc()
        with contextlib.suppress(Problem):
            recorder.emit("end", reason="failed", message=message, metrics={})
        return FAILED, message
    metrics = {**recorder.metrics, **recorder.evaluated[1]}
    if writer:
        mark_finished(spec, recorder.step, recorder.fixed, metrics)
    recorder.emit("end", reason="finished", message="", metrics=metrics)
    return FINISHED, ""


def _run(recorder: Recorder) -> None:
    spec, plan = recorder.spec, recorder.plan
    os.environ |= arguments.environment(spec)
    settings = arguments.llamafactory_arguments(spec, Path(plan.resume_from) if plan.resume_from else None)

    import torch.distributed as dist
    from llamafactory.train.tuner import run_exp

    from trainer.callback import Watch
    from trainer.watched import watch_trainer

    watch = Watch(recorder)
    try:
        with watch_trainer(recorder, watch):
            run_exp(args=settings, callbacks=[watch])
    finally:
        if dist.is_available() and dist.is_initialized() and sys.exc_info()[0] in (None, Stopped):
            dist.destroy_process_group()
