"""The app as `websight-tui` starts it, with a probe on its event loop: `python -m bench.probed REPORT [ARGUMENTS…]`.

A timer of 10 ms notes how late it was, as lines "MOMENT DELAY" in REPORT: seconds, the moment of `time.monotonic`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TextIO

from websight_tui.cli import main
from websight_tui.tui.app import WebsightApp

EVERY_S = 0.01


def delays(report: Path, begin: float, end: float) -> list[float]:
    """What a probe noted between two moments of `time.monotonic`."""
    pairs = (line.split() for line in report.read_text().splitlines())
    return [float(pair[1]) for pair in pairs if len(pair) == 2 and begin <= float(pair[0]) <= end]


async def _note(report: TextIO) -> None:
    while True:
        begin = time.monotonic()
        await asyncio.sleep(EVERY_S)
        now = time.monotonic()
        report.write(f"{now:.4f} {max(0.0, now - begin - EVERY_S):.4f}\n")


async def _with_probe(app: WebsightApp, report: TextIO) -> None:
    probe = asyncio.create_task(_note(report))
    try:
        await app.run_async()
    finally:
        probe.cancel()


if __name__ == "__main__":
    with Path(sys.argv[1]).open("w", buffering=1) as notes:

        def run(app: WebsightApp) -> None:
            asyncio.run(_with_probe(app, notes))

        WebsightApp.run = run  # type: ignore[method-assign, assignment]
        sys.exit(main(sys.argv[2:]))
