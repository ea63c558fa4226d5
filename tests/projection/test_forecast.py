"""Forecasts before the launch: how history moves them and narrows them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.projection.made import made_log
from websight_tui.presets import BUILT_IN, Preset, make_preset
from websight_tui.projection.cost import cost_of, pauses_of
from websight_tui.projection.forecast import forecast, score, track_record
from websight_tui.projection.gpus import GPUS, UNKNOWN, gpu_named
from websight_tui.projection.history import PastRun, past_run
from websight_tui.projection.model import Forecast, Verdict

PRESETS = {preset.name: preset for preset in BUILT_IN}
RANK32 = PRESETS["rank32"]
MEASURED = Path(__file__).resolve().parents[2] / "bench" / "gpu" / "results"


def past(step_s: float, preset: Preset = RANK32, **changes: object) -> PastRun:
    values: dict[str, object] = {"cluster": "hai", "gpu": "NVIDIA H100 80GB HBM3", "world_size": 8, "steps": 500}
    return PastRun(preset=preset, step_s=step_s, **{**values, **changes})  # type: ignore[arg-type]


def made(preset: Preset = RANK32, history: tuple[PastRun, ...] = (), samples: int | None = 71_000) -> Forecast:
    return forecast(preset, world_size=8, gpu="H100", limit_s=8 * 3600, cluster="hai", samples=samples, history=history)


def width(value: Forecast) -> float:
    assert value.seconds_80 is not None
    return math.log(value.seconds_80[1] / value.seconds_80[0])


def test_without_history_it_says_so_and_the_band_is_wide() -> None:
    first = made()
    assert "no run of yours yet" in first.basis
    assert width(first) > math.log(4)
    assert first.limit_s == 8 * 3600 - RANK32.signal_lead_s
    assert first.steps == RANK32.total_steps(8, 71_000)


def test_uncounted_rows_are_said() -> None:
    assert "not counted" in made(samples=None).basis
    assert "not counted" not in made().basis


def test_a_run_of_ones_own_sets_the_level() -> None:
    after = made(history=(past(20.0),))
    assert after.seconds == pytest.approx(1110 * 20, rel=0.08)
    assert "1 run of yours on hai" in after.basis


def test_every_run_narrows_the_band() -> None:
    widths = [width(made(history=(past(20.0),) * count)) for count in (0, 1, 2, 5, 20)]
    assert widths == sorted(widths, reverse=True)
    assert widths[1] < widths[0] / 3


def test_a_run_with_other_data_says_less() -> None:
    other = make_preset("other", {"dataset": "elsewhere"}, RANK32)
    assert width(made(history=(past(20.0, other),))) > 2 * width(made(history=(past(20.0),)))


def test_a_run_of_the_tiny_model_says_nothing_of_a_large_one() -> None:
    tiny = past(9.0, PRESETS["tiny"], gpu="cpu", world_size=1)
    assert made(history=(tiny,)) == made()


def test_history_on_one_preset_carries_to_another() -> None:
    half = made(PRESETS["half-epoch"], history=(past(20.0),))
    whole = made(history=(past(20.0),))
    assert half.seconds is not None
    assert whole.seconds is not None
    assert half.seconds / whole.seconds == pytest.approx(0.5, abs=0.03)


def test_measured_pauses_and_start_up_are_used() -> None:
    plain = made(history=(past(20.0),))
    slow = made(history=(past(20.0, start_up_s=1000.0, eval_s=600.0),))
    assert slow.seconds is not None
    assert plain.seconds is not None
    evaluations, _ = pauses_of(RANK32, slow.steps)
    assert evaluations == 2
    assert slow.seconds > plain.seconds + 700


def test_verdicts_against_the_limit() -> None:
    assert made(history=(past(5.0),) * 3).verdict is Verdict.FITS
    assert made(history=(past(25.0),) * 3).verdict is Verdict.TIGHT
    assert made(history=(past(60.0),) * 3).verdict is Verdict.WILL_NOT_FIT
    assert forecast(RANK32, world_size=8, gpu="H100", limit_s=None).verdict is Verdict.FITS


def test_the_tiny_preset_takes_half_a_minute_on_a_cpu() -> None:
    tiny = forecast(PRESETS["tiny"], world_size=1, gpu="cpu", limit_s=600)
    assert tiny.seconds is not None
    assert 15 < tiny.seconds < 60
    assert tiny.verdict is Verdict.FITS


def test_the_cost_model_moves_the_right_way() -> None:
    device = gpu_named("H100")
    base = cost_of(RANK32, 8, device).step_s
    assert cost_of(PRESETS["baseline"], 8, device).step_s > base  # rank 64, smaller micro-batches
    assert cost_of(PRESETS["rank16"], 8, device).step_s < base
    free = make_preset("free", {"gradient_checkpointing": False}, RANK32)
    assert cost_of(free, 8, device).step_s < base
    assert cost_of(RANK32, 8, gpu_named("A100")).step_s > base
    seven = make_preset("seven", {"model_name_or_path": "org/Some-4B"}, RANK32)
    assert cost_of(seven, 8, device).step_s < base


@pytest.mark.parametrize(("name", "found"), [("NVIDIA H200", "H200"), ("gres:gpu:a100:8", "A100"), ("cpu", "CPU")])
def test_devices_are_found_by_any_name(name: str, found: str) -> None:
    assert gpu_named(name).name == found


def test_an_unknown_device_is_said_to_be_unknown() -> None:
    assert gpu_named("TPU v7") is UNKNOWN
    assert UNKNOWN.spread >= max(gpu.spread for gpu in GPUS if gpu.name != "CPU")


def test_a_finished_log_teaches() -> None:
    log, _ = made_log("events", total=500, pace=3.0, eval_steps=100, eval_s=60, started_at=1000.0)
    segment = log.segments[0]
    segment.meta = {"gpu_names": ["NVIDIA H100 80GB HBM3"], "world_size": 8}
    segment.end, segment.ended_at = "finished", 1000.0 + segment.columns.elapsed[-1] + 90
    learnt = past_run(log, make_preset("x", {"eval_steps": 100}, RANK32), cluster="hai", job_started_at=900.0)
    assert learnt is not None
    assert learnt.step_s == pytest.approx(3.0, rel=0.02)
    assert learnt.eval_s == pytest.approx(60, rel=0.05)
    assert learnt.start_up_s == 100
    assert learnt.world_size == 8
    assert "H100" in learnt.gpu
    assert learnt.total_s is not None
    assert learnt.total_s > 1500


def test_a_log_with_nothing_in_it_teaches_nothing() -> None:
    log, _ = made_log(total=500, until=10)
    assert past_run(log, RANK32, cluster="hai") is None


def test_forecasts_are_scored() -> None:
    value = made(history=(past(20.0),) * 3)
    assert value.seconds is not None
    good, bad = score(value, value.seconds * 1.02), score(value, value.seconds * 3)
    assert good is not None
    assert bad is not None
    assert good.inside
    assert not bad.inside
    assert bad.ratio == pytest.approx(3)
    assert track_record([good, bad]) == "2 forecasts so far: 101% off (median), 1 inside the band"
    assert track_record([]) == ""
    assert score(value, math.nan) is None


@pytest.mark.parametrize(("name", "ninth"), [("H100", 0.12), ("H200", 0.11)])
def test_the_cost_model_agrees_with_what_was_measured(name: str, ninth: float) -> None:
    path = MEASURED / f"{name.lower()}-grid.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    cells = [row for row in rows if row.get("median_s")]
    assert len(cells) >= 10
    off = []
    for cell in cells:
        settings = {
            "lora_rank": cell["rank"],
            "per_device_train_batch_size": cell["batch"],
            "gradient_accumulation_steps": cell["accumulation"],
            "tokens_per_sample": cell["row_tokens"],
            "gradient_checkpointing": cell["checkpointing"],
            "image_max_pixels": 16_777_216,  # as bench/gpu/grid.py asks for: no image was made smaller
        }
        modelled = cost_of(make_preset("cell", settings, RANK32), 1, gpu_named(f"NVIDIA {name}")).step_s
        off.append(abs(math.log(cell["median_s"] / modelled)))
    off.sort()
    assert off[len(off) // 2] < 0.02
    assert off[int(len(off) * 0.9)] < ninth  # cells of one or two short rows scatter by a fifth
