"""Where the recorded logs and transcripts of real systems are kept; tests that read them are skipped without them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shared_dir() -> Path:
    """The folder of recorded material: $WEBSIGHT_TUI_SHARED, else `shared` beside the checkout.

    Skips the calling test, with the reason, where there is none.
    """
    path = Path(os.environ.get("WEBSIGHT_TUI_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    if not (path / "logs").is_dir():
        pytest.skip("recorded logs and transcripts are not on this machine (set WEBSIGHT_TUI_SHARED)")
    return path
