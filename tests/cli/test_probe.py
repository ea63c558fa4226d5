"""`websight-tui probe`: the real trainer on the embedded cluster, and what a probe changes about a preset."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.cli.conftest import Desk
from websight_tui.presets import BUILT_IN, Preset, check_field
from websight_tui.projection.forecast import forecast
from websight_tui.projection.model import Forecast
from websight_tui.runs.forecasting import score_of
from websight_tui.runs.probing import is_probe, limited, probe_of
from websight_tui.runs.state import Outcome, Phase, RunView
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.model import Job
from websight_tui.slurm_commands.times import parse_duration

PRESETS = {preset.name: preset for preset in BUILT_IN}


def forecast_of(preset: Preset) -> Forecast:
    return forecast(preset, world_size=8, gpu="H100", limit_s=None)


@pytest.mark.parametrize("preset", BUILT_IN, ids=lambda preset: preset.name)
def test_a_probe_trains_like_its_preset_but_briefly(preset: Preset) -> None:
    probe = probe_of(preset)
    assert probe.total_steps(8) == 20
    assert is_probe(probe)
    assert not is_probe(preset)
    check_field("name", probe.name)
    changed = {f.name for f in dataclasses.fields(Preset) if getattr(probe, f.name) != getattr(preset, f.name)}
    assert changed <= {"name", "summary", "max_steps", "logging_steps", "signal_lead_s"}


def test_a_long_name_stays_a_name() -> None:
    probe = probe_of(dataclasses.replace(PRESETS["rank32"], name="x" * 40))
    check_field("name", probe.name)
    assert is_probe(probe)


def test_the_limit_of_a_probe_leaves_room_and_is_short() -> None:
    probe = probe_of(PRESETS["rank32"])
    made = forecast_of(probe)
    assert made.seconds_80 is not None
    seconds = parse_duration(limited(probe, made, 8 * 3600).time_limit or "")
    assert seconds is not None
    assert made.seconds_80[1] + probe.signal_lead_s < seconds < 3 * 3600
    assert limited(probe, made, 600).time_limit == "0:10:00"
    assert (limited(probe, dataclasses.replace(made, seconds_80=(1.0, 2.0)), None).time_limit) == "0:15:00"


def test_a_probe_is_not_scored_as_a_forecast() -> None:
    done = Job("1", state="COMPLETED", start_time=1000.0, end_time=2100.0, exit_code="0:0", final=True)
    for preset, scored in ((PRESETS["tiny"], True), (probe_of(PRESETS["tiny"]), False)):
        spec = RunSpec("r", "wst-1", 1.0, "small", preset, "/w", "abc")
        run = RunView(spec, Outcome.ACCEPTED, phase=Phase.FINISHED, jobs=(done,), forecast=forecast_of(preset))
        assert (score_of(run) is not None) is scored


@pytest.mark.timeout(300)
def test_a_probe_sharpens_the_forecast_with_the_real_trainer(desk: Desk, trainer_python: str) -> None:
    desk.configure(trainer_python)
    *progress, last = desk.json("probe", "tiny", timeout=240)
    assert {line["run"] for line in progress} == {last["probe"]}
    assert progress[-1]["phase"] == "finished"
    assert (progress[-1]["step"], progress[-1]["total_steps"]) == (20, 20)
    before, after = last["before"], last["after"]
    assert "no run of yours yet" in before["basis"]
    assert "1 run of yours on small" in after["basis"]
    assert "not counted" not in after["basis"]  # the trainer counted the rows
    assert before["steps"] == after["steps"] == 80
    ratios = [made["seconds_80"][1] / made["seconds_80"][0] for made in (before, after)]
    assert ratios[1] < ratios[0] * 0.6
    (later,) = desk.json("forecast", "tiny")  # and it is remembered
    assert later["seconds"] == pytest.approx(after["seconds"])
    assert later["track_record"] == ""


def test_a_probe_that_could_not_train_says_so(desk: Desk) -> None:
    status, out, err = desk.run("probe", "tiny", "--json", timeout=120)
    assert status == 1
    last = json.loads(out.splitlines()[-1])
    assert "tells nothing" in last["message"]
    assert "websight-tui logs tiny-probe-" in err


def test_too_few_steps_are_a_usage_error(desk: Desk) -> None:
    status, _, err = desk.run("probe", "tiny", "--steps", "3")
    assert status == 2
    assert "not a number of steps from 5 on" in err
