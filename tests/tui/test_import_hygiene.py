"""The app starts quickly: nothing heavy is imported before it is needed."""

from __future__ import annotations

import subprocess
import sys


def test_the_app_starts_without_ssh_and_without_plot_libraries() -> None:
    code = "import sys, websight_tui.tui.app; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "textual" in loaded
    assert not {"paramiko", "asyncssh", "cryptography", "plotext", "sqlite3"} & set(loaded)
