"""Short samples in the recorded formats, made by hand."""

from __future__ import annotations

import json
from typing import Any


def clock(seconds: float) -> str:
    days, rest = divmod(int(seconds), 86_400)
    text = f"{rest // 3600}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return text if not days else f"{days} day{'s' * (days > 1)}, {text}"


def row(step: int, total: int, elapsed: float, loss: float | None = 1.0, **more: Any) -> bytes:
    """One line of trainer_log.jsonl as LLaMA-Factory 0.9 writes it."""
    value: dict[str, Any] = {"current_steps": step, "total_steps": total}
    if loss is not None:
        value |= {"loss": loss, "lr": 5e-5}
    value |= {"epoch": step / 100, "percentage": 100 * step / total, "elapsed_time": clock(elapsed)}
    value |= {"remaining_time": "0:00:00"} | more
    return json.dumps({k: v for k, v in value.items() if v != "absent"}).encode() + b"\n"


def event(kind: str, t: float, **fields: Any) -> bytes:
    return json.dumps({"v": 1, "t": t, "kind": kind} | fields).encode() + b"\n"


def bar(step: int, total: int, elapsed: str, rate: str = "8.00s/it") -> str:
    return f"{100 * step // total:3d}%|{'█' * (step * 10 // total):10}| {step}/{total} [{elapsed}<1:00:00,  {rate}]"
