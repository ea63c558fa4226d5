"""The embedded cluster on a machine whose clock is wrong: its daemon, SSH server, commands and jobs, by libfaketime.

`python -m tests.faults.skewed FOLDER …` is the daemon itself, which hands the wrong clock on to logins and jobs.
"""

from __future__ import annotations

import glob
import os
import select
import subprocess
import sys
from pathlib import Path

from websight_tui.pocket import control, daemon
from websight_tui.pocket.control import PocketInfo

LIBRARY = next(iter(sorted(glob.glob("/usr/lib/*/faketime/libfaketime.so.1"))), "")  # noqa: PTH207
"""Of Debian's package libfaketime; "" where it is not installed."""
_CLOCK = ("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC")


def start(folder: Path, shift_s: int, nodes: int = 4) -> PocketInfo:
    """Starts a cluster in `folder` whose clock is `shift_s` seconds ahead of this machine's; control.stop ends it."""
    folder.mkdir(mode=0o700)
    env = {
        **os.environ,
        "LD_PRELOAD": LIBRARY,
        "FAKETIME": f"{shift_s:+d}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": os.pathsep.join(part for part in sys.path if part),
    }
    ready, tell = os.pipe()
    words = [sys.executable, "-m", "tests.faults.skewed", str(folder), f"--nodes={nodes}", f"--ready-fd={tell}"]
    with (folder / "daemon.log").open("ab") as log:
        child = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[tell], start_new_session=True, env=env
        )
    os.close(tell)
    select.select([ready], [], [], 30)
    os.close(ready)
    info = control.status(folder)
    assert info is not None, (folder / "daemon.log").read_text()
    child.returncode = 0  # on its own now
    return info


if __name__ == "__main__":
    daemon.INHERITED += _CLOCK
    sys.exit(daemon.main())
