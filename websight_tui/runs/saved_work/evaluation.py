"""How the job stands that measures a run's clicks, by what lies in its folder. The decision is docs/decisions/0008."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from websight_tui.metrics.terminal_text import plain
from websight_tui.remote.port import ReadRequest, Transport
from websight_tui.runs.saved_work.beside import evaluating
from websight_tui.runs.saved_work.jobs import Seen, see
from websight_tui.runs.state import Evaluation, Measured, Outcome
from websight_tui.runs.submit import answered
from websight_tui.runspec import RunSpec

_SAID_BYTES: Final = 4096
_BY_SIGNAL: Final = (130, 137, 143)
_STOPPED: Final = "its job was stopped: cancelled, out of time or out of memory"


@dataclass(frozen=True, slots=True)
class Look:
    """A look into an evaluation's folder.

    Args:
        refusal: why Slurm did not take the job; "" if it did, or if that is not known.
    """

    seen: Seen
    refusal: str = ""


def look(transport: Transport, spec: RunSpec, attempt: int) -> Look:
    """Reads the folder of an attempt that was submitted. Raises RemoteFileError, RemoteTimeout, ConnectionLost."""
    folder = evaluating(spec, attempt).folder
    seen = see(transport, folder)
    if not seen.submitted or seen.started:
        return Look(seen)
    (said,) = transport.read_many([ReadRequest(f"{folder}/.submit/stderr", 0, _SAID_BYTES)])
    stderr = "" if said is None else said.data.decode("utf-8", "replace")
    settled = answered(seen.submitted, "", stderr)
    refused = settled.outcome is Outcome.REJECTED
    return Look(seen, plain(settled.text or f"sbatch failed (exit {seen.submitted})", 200) if refused else "")


def stand(measured: Measured, found: Look) -> Measured:
    """`measured` with how its newest evaluation job stands."""
    seen, (asked, to_ask, _) = found.seen, found.seen.progress or (0, 0, "")
    if found.refusal:
        return replace(measured, evaluation=Evaluation.FAILED, why=found.refusal, refused=True)
    if seen.exit is None:
        how = Evaluation.RUNNING if seen.started else Evaluation.WAITING
        return replace(measured, evaluation=how, asked=asked, to_ask=to_ask)
    if seen.exit != 0:
        why = _STOPPED if seen.exit in _BY_SIGNAL else seen.last_words or f"exit {seen.exit}"
        return replace(measured, evaluation=Evaluation.FAILED, why=why)
    return replace(measured, evaluation=Evaluation.DONE)


def is_open(measured: Measured | None, *, wanted: bool) -> bool:
    """Whether something is still to come of a finished run's evaluation.

    Args:
        wanted: whether the run was launched with one.
    """
    if measured is None:
        return wanted
    if measured.evaluation is Evaluation.NONE:
        return wanted and measured.adapter_bytes is not None
    return measured.evaluation in (Evaluation.WAITING, Evaluation.RUNNING)
