"""Plans and forecasts for the screens, from the configuration and earlier runs: nothing here asks a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from websight_tui.config import Cluster, Config
from websight_tui.presets import Preset
from websight_tui.projection.history import PastRun
from websight_tui.projection.model import Forecast
from websight_tui.runs.forecasting import forecast_for, history_of
from websight_tui.runs.plan import LaunchPlan, plan_launch
from websight_tui.runs.state import RunView
from websight_tui.slurm_commands.site import NOT_KNOWN, Layout


class LocalPlanner:
    """The Planner that the app uses."""

    def __init__(self) -> None:
        self._history: tuple[PastRun, ...] = ()
        self._read: dict[tuple[str, int], tuple[PastRun, ...]] = {}
        self._layouts: Mapping[str, Layout] = {}

    def learn(self, runs: Sequence[RunView], layouts: Mapping[str, Layout]) -> None:
        """Takes earlier runs as ground for forecasts, and what bounds jobs on each cluster.

        What a run teaches is worked out once for each state of its log: a long history comes piece by piece.
        """
        read, oldest_first = self._read, sorted(runs, key=lambda run: run.spec.created_at)
        keys = [(run.spec.run_id, run.log_version) for run in oldest_first]
        self._read = {
            key: read[key] if key in read else history_of((run,)) for key, run in zip(keys, oldest_first, strict=True)
        }
        self._history, self._layouts = tuple(chain.from_iterable(self._read.values())), layouts

    def plan(self, config: Config, cluster: Cluster, preset: Preset, base: Preset, now: float) -> LaunchPlan:
        """What launching `preset` on `cluster` would do. Raises BundleError if the trainer's files are not there."""
        return plan_launch(config, cluster, preset, base, now=now, forecast=self.forecast(cluster, preset))

    def forecast(self, cluster: Cluster, preset: Preset, samples: int | None = None) -> Forecast:
        """How long `preset` would take on `cluster`, by the cost model and earlier runs.

        Args:
            samples: rows of the training data, if they have been counted there.
        """
        layout = self._layouts.get(cluster.name, NOT_KNOWN)
        return forecast_for(cluster, preset, self._history, samples=samples, layout=layout)
