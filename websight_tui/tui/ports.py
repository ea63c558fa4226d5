"""What the app needs from the world, as narrow protocols; the real things and the tests' fakes both satisfy them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from websight_tui.config import Cluster, Config
from websight_tui.presets import Preset
from websight_tui.projection.model import Forecast
from websight_tui.remote.port import Prompter
from websight_tui.runs.events import Event
from websight_tui.runs.plan import LaunchPlan
from websight_tui.runs.state import RunView

Emit = Callable[[Event], None]
"""How an engine tells what happened; callable from any thread."""
Clock = Callable[[], float]
"""Unix time in seconds."""


class EnginePort(Protocol):
    """The work behind the screens (`runs.engine.Engine`). Nothing waits for a cluster; answers come as events."""

    def load(self) -> None: ...
    def connect(self, cluster: str, prompter: Prompter | None = None) -> None: ...
    def disconnect(self, cluster: str) -> None: ...
    def home(self, cluster: str) -> str: ...
    def preflight(self, plan: LaunchPlan) -> None: ...
    def submit(self, plan: LaunchPlan) -> None: ...
    def cancel(self, run_id: str) -> None: ...
    def cancel_job(self, cluster: str, job_id: str) -> None: ...
    def watch_job(self, cluster: str, job_id: str) -> str: ...
    def resume(self, run_id: str) -> None: ...
    def hold(self, run_id: str) -> None: ...
    def release(self, run_id: str) -> None: ...
    def requeue(self, run_id: str) -> None: ...
    def save_and_stop(self, run_id: str) -> None: ...
    def set_time_limit(self, run_id: str, seconds: int) -> None: ...
    def hide(self, run_id: str) -> None: ...
    def focus(self, run_id: str | None) -> None: ...
    def set_visible(self, visible: bool) -> None: ...
    def refresh(self, cluster: str) -> None: ...
    def close(self) -> None: ...


EngineFactory = Callable[[Emit], EnginePort]
"""Makes the engine; given to the app's constructor, called on its start."""


class Planner(Protocol):
    """Works out, without I/O on a cluster, what a launch would do."""

    def plan(self, config: Config, cluster: Cluster, preset: Preset, base: Preset, now: float) -> LaunchPlan:
        """Raises PresetError, ConfigError or BundleError."""
        ...

    def forecast(self, cluster: Cluster, preset: Preset, samples: int | None = None) -> Forecast:
        """`samples`: true rows of the training data, where they have been counted."""
        ...

    def learn(self, runs: Sequence[RunView]) -> None:
        """Takes earlier runs as ground for forecasts."""
        ...


class Notifier(Protocol):
    """How a person who looks elsewhere is told."""

    def tell(self, title: str, body: str) -> None: ...
    def set_title(self, title: str) -> None: ...


@dataclass(frozen=True, slots=True)
class DemoInfo:
    """That this is no real cluster.

    Args:
        banner: on every screen ("demo · embedded cluster", "replay").
        preset: the one that the cursor begins on.
    """

    banner: str
    preset: str = "tiny"
