"""Every screen of the app in every state worth a look, on a made-up cluster (tests/tui/fakes.py), in order."""

from docs.scenes import first_minute, home, launching, a_run, saved, compared  # noqa: F401, I001 (the order of the pictures)
from docs.scenes.play import SCENES, SETTLE_S, Play, Scene

__all__ = ["SCENES", "SETTLE_S", "Play", "Scene"]
