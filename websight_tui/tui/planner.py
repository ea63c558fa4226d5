"""Plans and forecasts for the screens, from the configuration and earlier runs: nothing here asks a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from websight_tui.config import Cluster, Config
from websight_tui.presets import Preset
from websight_tui.projection.model import Forecast
from websight_tui.runs.forecasting import forecast_for, history_of
from websight_tui.runs.plan import LaunchPlan, plan_launch
from websight_tui.runs.state import RunView


class LocalPlanner:
    """The Planner that the app uses."""

    def __init__(self) -> None:
        self._history = history_of(())

    def learn(self, runs: Sequence[RunView]) -> None:
        """Takes earlier runs as ground for forecasts."""
        self._history = history_of(runs)

    def plan(self, config: Config, cluster: Cluster, preset: Preset, base: Preset, now: float) -> LaunchPlan:
        """What launching `preset` on `cluster` would do. Raises BundleError if the trainer's files are not there."""
        return plan_launch(config, cluster, preset, base, now=now, forecast=self.forecast(cluster, preset))

    def forecast(self, cluster: Cluster, preset: Preset, samples: int | None = None) -> Forecast:
        """How long `preset` would take on `cluster`, by the cost model and earlier runs.

        Args:
            samples: rows of the training data, if they have been counted there.
        """
        return forecast_for(cluster, preset, self._history, samples=samples)
