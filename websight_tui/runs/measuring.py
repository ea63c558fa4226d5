"""What a finished run's folder says of its result: the adapter's size, its click accuracy, and how that is measured."""

from __future__ import annotations

import json
import math
import re
import shlex
from dataclasses import asdict, replace
from typing import Any, Final

from websight_tui.metrics.lines import count
from websight_tui.remote.port import Transport
from websight_tui.runs.saved_work import evaluation
from websight_tui.runs.saved_work.beside import EVALUATIONS
from websight_tui.runs.state import Evaluation, Measured
from websight_tui.runs.store import Store
from websight_tui.runspec import RunSpec

_TIMEOUT_S: Final = 30.0
_MOST_BYTES: Final = 65_536
_FACT: Final = "measured"
_ATTEMPT: Final = re.compile(rf"{re.escape(EVALUATIONS)}(?:-([1-9][0-9]{{0,2}}))?/\.submit")


def command(run_dir: str) -> str:
    """Prints the adapter's bytes, the submissions of evaluation jobs, then the newest evaluation's path and results.

    It changes nothing.
    """
    return (
        f"cd {shlex.quote(run_dir)} 2>/dev/null || exit 0; "
        "[ ! -f out/adapter_model.safetensors ] || wc -c < out/adapter_model.safetensors; "
        f"ls -d {EVALUATIONS}*/.submit 2>/dev/null; cd out 2>/dev/null || exit 0; "
        'newest=$(ls -t evaluation-*/results.json 2>/dev/null | head -n 1); [ -z "$newest" ] || '
        f'{{ printf "%s\\n" "$newest"; head -c {_MOST_BYTES} "$newest"; }}'
    )


def parse(text: str) -> Measured:
    """What `command` printed, with the newest attempt but not yet how it stands. Nothing is raised for odd text."""
    lines = text.split("\n")
    size = count(lines[0])
    attempts = [match for line in lines if (match := _ATTEMPT.fullmatch(line)) is not None]
    attempt = max((int(match[1] or 1) for match in attempts), default=0)
    path, _, results = "\n".join(lines[len(attempts) + (size is not None) :]).partition("\n")
    try:
        found = json.loads(results) if results.strip() else {}
    except (ValueError, RecursionError):
        found = {}
    if not isinstance(found, dict):
        found = {}
    accuracy = _share(found.get("accuracy"))
    if accuracy is None:
        return Measured(size, attempt=attempt)
    rows = found.get("rows")
    return Measured(
        size,
        accuracy,
        _share(found.get("low")),
        _share(found.get("high")),
        rows if isinstance(rows, int) and rows >= 0 else None,
        path.partition("/")[0].removeprefix("evaluation-")[:80],
        attempt=attempt,
    )


def _share(value: object) -> float | None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1
    return float(value) if good else None  # type: ignore[arg-type]


def measure(spec: RunSpec, transport: Transport) -> Measured:
    """Looks into the run's folder. Raises RemoteError."""
    measured = _results(spec, transport)
    if not measured.attempt:
        return measured
    found = evaluation.look(transport, spec, measured.attempt)
    measured = evaluation.stand(measured, found)
    if measured.evaluation is Evaluation.DONE and measured.accuracy is None:  # it ended after its results were read
        return evaluation.stand(_results(spec, transport), found)
    return measured


def _results(spec: RunSpec, transport: Transport) -> Measured:
    return parse(transport.exec(command(spec.run_dir), timeout=_TIMEOUT_S).stdout)


def keep(store: Store, run_id: str, measured: Measured) -> None:
    """Stores what was found. Raises StoreError."""
    store.put_fact(run_id, _FACT, asdict(measured))


def kept(store: Store, run_id: str) -> Measured | None:
    """What was found of a run the last time; None if nobody looked. Raises StoreError."""
    value: Any = store.fact(run_id, _FACT)
    try:
        found = Measured(**value) if isinstance(value, dict) else None
        return replace(found, evaluation=Evaluation(found.evaluation)) if found is not None else None
    except (TypeError, ValueError):  # a record of another version
        return None
