"""run.json goes out and comes back unchanged; damage is said, not raised through."""

from __future__ import annotations

import dataclasses
import json

import pytest

from websight_tui.errors import WebsightError
from websight_tui.presets import BUILT_IN
from websight_tui.runspec import RunSpec, from_json, to_json


def spec(**changes: object) -> RunSpec:
    base = RunSpec(
        run_id="rank32-260101-120000-abcd",
        token="wst-0123456789ab",
        created_at=1_767_268_800.5,
        cluster="hai",
        preset=BUILT_IN[0],
        root="/home/a/websight-v2",
        bundle="0f" * 8,
        setup=("module load cuda",),
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("preset", BUILT_IN, ids=lambda p: p.name)
def test_round_trip(preset: object) -> None:
    original = spec(preset=preset)
    assert from_json(to_json(original)) == original


def test_paths_are_under_the_root() -> None:
    data = json.loads(to_json(spec()))
    assert data["run_dir"] == "/home/a/websight-v2/runs/rank32-260101-120000-abcd"
    assert data["out_dir"] == data["run_dir"] + "/out"


def test_the_digest_follows_the_settings_and_nothing_else() -> None:
    other = dataclasses.replace(BUILT_IN[0], lora_rank=8)
    assert spec().config_digest() == spec(token="wst-ffffffffffff").config_digest()
    assert spec().config_digest() != spec(preset=other).config_digest()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"v": 99}', '{"v": 1}', '{"v": 1, "preset": 3}', "\x00"])
def test_damage_is_one_of_our_errors(text: str) -> None:
    with pytest.raises(WebsightError):
        from_json(text)
