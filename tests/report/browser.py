"""Where Chromium is, and how it is run without windows and without calls home."""

from __future__ import annotations

import os
import shutil
from typing import Final

BROWSER: Final = os.environ.get("WEBSIGHT_TUI_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), None
)
QUIET: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # the browser's own calls home end here too
    "--enable-logging=stderr",
)
DARK: Final = "--blink-settings=preferredColorScheme=0"
