"""The embedded cluster as the demo uses it: where it lives, what it trains with, its place in the configuration."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from websight_tui.config import POCKET, Cluster, Config, data_dir
from websight_tui.errors import WebsightError

if TYPE_CHECKING:
    from websight_tui.pocket.control import PocketInfo

TRAINER_PYTHON: Final = "WEBSIGHT_TUI_TRAINER_PYTHON"
"""Environment variable: the Python that has LLaMA-Factory, for the demo's jobs."""
DEMO_EPOCHS: Final = 5.0
"""400 steps of the tiny model: about half a minute on one core."""
NEEDED: Final = ("torch", "transformers", "peft", "llamafactory")


def demo_folder() -> Path:
    """Everything that belongs to the demo: the cluster's state and the history of its runs."""
    return data_dir() / "demo"


def find_trainer_python() -> str | None:
    """A Python that can really train: $WEBSIGHT_TUI_TRAINER_PYTHON, else this one if it has LLaMA-Factory.

    Raises: WebsightError if the variable names a Python that cannot.
    """
    check = f"import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, {NEEDED!r})))"
    chosen = os.environ.get(TRAINER_PYTHON)
    for python in (chosen, sys.executable):
        if not python:
            continue
        try:
            works = subprocess.run([python, "-c", check], capture_output=True, timeout=30, check=False).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            works = False
        if works:
            return python
        if python == chosen:
            raise WebsightError(
                f"{TRAINER_PYTHON}={chosen} cannot train: it lacks one of {', '.join(NEEDED)}",
                "`make demo` makes such an environment; unset the variable to watch the replay.",
            )
    return None


def replay_python(folder: Path) -> str:
    """A stand-in for the trainer's Python that plays a recorded run back instead of training.

    Job scripts call it exactly as they call Python, so everything but the training itself is real.
    """
    path = folder / "replay-trainer"
    command = shlex.join([sys.executable, "-m", "websight_tui.pocket.replay"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def start_cluster(folder: Path | None = None, *, replay: bool = False) -> tuple[Cluster, bool]:
    """Starts the embedded cluster (or finds it running).

    Args:
        folder: where it keeps its state; the demo's own if None.
        replay: play the recorded run even where the trainer is installed.

    Returns: the cluster's configuration, and whether its jobs replay a recorded run instead of training.
    """
    from websight_tui.pocket import control

    home = folder or demo_folder()
    python = None if replay else find_trainer_python()
    info = control.start(home / "cluster")
    return _cluster(info, python or replay_python(home)), python is None


def running_cluster(folder: Path | None = None) -> Cluster | None:
    """The embedded cluster if it is running."""
    from websight_tui.pocket import control

    home = folder or demo_folder()
    info = control.status(home / "cluster")
    if info is None:
        return None
    return _cluster(info, find_trainer_python() or replay_python(home))


def stop_cluster(folder: Path | None = None) -> None:
    """Ends the embedded cluster and its jobs."""
    from websight_tui.pocket import control

    control.stop((folder or demo_folder()) / "cluster")


def _cluster(info: PocketInfo, python: str) -> Cluster:
    return Cluster(
        POCKET,
        info.endpoint,
        root="~/websight",
        account="demo",
        partition="demo",
        gpus_per_node=8,  # the pocket nodes claim them, so that the guide's presets look as on a real cluster
        python=python,
        poll_floor_s=1.0,
        login_shell=False,
    )


def demo_config(config: Config, cluster: Cluster) -> Config:
    """`config` with the demo's cluster alone, and 'tiny' first and long enough to be watched."""
    tiny = config.presets["tiny"]
    longer = replace(tiny, num_train_epochs=max(DEMO_EPOCHS, tiny.num_train_epochs))
    presets = {tiny.name: longer} | {name: p for name, p in config.presets.items() if name != tiny.name}
    return replace(config, clusters=MappingProxyType({POCKET: cluster}), presets=MappingProxyType(presets))
