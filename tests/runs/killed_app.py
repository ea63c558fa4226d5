"""An app that is killed (SIGKILL) in the middle of a submission, as a real process: `python -m tests.runs.killed_app`.

Its one argument is the JSON that `kill_in` makes.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from websight_tui.config import Cluster, load_config
from websight_tui.remote.port import Endpoint
from websight_tui.runs.events import Event, SubmitBegan, SubmitProgress

MOMENTS = ("intent stored", "uploading the trainer", "writing the run folder", "asking Slurm", "answered")
"""Where an app can be killed; the three in the middle are stages that a submission reports."""


def kill_in(
    cluster: Cluster,
    folder: Path,
    name: str,
    moment: str,
    *,
    delay_s: float = 0.0,
    after: str = "",
    **preset: object,
) -> None:
    """Submits a run from a process of its own and kills that at `moment`.

    Args:
        folder, name: the history is in folder/name, as for `Pocket.start(name)`.
        delay_s: seconds after the moment; only for "asking Slurm", while sbatch works.
        after: not before a file of this pattern exists ("…/.submit-*/stdout": sbatch has been started).
        preset: changes to the tiny preset.
    """
    order = {
        "cluster": dataclasses.asdict(cluster),
        "folder": str(folder),
        "name": name,
        "moment": moment,
        "delay_s": delay_s,
        "after": after,
        "preset": preset,
    }
    words = [sys.executable, "-m", "tests.runs.killed_app", json.dumps(order)]
    ended = subprocess.run(words, timeout=120, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(pattern: str, delay_s: float) -> None:
    while pattern and not any(Path("/").glob(pattern.lstrip("/"))):
        threading.Event().wait(0.05)
    threading.Event().wait(delay_s)
    die()


def main(order: dict[str, Any]) -> None:
    from tests.runs.test_pocket_runs import Pocket

    folder = Path(order["folder"])
    values = order["cluster"]
    cluster = Cluster(**{**values, "endpoint": Endpoint(**values["endpoint"]), "setup": tuple(values["setup"])})
    config = dataclasses.replace(load_config(folder / "none"), clusters={cluster.name: cluster})
    there = Pocket(config, folder)
    engine, _ = there.start(order["name"])
    emit, moment = engine._emit, order["moment"]

    def watched(event: Event) -> None:
        if moment == "intent stored" and isinstance(event, SubmitBegan):
            die()
        if isinstance(event, SubmitProgress) and event.stage == moment:
            if moment != "asking Slurm":
                die()
            threading.Thread(target=die_after, args=(order["after"], order["delay_s"]), daemon=True).start()
        emit(event)

    engine._emit = watched  # type: ignore[method-assign]
    if moment == "answered":
        engine.store.settle = lambda *_, **__: die()  # type: ignore[assignment,return-value]
    engine.submit(there.plan(3, 0.05, **order["preset"]))
    threading.Event().wait(90)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
