"""Records a real run of the real trainer for the demo's replay.

    WEBSIGHT_TUI_TRAINER_PYTHON=.venv-trainer/bin/python python -m docs.record_replay

Runs the demo's preset on an embedded cluster of its own and writes down what reached events.jsonl and the job's two
outputs, and when, into websight_tui/pocket/recorded_run.jsonl.
"""

from __future__ import annotations

import json
import re
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from websight_tui.cli.demo_cluster import demo_config, start_cluster, stop_cluster
from websight_tui.cli.follow import submit
from websight_tui.cli.session import session
from websight_tui.config import parse_config
from websight_tui.errors import WebsightError
from websight_tui.pocket.replay import RECORDING, RUN_DIR
from websight_tui.runs.phase import OVER

TICK_S: Final = 0.05
START_UP_S: Final = 2.0
"""The trainer's silent start-up (imports, making the model) is shortened to this in the replay."""


def follow_files(files: dict[str, Path], began: float, done: threading.Event) -> list[tuple[float, str, str]]:
    """(seconds since `began`, which file, text) for all that is appended to `files` until `done`."""
    offsets = dict.fromkeys(files, 0)
    pieces = []
    while True:
        last_look = done.is_set()
        for name, path in files.items():
            if not path.exists():
                continue
            data = path.read_bytes()[offsets[name] :]
            if name == "events":
                data = data[: data.rfind(b"\n") + 1]
            offsets[name] += len(data)
            if data:
                pieces.append((time.time() - began, name, data.decode(errors="replace")))
        if last_look:
            return pieces
        done.wait(TICK_S)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="record-") as temporary:
        folder = Path(temporary)
        cluster, replay = start_cluster(folder)
        try:
            if replay:
                raise WebsightError("there is no trainer to record", "Set WEBSIGHT_TUI_TRAINER_PYTHON.")
            config = demo_config(parse_config("", folder / "config.toml"), cluster)
            with session(config, folder) as current:
                current.connect(cluster)
                run_id = submit(current, config, cluster, config.presets["tiny"], None)
                run = current.state.runs[run_id]
                run_dir = Path(run.spec.run_dir)
                assert run.job is not None
                done = threading.Event()
                pieces: list[tuple[float, str, str]] = []
                files = {"events": run_dir / "events.jsonl"}
                files |= {name: run_dir / f"job-{run.job.job_id}.{name}" for name in ("out", "err")}
                recorder = threading.Thread(target=lambda: pieces.extend(follow_files(files, time.time(), done)))
                recorder.start()
                for _ in current.events():
                    if current.state.runs[run_id].phase in OVER:
                        break
                done.set()
                recorder.join()
                print(f"{run_id}: {current.state.runs[run_id].phase.value}")
        finally:
            stop_cluster(folder)
    checkout = str(Path(__file__).resolve().parents[1])
    with RECORDING.open("w", encoding="utf-8") as out:
        for at, name, text in pieces:
            for line in text.splitlines(keepends=True) if name == "events" else [text]:
                clean = line.replace(str(run_dir), RUN_DIR).replace(checkout, "~")
                clean = re.sub(re.escape(str(folder)) + r"/[^\s'\"]*", "~/websight", clean)
                out.write(
                    json.dumps({"at": round(at - pieces[0][0] + START_UP_S, 2), "to": name, "text": clean}) + "\n"
                )
    print(f"{len(pieces)} pieces, {RECORDING.stat().st_size / 1000:.0f} kB in {RECORDING}")


if __name__ == "__main__":
    main()
