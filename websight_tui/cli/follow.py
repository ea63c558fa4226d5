"""One line of text (or one JSON object) for each change of a run, until it has ended."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websight_tui.cli.output import print_json, say
from websight_tui.errors import SubmitRejected, SubmitUnknown
from websight_tui.projection.model import Verdict
from websight_tui.runs.attention import LAST_WORDS_S, news
from websight_tui.runs.events import ActionDone, Event, SubmitSettled
from websight_tui.runs.phase import DIED, OVER
from websight_tui.runs.state import Outcome, Phase, RunView
from websight_tui.slurm_commands.words import state_words
from websight_tui.words import duration, time_of_day

if TYPE_CHECKING:
    from websight_tui.cli.session import Session
    from websight_tui.cli.waiting import Wait
    from websight_tui.config import Cluster, Config
    from websight_tui.presets import Preset
    from websight_tui.runs.state import AppState
    from websight_tui.runs.webhook import Webhook


LAST_MESSAGE_S = 20.0
"""Seconds that the last message to a webhook may take."""


def launch_and_follow(
    config: Config, data: Path, cluster: Cluster, preset: Preset, *, as_json: bool, note: str = ""
) -> int:
    """Connects, submits `preset`, prints each change, ends with the run.

    Args:
        data: folder of the run history.
        note: a word that stands in every line ("replay").

    Returns: 0 if the run finished (or saved and stopped as asked), else 1.
    """
    from websight_tui.cli.session import session

    with session(config, data) as current:
        current.connect(cluster)
        run_id = submit(current, config, cluster, preset, None)
        return follow(current, run_id, as_json=as_json, note=note)


def submit(current: Session, config: Config, cluster: Cluster, preset: Preset, base: Preset | None) -> str:
    """Submits one run and waits for its outcome.

    Returns: the run's id.
    Raises: SubmitRejected with Slurm's reason, SubmitUnknown if no answer came.
    """
    from websight_tui.runs.plan import plan_launch

    plan = plan_launch(config, cluster, preset, base, now=time.time())
    current.engine.submit(plan)
    run_id = plan.spec.run_id
    settle(current, run_id)
    return run_id


def settle(current: Session, run_id: str) -> None:
    """Waits for the outcome of a submission that was begun.

    Raises: SubmitRejected with Slurm's reason, SubmitUnknown if no answer came.
    """

    def settled_or_failed(event: Event) -> bool:
        return (isinstance(event, SubmitSettled) and event.run_id == run_id) or (
            isinstance(event, ActionDone) and event.target == run_id and not event.ok
        )

    settled = current.wait(settled_or_failed, timeout=300, what="the submission")
    if isinstance(settled, ActionDone):
        raise SubmitRejected(settled.message, settled.hint)
    assert isinstance(settled, SubmitSettled)
    if settled.outcome is Outcome.REJECTED:
        raise SubmitRejected(settled.text, settled.hint)
    if settled.outcome is not Outcome.ACCEPTED:
        raise SubmitUnknown(
            settled.text or "no answer came from sbatch",
            settled.hint or f"`websight-tui status {run_id}` looks it up; do not submit it again before.",
        )


def follow(current: Session, run_id: str, *, as_json: bool, note: str = "") -> int:
    """Prints each change of the run until it has ended; 0 if it finished or saved and stopped, else 1."""
    from websight_tui.cli.waiting import waiting

    current.engine.focus(run_id)
    show = _json_line if as_json else _text_line
    printer = _Printer(lambda run: show(run, note))
    printer.look(current.state.runs[run_id])
    with closing(Herald(current.webhook, run_id)) as herald:
        herald.look(current.state)
        with waiting("looking", quiet=as_json) as line:
            run = _until_over(current, run_id, printer, herald, line)
    for problem in run.problems if not as_json else ():
        say(f"  ! {problem}", flush=True)
    return 0 if run.phase in (Phase.FINISHED, Phase.STOPPED) else 1


def _until_over(current: Session, run_id: str, printer: _Printer, herald: Herald, line: Wait) -> RunView:
    """The run as it ended."""
    known: tuple[str, ...] = ()
    while (run := current.state.runs[run_id]).phase not in OVER:
        known = run.problems
        line.show(_waits_for(run), run.log.last.last_step if run.log.last else 0, run.total_steps)
        for _ in current.events(timeout=1.0):
            if printer.look(current.state.runs[run_id]):
                break
            herald.look(current.state)
    if run.phase in DIED:
        line.show("reading why it ended")
        current.wait_a_little(lambda: current.state.runs[run_id].problems not in ((), known), seconds=LAST_WORDS_S)
    herald.look(current.state)  # only now: why it ended is told with it
    return current.state.runs[run_id]


def _waits_for(run: RunView) -> str:
    """What a run is about while nothing of it is printed: "job 7: waiting in the queue: …", "training"."""
    if run.job is not None and run.phase is Phase.PENDING:
        return f"job {run.job.job_id}: {state_words(run.job)}"
    if run.job is not None and run.phase is Phase.STARTING:
        return f"job {run.job.job_id} runs, the trainer is starting"
    return run.phase.value


class Herald:
    """Sends what happens to one run to the person's webhook, if there is one.

    Args:
        address: [ui] webhook; "" sends nothing.
    """

    def __init__(self, address: str, run_id: str) -> None:
        self._run_id = run_id
        self._seen: AppState | None = None
        self._webhook: Webhook | None = None
        if address:
            from websight_tui.runs import webhook

            self._webhook = webhook.Webhook(
                address, failed=lambda words: say(f"websight-tui: {words}", file=sys.stderr)
            )

    def look(self, state: AppState) -> None:
        """Sends what has changed since the last look."""
        if self._webhook is not None and state is not self._seen:
            before, self._seen = self._seen or state, state
            for item in news(before, state):
                if item.run_id == self._run_id:
                    self._webhook.send(item)

    def close(self) -> None:
        """Lets the last message go out; a slow address holds nobody for long."""
        if self._webhook is not None:
            from websight_tui.cli.waiting import waiting

            with waiting("sending the last message"):
                self._webhook.close(LAST_MESSAGE_S)


class _Printer:
    """Prints a run when its phase, verdict or a tenth of its steps has changed."""

    def __init__(self, show: Callable[[RunView], None]) -> None:
        self.show = show
        self.seen: tuple[object, ...] = ()

    def look(self, run: RunView) -> bool:
        """Prints `run` if it has changed enough; whether it has ended."""
        last = run.log.last
        last = last if last and len(last.columns) else None  # a start alone is not worth a line
        total = run.total_steps if last else 0
        tenth = last.last_step * 10 // total if last and total else -1
        verdict = run.projection.verdict if run.projection and last else None
        job = run.job.job_id if run.job else ""
        now = (run.phase, verdict, tenth, job, last and last.start_step)
        if now != self.seen:
            self.seen = now
            self.show(run)
        return run.phase in OVER


def figures(run: RunView) -> dict[str, Any]:
    """What `status --json` and `watch --json` say of a run."""
    last, job, projection = run.log.last, run.job, run.projection
    loss = _last_finite(last.columns.loss) if last else None
    return {
        "run": run.spec.run_id,
        "cluster": run.spec.cluster,
        "preset": run.spec.preset.name,
        "phase": run.phase.value,
        "outcome": run.outcome.value,
        "job": job.job_id if job else None,
        "state": job.state if job else None,
        "reason": (job.reason or None) if job else None,
        "step": last.last_step if last else None,
        "total_steps": run.total_steps if last else None,
        "loss": loss,
        "verdict": projection.verdict.value if projection else None,
        "finish_at": projection.finish_at if projection else None,
        "deadline": projection.deadline if projection else None,
        "reasons": list(projection.reasons) if projection else [],
        "problems": list(run.problems),
        "seen_at": run.seen_at,
    }


def _last_finite(column: Any) -> float | None:
    return next((value for value in reversed(column) if math.isfinite(value)), None)


def _json_line(run: RunView, note: str) -> None:
    print_json(figures(run) | ({"note": note} if note else {}))


def _text_line(run: RunView, note: str) -> None:
    """ "18:04:31  training  step 40/80  loss 2.103  fits: done about 18:05, limit 18:14"."""
    now = time.time()
    data = figures(run)
    parts = [time.strftime("%H:%M:%S"), *([note] if note else []), f"{run.phase.value:<10}"]
    if data["job"]:
        parts.append(f"job {data['job']}")
    if data["total_steps"]:
        parts.append(f"step {data['step']}/{data['total_steps']}")
    if data["loss"] is not None:
        parts.append(f"loss {data['loss']:.3f}")
    if (projection := run.projection) and data["step"] and run.phase not in OVER:
        words = projection.verdict.value
        if projection.verdict is not Verdict.TOO_EARLY and projection.finish_at:
            words += f": done about {time_of_day(projection.finish_at, now)}"
            if projection.deadline:
                spare = projection.deadline - projection.finish_at
                words += f", {duration(abs(spare))} {'before' if spare >= 0 else 'after'} the limit"
        parts.append(words)
    say("  ".join(parts), flush=True)
