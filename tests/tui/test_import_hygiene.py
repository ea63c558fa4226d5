"""The app starts quickly: nothing heavy is imported before it is needed."""

from __future__ import annotations

import os
import subprocess
import sys


def test_the_app_starts_without_ssh_and_without_plot_libraries() -> None:
    code = "import sys, websight_tui.tui.app; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "textual" in loaded
    assert not {"paramiko", "asyncssh", "cryptography", "plotext", "sqlite3", "regex"} & set(loaded)


def test_the_first_frame_waits_for_no_engine_no_projection_and_no_other_screen() -> None:
    """Each of these costs as much as a tenth of the start; they come after the first frame."""
    code = "import sys, websight_tui.tui.app; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    late = ("runs.engine", "runs.events", "runs.plan", "runs.bundle", "projection.pace", "projection.forecast")
    late += ("metrics.curves", "metrics.curve_fit", "tui.widgets.draw", "runs.saved_work.tasks", "runspec")
    late += ("slurm_commands.model", "tui.first_minute", "tui.new_cluster")
    late += ("tui.planner", "tui.remedy_list", "tui.run_chart", "tui.screens.run", "tui.screens.launch")
    assert not {f"websight_tui.{name}" for name in late} & set(loaded)


def test_frames_come_often_enough_unless_a_person_wants_it_otherwise() -> None:
    code = "import websight_tui.tui.app, textual.constants; print(textual.constants.MAX_FPS)"

    def frames(**more: str) -> str:
        env = {key: value for key, value in os.environ.items() if key != "TEXTUAL_FPS"} | more
        return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout

    assert frames() == "240\n"
    assert frames(TEXTUAL_FPS="30") == "30\n"
