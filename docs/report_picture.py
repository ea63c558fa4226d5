"""The picture of a report for the documentation, taken by a real browser.

`python -m docs.report_picture` writes docs/images/report.png; the run is made up (tests/report/samples.py), the page is
what `websight-tui report` writes. Without Chromium it says so and leaves the picture as it is.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tests.report.browser import BROWSER, DARK, QUIET
from tests.report.samples import finished, report_of
from websight_tui.report.write import written

PICTURE: Final = Path(__file__).parent / "images" / "report.png"


def main() -> None:
    if BROWSER is None:
        print("No Chromium on this machine: docs/images/report.png is left as it is.")
        return
    run = finished()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_bytes(written(report_of(run), run.log, "html"))
        options = (*QUIET, DARK, "--hide-scrollbars", "--window-size=1120,1180", f"--user-data-dir={folder}/profile")
        subprocess.run(
            [BROWSER, *options, f"--screenshot={PICTURE}", page.as_uri()], check=True, capture_output=True, timeout=90
        )
    print(PICTURE)


if __name__ == "__main__":
    main()
