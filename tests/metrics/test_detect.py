from __future__ import annotations

import json

import pytest

from tests.metrics.samples import bar, event, row
from websight_tui.metrics.detect import detect, read_any

STATE = {
    "best_metric": None,
    "epoch": 2.0,
    "eval_steps": 500,
    "global_step": 20,
    "log_history": [
        {"epoch": 1.0, "grad_norm": 0.5, "learning_rate": 1e-5, "loss": 1.5, "step": 10},
        {"epoch": 1.0, "eval_loss": 1.4, "eval_runtime": 7.0, "step": 10},
        {"epoch": 2.0, "grad_norm": float("nan"), "learning_rate": 1e-5, "loss": 0.0, "step": 20},
        "damaged",
        {"epoch": 2.0, "step": 20, "train_loss": 1.2, "train_runtime": 99.0},
    ],
    "logging_steps": 10,
    "max_steps": 20,
    "save_steps": 500,
}

SAMPLES = {
    "events": event("start", 0, step=0, total_steps=10) + event("log", 1, step=5, loss=1),
    "trainer_log": row(10, 40, 30) + row(20, 40, 60),
    "trainer_state": json.dumps(STATE, indent=2).encode(),
    "job_output": ("starting\n\r" + bar(5, 100, "00:40")).encode(),
}


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("name", ["", "x.txt", "job-7.out", "events.jsonl", "trainer_log.jsonl"])
def test_content_decides(kind: str, name: str) -> None:
    assert detect(SAMPLES[kind], name) == kind
    (log,) = read_any(SAMPLES[kind], name)
    assert log.source == kind
    assert log.segments[0].total_steps > 0


def test_damaged_begin() -> None:
    assert detect(b"\x00\x00garbage\n" + SAMPLES["trainer_log"]) == "trainer_log"
    assert detect(b"{half\n", "out/trainer_log.jsonl") == "trainer_log"


def test_trainer_state() -> None:
    (log,) = read_any(SAMPLES["trainer_state"])
    (segment,) = log.segments
    assert segment.meta["logging_steps"] == 10
    assert segment.meta["save_steps"] == 500
    assert list(segment.columns.loss) == [1.5, 0.0]
    assert segment.evaluations[0].seconds == 7.0
    assert [(n.step, n.fields) for n in segment.nonfinite] == [(20, ("grad_norm",))]
    assert segment.end == "finished"
    assert log.notes == ["1 damaged entries skipped"]


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"{}", b"[]", b"\x00" * 100, SAMPLES["trainer_state"][:200], b"{" * 10_000]
)
def test_nothing_to_read(data: bytes) -> None:
    assert read_any(data, "trainer_state.json") == []
