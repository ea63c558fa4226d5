"""What most commands need: the configuration, the cluster that is meant, the run that is meant."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from websight_tui.config import LOCAL, POCKET, Cluster, Config, data_dir, load_config
from websight_tui.errors import ConfigError, WebsightError
from websight_tui.presets import Preset, check_field, make_preset

if TYPE_CHECKING:
    from websight_tui.runs.state import RunView


@dataclass(frozen=True, slots=True)
class Context:
    """The configuration, with the running demo cluster added, and where run history is kept.

    The demo's runs have a history of their own, so that trying it out leaves nothing between real runs.
    """

    config: Config
    data: Path

    @classmethod
    def of(cls, args: argparse.Namespace) -> Context:
        """The context of one command; `args.cluster` "demo" means the embedded cluster and its history."""
        config = load_config()
        if getattr(args, "cluster", None) == POCKET:
            from websight_tui.cli.demo_cluster import demo_config, demo_folder, running_cluster

            cluster = running_cluster()
            if cluster is None:
                raise ConfigError("the demo cluster is not running", "Start it with `websight-tui demo`.")
            return cls(demo_config(config, cluster), demo_folder())
        return cls(config, data_dir())

    def cluster(self, name: str) -> Cluster:
        """The cluster of that name. Raises ConfigError with the known names."""
        if name not in self.config.clusters:
            known = ", ".join(self.config.clusters)
            raise ConfigError(f"no cluster '{name}' in {self.config.path}", f"Known: {known}.")
        return self.config.clusters[name]

    def cluster_or_default(self, name: str | None) -> Cluster:
        """The named cluster, else the first configured one, else this machine."""
        if name is not None:
            return self.cluster(name)
        return next((c for c in self.config.clusters.values() if c.name != LOCAL), self.config.clusters[LOCAL])

    def preset(self, name: str) -> Preset:
        """The preset of that name. Raises ConfigError with the known names."""
        if name not in self.config.presets:
            raise ConfigError(f"no preset '{name}'", f"Known: {', '.join(self.config.presets)}.")
        return self.config.presets[name]

    def edited_preset(self, name: str, settings: Sequence[str]) -> tuple[Preset, Preset]:
        """(the preset with FIELD=VALUE settings applied, the one it came from). Raises PresetError, ConfigError."""
        base = self.preset(name)
        values: dict[str, object] = {}
        for setting in settings:
            field, equals, text = setting.partition("=")
            if not equals:
                raise ConfigError(f"--set {setting}: expected FIELD=VALUE", "For example --set lora_rank=16.")
            values[field.strip()] = check_field(field.strip(), text.strip())
        return (make_preset(base.name, values, base) if values else base), base


def find_run(runs: Sequence[RunView], wanted: str) -> RunView:
    """The run whose id begins with `wanted` ("last": the newest). Raises WebsightError if none or several do."""
    if not runs:
        raise WebsightError("no runs yet", "Start one with `websight-tui submit PRESET`, or in the app.")
    newest_first = sorted(runs, key=lambda run: run.spec.created_at, reverse=True)
    if wanted == "last":
        return newest_first[0]
    found = [run for run in newest_first if run.spec.run_id.startswith(wanted)]
    exact = [run for run in found if run.spec.run_id == wanted]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if found:
        raise WebsightError(f"'{wanted}' begins {len(found)} run ids", f"The newest is {found[0].spec.run_id}.")
    raise WebsightError(f"no run '{wanted}'", f"The newest is {newest_first[0].spec.run_id}.")
