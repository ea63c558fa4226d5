"""Writes run folders for tests, with the app's own side of run.json."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from websight_tui.presets import BUILT_IN, Preset
from websight_tui.runspec import RunSpec, to_json

PRESETS = {preset.name: preset for preset in BUILT_IN}


def preset(name: str = "tiny", **changes: Any) -> Preset:
    """A built-in preset with changes, on a cluster of 8 GPUs a node."""
    made = PRESETS[name]
    gpus = 8 if made.gpus_per_node is None else made.gpus_per_node
    return dataclasses.replace(made, **({"gpus_per_node": gpus, "time_limit": "8:00:00"} | changes))


def write_run(root: Path, run_id: str = "run", name: str = "tiny", **changes: Any) -> Path:
    """A run folder with run.json for the preset `name` with `changes`; returns the folder."""
    spec = RunSpec(run_id, "wst-0123456789ab", 0.0, "test", preset(name, **changes), str(root), "bundle")
    folder = root / "runs" / run_id
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(to_json(spec))
    return folder
