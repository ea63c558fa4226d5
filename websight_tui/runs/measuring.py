"""What a finished run's folder says of its result: the adapter's size, and click accuracy where it was evaluated."""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import asdict
from typing import Any, Final

from websight_tui.metrics.lines import count
from websight_tui.remote.port import Transport
from websight_tui.runs.state import Measured
from websight_tui.runs.store import Store
from websight_tui.runspec import RunSpec

_TIMEOUT_S: Final = 30.0
_MOST_BYTES: Final = 65_536
_FACT: Final = "measured"


def command(out_dir: str) -> str:
    """Prints the adapter's bytes, then the newest evaluation's path and its results; changes nothing."""
    folder = shlex.quote(out_dir)
    return (
        f"cd {folder} 2>/dev/null || exit 0; "
        "[ ! -f adapter_model.safetensors ] || wc -c < adapter_model.safetensors; "
        'newest=$(ls -t evaluation-*/results.json 2>/dev/null | head -n 1); [ -z "$newest" ] || '
        f'{{ printf "%s\\n" "$newest"; head -c {_MOST_BYTES} "$newest"; }}'
    )


def parse(text: str) -> Measured:
    """What `command` printed. Nothing is raised for odd text."""
    first, _, rest = text.partition("\n")
    size = count(first)
    path, _, results = (rest if size is not None else text).partition("\n")
    try:
        found = json.loads(results) if results.strip() else {}
    except (ValueError, RecursionError):
        found = {}
    if not isinstance(found, dict):
        found = {}
    accuracy = _share(found.get("accuracy"))
    if accuracy is None:
        return Measured(size)
    rows = found.get("rows")
    return Measured(
        size,
        accuracy,
        _share(found.get("low")),
        _share(found.get("high")),
        rows if isinstance(rows, int) and rows >= 0 else None,
        path.partition("/")[0].removeprefix("evaluation-")[:80],
    )


def _share(value: object) -> float | None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1
    return float(value) if good else None  # type: ignore[arg-type]


def measure(spec: RunSpec, transport: Transport, store: Store) -> Measured:
    """Looks into the run's folder and keeps what is there. Raises RemoteError, StoreError."""
    measured = parse(transport.exec(command(spec.out_dir), timeout=_TIMEOUT_S).stdout)
    store.put_fact(spec.run_id, _FACT, asdict(measured))
    return measured


def kept(store: Store, run_id: str) -> Measured | None:
    """What was found of a run the last time; None if nobody looked. Raises StoreError."""
    value: Any = store.fact(run_id, _FACT)
    try:
        return Measured(**value) if isinstance(value, dict) else None
    except TypeError:  # a record of another version
        return None
